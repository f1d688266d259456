"""Replies that wait while the network fails: what a message costs beside them, and how fast they go out afterwards."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import BenchError
from bench.figures import Figure, Result
from bench.gateway import TAKEN, WEBHOOK, Gateway
from bench.lab import EmptyEndpoint, Lab, empty_figures
from bench.load.traffic import Customers, Senders
from bench.scenarios.growth import PARTS
from bench.scenarios.round_trips import RoundTrips, in_hundreds
from bench.usage import Used, memory_mb

REST_HOURS = 61 / 3600
"""A network that failed rests for a minute at most before it is tried again."""


def backlog(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Ten parts of messages in arrays while nothing goes out, then everything goes out.

    The clock stands still, so that neither the network's rest nor the time for which a reply is valid ends.
    """
    scale = lab.scale
    customers = Customers(scale.backlog_customers, scale.few_services)
    part = scale.backlog_messages // PARTS
    senders = Senders(customers, scattered=True)
    shares = [empty.share()]
    with lab.gateway(lab.empty_database()) as gateway:
        lab.fill(gateway, customers)
        trips = RoundTrips(lab, gateway, in_hundreds(lab, part), senders)
        empty_us = sum(trips.share(min(part, scale.array_messages)).microseconds.values())
        sizes = [memory_mb(gateway.pid)]
        gateway.freeze_clock()
        gateway.set_faults("error")
        spent = []
        with lab.display.stage("messages that wait", PARTS) as watch:
            for number in range(1, PARTS + 1):
                spent.append(_take_in(lab, gateway, senders, part))
                sizes.append(memory_mb(gateway.pid))
                watch(number)
        waiting = gateway.waiting
        if waiting < part * PARTS:
            raise BenchError(f"{part * PARTS:,} replies should wait, but {waiting:,} do")
        shares.append(empty.share())
        seconds, used = _drain(lab, gateway, waiting)
        sizes.append(memory_mb(gateway.pid))
        after_us = sum(trips.share(min(part, scale.array_messages)).microseconds.values())
        most = memory_mb(gateway.pid, "VmHWM")
    per_reply = used.seconds["gateway"] / waiting * 1e6
    return Result(
        figures=[
            Figure.of("replies that waited", "", [waiting]),
            Figure.of("processor time a message while its reply waits, in each tenth", "µs", spent),
            Figure.of("the same, in the first tenth", "µs", spent[:1]),
            Figure.of("the same, in the last tenth", "µs", spent[-1:]),
            Figure.of("round trip before, with nothing that waits", "µs", [empty_us]),
            Figure.of("round trip after everything went out", "µs", [after_us]),
            Figure.of("replies that went out afterwards", "/s", [waiting / seconds]),
            Figure.of("processor time a reply that went out afterwards", "µs", [per_reply]),
            Figure.of("resident memory before", "MB", sizes[:1]),
            Figure.of("resident memory with all that wait", "MB", [sizes[PARTS]]),
            Figure.of("resident memory after everything went out", "MB", sizes[-1:]),
            Figure.of("the most it ever had", "MB", [most]),
            *empty_figures(shares),
        ],
        notes=["µs in each tenth: " + ", ".join(f"{one:,.0f}" for one in spent)],
        taken_in="tenths",
    )


def _take_in(lab: Lab, gateway: Gateway, senders: Senders, count: int) -> float:
    """Send messages in arrays, wait until their replies are stored, and return the processor time a message in µs."""
    shape = in_hundreds(lab, count)
    requests, expected = shape.requests(WEBHOOK, senders.take(count)), frozenset({shape.expected})
    plan = lab.plan(gateway.port, requests, connections=shape.connections, expected=expected)
    meter = gateway.meter()
    lab.generator.run(plan)
    gateway.drain(lab.limit_seconds)
    return meter.stop().seconds["gateway"] / count * 1e6


def _drain(lab: Lab, gateway: Gateway, waiting: int) -> tuple[float, Used]:
    """Mend the network and let its rest pass; return the seconds until all went out, and what that used."""
    with _counting(gateway, waiting), lab.display.stage("everything goes out"):
        gateway.set_faults("ok")
        began, meter = time.monotonic(), gateway.meter()
        gateway.advance(hours=REST_HOURS, limit_seconds=lab.limit_seconds)
        return gateway.drain(lab.limit_seconds) - began, meter.stop()


@contextmanager
def _counting(gateway: Gateway, expected: int) -> Iterator[None]:
    """Raise BenchError unless as many messages are taken while the block runs."""
    taken = gateway.counted(TAKEN)
    yield
    taken = gateway.counted(TAKEN) - taken
    if taken != expected:
        raise BenchError(f"{expected:,} replies waited, but {taken:,} were taken")
