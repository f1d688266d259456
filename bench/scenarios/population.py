"""Round trips of customers who are few or many, with few or many services each.

The customers come by the bulk import; a gateway that is started afterwards is measured, so nothing about them is in its
memory. Those who write are scattered over all of them.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.errors import SkippedError
from bench.figures import Figure, Result
from bench.gateway import Gateway, Setup
from bench.lab import EmptyEndpoint, Lab, empty_figures
from bench.load.traffic import Customers, Senders
from bench.scenarios.round_trips import RoundTrips, in_hundreds, one_a_request
from bench.usage import memory_mb

BYTES_A_LINE = 1_500
"""As much as the database grows by for a line of an import, with what is not yet in the main file; at least 1,100."""


def few_with_few(lab: Lab, empty: EmptyEndpoint) -> Result:
    """2 thousand customers with 5 services."""
    return _population(lab, empty, Customers(lab.scale.few_customers, lab.scale.few_services))


def few_with_many(lab: Lab, empty: EmptyEndpoint) -> Result:
    """2 thousand customers with 50 services."""
    return _population(lab, empty, Customers(lab.scale.few_customers, lab.scale.many_services))


def many_with_few(lab: Lab, empty: EmptyEndpoint) -> Result:
    """A million customers with 5 services."""
    return _population(lab, empty, Customers(lab.scale.many_customers, lab.scale.few_services))


def many_with_many(lab: Lab, empty: EmptyEndpoint) -> Result:
    """A million customers with 50 services."""
    return _population(lab, empty, Customers(lab.scale.many_customers, lab.scale.many_services))


@dataclass(frozen=True, slots=True)
class _Filled:
    """A database with customers, and what the import took."""

    setup: Setup
    seconds: float
    processor_seconds: float
    database_mb: float


def _population(lab: Lab, empty: EmptyEndpoint, customers: Customers) -> Result:
    _require_room(lab, customers)
    filled = _fill(lab, customers)
    try:
        with lab.gateway(filled.setup) as gateway:
            figures = _measure(lab, empty, gateway, customers)
    finally:
        shutil.rmtree(filled.setup.folder)
    lines = customers.line_count
    return Result(
        figures=[
            Figure.of("import, lines", "/s", [lines / filled.seconds]),
            Figure.of("import, processor time a line", "µs", [filled.processor_seconds / lines * 1e6]),
            Figure.of("database after the import", "MB", [filled.database_mb]),
            *figures,
        ],
        notes=[f"{customers.count:,} customers with {customers.services} services each, {lines:,} lines"],
    )


def _require_room(lab: Lab, customers: Customers) -> None:
    need, free = customers.line_count * BYTES_A_LINE, shutil.disk_usage(lab.folder).free
    if need > free:
        raise SkippedError(f"The database may take {need / 1e9:,.0f} GB, but only {free / 1e9:,.0f} GB are free.")


def _fill(lab: Lab, customers: Customers) -> _Filled:
    setup = lab.empty_database()
    with lab.gateway(setup) as gateway:
        began, meter = time.monotonic(), gateway.meter()
        lab.fill(gateway, customers)
        seconds, used = time.monotonic() - began, meter.stop()
        return _Filled(setup, seconds, used.seconds["gateway"], gateway.database_mb)


def _measure(lab: Lab, empty: EmptyEndpoint, gateway: Gateway, customers: Customers) -> Sequence[Figure]:
    """Measure turns of single messages, then turns of arrays."""
    at_start = memory_mb(gateway.pid)
    senders = Senders(customers, scattered=True)
    most = customers.count * customers.messages_each
    figures: list[Figure] = []
    for name, shape in (("single", one_a_request(lab)), ("array", in_hundreds(lab, lab.scale.array_messages))):
        # Two shapes, each with a warm-up as long as a turn.
        share = min(shape.share, most // (2 * (lab.scale.turns + 1)))
        figures += _round_trips(lab, empty, RoundTrips(lab, gateway, replace(shape, share=share), senders), name)
    return [
        *figures,
        Figure.of("resident memory at the start", "MB", [at_start]),
        Figure.of("resident memory at the end", "MB", [memory_mb(gateway.pid)]),
    ]


def _round_trips(lab: Lab, empty: EmptyEndpoint, trips: RoundTrips, name: str) -> Sequence[Figure]:
    trips.count_replies()
    pairs = lab.turns(name, trips.share, empty.share)
    shares = [share for _, share in pairs]
    return [
        Figure.of(f"{name}, processor time a round trip", "µs", [sum(one.microseconds.values()) for one in shares]),
        Figure.of(f"{name}, round trips", "/s", [one.messages / one.seconds for one in shares]),
        Figure.of(f"{name}, replies to a message", "", [trips.replies]),
        *(replace(figure, name=f"{name}, {figure.name}") for figure in empty_figures([one for one, _ in pairs])),
    ]
