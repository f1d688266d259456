"""Imports, and the memory of a gateway that has many customers and has answered many messages."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.figures import Figure, Result
from bench.gateway import Gateway
from bench.lab import EmptyEndpoint, Lab, empty_figures
from bench.load.traffic import Customers, Senders
from bench.scenarios.round_trips import RoundTrips, Share, in_hundreds
from bench.usage import memory_mb

IMPORT_RATE = "lines a processor second"
PARTS = 10
"""Memory is read after each tenth of the messages."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One turn of the import."""

    lines: int
    seconds: float
    processor_seconds: float

    @property
    def microseconds(self) -> float:
        """Processor time a line in µs."""
        return self.processor_seconds / self.lines * 1e6


def imports(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Customers and their subscriptions by the bulk import, in requests of 1,000 lines."""
    scale = lab.scale
    share = scale.import_lines // (scale.services + 1)
    with lab.gateway(lab.empty_database()) as gateway:
        groups = _groups(share, scale.services)
        _import(gateway, next(groups))  # warm up
        pairs = lab.turns("lines", lambda: _import(gateway, next(groups)), empty.share)
    return Result(
        figures=[
            Figure.of(IMPORT_RATE, "", [1e6 / one.microseconds for _, one in pairs]),
            Figure.of("processor time a line", "µs", [one.microseconds for _, one in pairs]),
            *empty_figures([one for one, _ in pairs]),
            Figure.of("empty endpoint / line", "", [share.microseconds / one.microseconds for share, one in pairs]),
            Figure.of("lines", "/s", [one.lines / one.seconds for _, one in pairs]),
        ]
    )


def _groups(customers: int, services: int) -> Iterator[Customers]:
    """Yield groups of new customers."""
    first = Customers(customers, services)
    while True:
        yield first
        first = Customers(customers, services, first.first + customers)


def _import(gateway: Gateway, customers: Customers) -> Imported:
    lines = list(customers.lines())
    gateway.import_catalogue(customers)
    began, meter = time.monotonic(), gateway.meter()
    gateway.import_lines(lines)
    return Imported(len(lines), time.monotonic() - began, meter.stop().seconds["gateway"])


def memory(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Many customers, imported by the process that is measured; all of them write, in arrays of 100."""
    scale = lab.scale
    customers = Customers(scale.memory_customers, scale.memory_services)
    shape = in_hundreds(lab, scale.memory_messages // PARTS)
    shares = [empty.share()]
    sizes, spent = [], []
    with lab.gateway(lab.empty_database()) as gateway:
        at_start = memory_mb(gateway.pid)
        lab.fill(gateway, customers)
        filled = memory_mb(gateway.pid)
        trips = RoundTrips(lab, gateway, shape, Senders(customers))
        with lab.display.stage("messages", PARTS) as watch:
            for part in range(1, PARTS + 1):
                spent.append(sum(trips.share().microseconds.values()))
                sizes.append(memory_mb(gateway.pid))
                watch(part)
        most = memory_mb(gateway.pid, "VmHWM")
    shares.append(empty.share())
    half, end = sizes[PARTS // 2 - 1], sizes[-1]
    return Result(
        figures=[
            Figure.of("resident memory at the start", "MB", [at_start]),
            Figure.of(f"after the import of {customers.count:,} customers", "MB", [filled]),
            Figure.of(f"after {scale.memory_messages // 2:,} messages", "MB", [half]),
            Figure.of(f"after {scale.memory_messages:,} messages", "MB", [end]),
            Figure.of("growth over the last half of the messages", "MB", [end - half]),
            Figure.of("the most it ever had", "MB", [most]),
            Figure.of("processor time a round trip, in each tenth of the messages", "µs", spent),
            *empty_figures(shares),
        ],
        notes=[_after_tenths("MB", sizes)],
        taken_in="tenths",
    )


def volume(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Many messages, in arrays of 100: whether the last ones cost more than the first, and what they leave behind."""
    empty_shares = [empty.share()]
    with lab.gateway(lab.empty_database()) as gateway:
        shares, sizes, databases = _send_volume(lab, gateway)
        most = memory_mb(gateway.pid, "VmHWM")
    empty_shares.append(empty.share())
    spent = [sum(share.microseconds.values()) for share in shares]
    rates = [share.messages / share.seconds for share in shares]
    grown = (databases[-1] - databases[0]) * 1e6 / sum(share.messages for share in shares)
    return Result(
        figures=[
            Figure.of("processor time a round trip, in each tenth", "µs", spent),
            Figure.of("the same, last tenth / first tenth", "", [spent[-1] / spent[0]]),
            Figure.of("round trips, in each tenth", "/s", rates),
            Figure.of("resident memory after the import", "MB", sizes[:1]),
            Figure.of("resident memory at the end", "MB", sizes[-1:]),
            Figure.of("the most it ever had", "MB", [most]),
            Figure.of("database after the import", "MB", databases[:1]),
            Figure.of("database at the end", "MB", databases[-1:]),
            Figure.of("bytes that a round trip leaves in the database", "", [grown]),
            *empty_figures(empty_shares),
        ],
        notes=[
            _after_tenths("µs a round trip", spent),
            _after_tenths("round trips a second", rates),
            _after_tenths("MB of memory", sizes[1:]),
            _after_tenths("MB of database", databases[1:]),
        ],
        taken_in="tenths",
    )


def _send_volume(lab: Lab, gateway: Gateway) -> tuple[list[Share], list[float], list[float]]:
    """Send all; return each tenth, and MB of memory and database before the first one and after each."""
    scale = lab.scale
    customers = Customers(scale.volume_customers, scale.few_services)
    part = scale.volume_messages // PARTS
    lab.fill(gateway, customers)
    trips = RoundTrips(lab, gateway, in_hundreds(lab, part), Senders(customers, scattered=True))
    shares: list[Share] = []
    sizes, databases = [memory_mb(gateway.pid)], [gateway.database_mb]
    with lab.display.stage("messages", part * PARTS) as watch:
        for number in range(1, PARTS + 1):
            shares.append(trips.share())
            sizes.append(memory_mb(gateway.pid))
            databases.append(gateway.database_mb)
            watch(number * part)
    return shares, sizes, databases


def _after_tenths(name: str, values: Iterable[float]) -> str:
    return f"{name}, after each tenth of the messages: " + ", ".join(f"{value:,.0f}" for value in values)
