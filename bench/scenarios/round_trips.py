"""Full round trips, paired with the empty endpoint: single messages, arrays, out through HTTP, PostgreSQL.

A round trip: a message is posted to the webhook, stored, turned into a reply; the provider takes the reply, and that is
stored.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from bench.errors import BenchError
from bench.figures import REST, Figure, Result, Stages
from bench.gateway import TAKEN, WEBHOOK, Gateway, Setup
from bench.lab import EmptyEndpoint, EmptyShare, Lab, empty_figures
from bench.load.generator import quantile
from bench.load.sending import Outcome
from bench.load.traffic import Customers, Message, Senders, in_arrays, one_each
from bench.postgres import postgresql as postgresql_server
from bench.processes import free_port, serving
from bench.usage import Used

RATIO = "empty endpoint / round trip"
TIME = "processor time a round trip"
# Messages come in by the webhook that is always there, which cannot send; so replies go to this carrier.
_CARRIER_SETTINGS = """\
default_provider: carrier
providers:
  carrier:
    kind: generic
    secret: whsec_YmVuY2htYXJrIG9mIHRoZSB3YXkgb3V0
    send_url: http://127.0.0.1:{port}/send
    rate: 100000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How messages are sent and how many at a time."""

    share: int
    connections: int
    requests: Callable[[str, Sequence[Message]], list[bytes]]
    expected: int = 202


@dataclass(frozen=True, slots=True)
class Share:
    """One turn of the gateway: what its processes used, how fast it was, and what the load generator saw."""

    messages: int
    seconds: float
    used: Used
    outcome: Outcome

    @property
    def microseconds(self) -> dict[str, float]:
        """Processor time a message in µs, by whose processes used it."""
        return {name: spent / self.messages * 1e6 for name, spent in self.used.seconds.items()}


@dataclass(slots=True)
class RoundTrips:
    """Sends shares of messages through a gateway."""

    lab: Lab
    gateway: Gateway
    shape: Shape
    senders: Senders
    replies: int = 1
    """Messages that answer one message, if the reply is split."""

    def count_replies(self) -> None:
        """Send a share to warm up, and find out how many messages a reply is."""
        share, taken = self._send(None)
        self.replies, rest = divmod(taken, share.messages)
        if rest or not self.replies:
            raise BenchError(f"{share.messages:,} messages were accepted, but {taken:,} replies were taken")

    def share(self, count: int | None = None) -> Share:
        """Send messages and wait until all is done. Raise BenchError unless each got its reply."""
        share, taken = self._send(count)
        if taken != share.messages * self.replies:
            raise BenchError(f"{share.messages:,} messages were accepted, but {taken:,} replies were taken")
        return share

    def _send(self, count: int | None) -> tuple[Share, int]:
        """Send messages, wait until all is done, and return the number of replies that were taken, too."""
        messages = self.senders.take(count or self.shape.share)
        requests, expected = self.shape.requests(WEBHOOK, messages), frozenset({self.shape.expected})
        plan = self.lab.plan(self.gateway.port, requests, connections=self.shape.connections, expected=expected)
        taken = self.gateway.counted(TAKEN)
        meter = self.gateway.meter()
        outcome = self.lab.generator.run(plan)
        idle_at = self.gateway.drain(self.lab.limit_seconds)
        used = meter.stop()
        taken = self.gateway.counted(TAKEN) - taken
        return Share(len(messages), idle_at - outcome.started, used, outcome), taken


# ---- the scenarios


def single(lab: Lab, empty: EmptyEndpoint) -> Result:
    """One message a request."""
    return _paired(lab, empty, one_a_request(lab), lab.customers(), lab.with_customers)


def array(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Requests with 100 messages each."""
    shape = in_hundreds(lab, lab.scale.array_messages)
    return _paired(lab, empty, shape, lab.customers(), lab.with_customers)


def out(lab: Lab, empty: EmptyEndpoint) -> Result:
    """One message a request, and each reply posted to a carrier over HTTP, signed."""
    with carrier(lab) as settings:
        return _paired(lab, empty, one_a_request(lab), lab.customers(), partial(lab.with_customers, settings=settings))


def postgresql(lab: Lab, empty: EmptyEndpoint) -> Result:
    """One message a request, on PostgreSQL: the time of the gateway's process and of all processes of the server."""
    scale = lab.scale
    customers = Customers(scale.postgresql_customers, scale.services)
    shape = replace(one_a_request(lab), share=scale.postgresql_messages)
    with postgresql_server(lab.new_folder()) as server:
        clocks = {"PostgreSQL server": server.processor_seconds}
        setup = Setup(folder=lab.new_folder(), database_url=server.url, other_clocks=clocks)
        with lab.gateway(setup) as gateway:
            lab.fill(gateway, customers)
        result = _paired(lab, empty, shape, customers, lambda inside: replace(setup, inside=inside))
        return replace(result, notes=[*result.notes, f"PostgreSQL {server.version}, its default settings"])


@contextmanager
def carrier(lab: Lab) -> Iterator[str]:
    """Run a carrier that takes replies over HTTP; yield the settings of a gateway that sends through it."""
    port = free_port()
    command = [sys.executable, "-m", "bench.servers.sink", str(port)]
    with serving(command, port=port, ready="/", log=lab.folder / "carrier.log", env=os.environ):
        yield _CARRIER_SETTINGS.format(port=port)


def in_hundreds(lab: Lab, share: int) -> Shape:
    """Return the shape of arrays of 100, which are answered 200 with a result for each message."""
    return Shape(share=share, connections=lab.scale.array_connections, requests=in_arrays, expected=200)


def one_a_request(lab: Lab) -> Shape:
    """Return the shape of single messages."""
    return Shape(share=lab.scale.single_messages, connections=lab.scale.connections, requests=one_each)


# ---- what they have in common


def _paired(
    lab: Lab, empty: EmptyEndpoint, shape: Shape, customers: Customers, setup: Callable[[str | None], Setup]
) -> Result:
    """Measure pairs of shares, then one share by stage in a gateway of its own."""
    senders = Senders(customers)
    with lab.gateway(setup(None)) as gateway:
        trips = RoundTrips(lab, gateway, shape, senders)
        trips.share(lab.scale.warm_up)
        pairs = lab.turns("pairs", trips.share, empty.share)
    figures = _figures(pairs)
    with lab.gateway(setup("stages")) as gateway, lab.display.stage("stages"):
        trips = RoundTrips(lab, gateway, shape, senders)
        trips.share(lab.scale.warm_up)
        gateway.found_inside()  # leave out the warm-up
        share = trips.share()
        found = gateway.found_inside()
    reports = "with" if lab.reports else "without"
    return Result(figures=figures, stages=_stages(found, share, figures), notes=[f"{reports} delivery reports"])


def _figures(pairs: Sequence[tuple[EmptyShare, Share]]) -> list[Figure]:
    shares = [share for _, share in pairs]
    total = [sum(share.microseconds.values()) for share in shares]
    others = [name for name in shares[0].microseconds if name != "gateway"]
    counted = [share.used.instructions / share.messages for share in shares if share.used.instructions]
    return [
        Figure.of(TIME, "µs", total),
        *(Figure.of(f"of that, by the {name}", "µs", [one.microseconds[name] for one in shares]) for name in others),
        *empty_figures([empty for empty, _ in pairs]),
        Figure.of(RATIO, "", [empty.microseconds / spent for (empty, _), spent in zip(pairs, total, strict=True)]),
        Figure.of("round trips", "/s", [share.messages / share.seconds for share in shares]),
        Figure.of("empty endpoint, requests", "/s", [empty.outcome.per_second for empty, _ in pairs]),
        Figure.of("answer to the request, p50", "ms", [quantile(one.outcome.latencies, 0.5) * 1e3 for one in shares]),
        Figure.of("answer to the request, p99", "ms", [quantile(one.outcome.latencies, 0.99) * 1e3 for one in shares]),
        *([Figure.of("instructions a round trip", "", counted)] if counted else []),
    ]


def _stages(found: dict[str, int], share: Share, figures: Sequence[Figure]) -> Stages:
    """Return the time of the gateway's stages, the rest, and the other processes, from what was found inside."""
    microseconds = {name: spent / share.messages / 1e3 for name, spent in found.items()}
    total = microseconds.pop("total")
    others = {name: spent for name, spent in share.microseconds.items() if name != "gateway"}
    by_name = {**microseconds, REST: total - sum(microseconds.values()), **others}
    return Stages(figures[0].median, by_name)
