"""Replies that wait while the network fails: what a message costs beside them, and how fast they go out afterwards."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

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
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Left:
    """How many replies waited, seconds after they began to go out."""

    seconds: float
    waiting: int


@dataclass(slots=True)
class _Found:
    """What was found: processor time a message in µs, and resident memory in MB."""

    before: float
    after: float
    waiting: int
    spent: list[float]
    """Of the messages whose replies wait, in each tenth."""
    left: Sequence[Left]
    """While all went out: how many were left when."""
    used: Used
    """Until all had gone out."""
    sizes: list[float]
    """Before, after each tenth, and after all replies went out."""
    most: float


def backlog(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Ten parts of messages in arrays while nothing goes out, then everything goes out.

    The clock stands still, so that neither the network's rest nor the time for which a reply is valid ends.
    """
    shares = [empty.share()]
    with lab.gateway(lab.empty_database()) as gateway:
        found = _measure(lab, gateway)
    shares.append(empty.share())
    spent, sizes = found.spent, found.sizes
    seconds, half = found.left[-1].seconds, half_time(found.left)
    return Result(
        figures=[
            Figure.of("replies that waited", "", [found.waiting]),
            Figure.of("processor time a message while its reply waits, in each tenth", "µs", spent),
            Figure.of("the same, in the first tenth", "µs", spent[:1]),
            Figure.of("the same, in the last tenth", "µs", spent[-1:]),
            Figure.of("round trip before, with nothing that waits", "µs", [found.before]),
            Figure.of("round trip after everything went out", "µs", [found.after]),
            Figure.of("replies that went out afterwards", "/s", [found.waiting / seconds]),
            Figure.of("the same, of the first half", "/s", [found.waiting / 2 / half]),
            Figure.of("the same, of the last half", "/s", [found.waiting / 2 / (seconds - half)]),
            Figure.of(
                "processor time a reply that went out afterwards",
                "µs",
                [found.used.seconds["gateway"] / found.waiting * 1e6],
            ),
            Figure.of("resident memory before", "MB", sizes[:1]),
            Figure.of("resident memory with all that wait", "MB", [sizes[PARTS]]),
            Figure.of("resident memory after everything went out", "MB", sizes[-1:]),
            Figure.of("the most it ever had", "MB", [found.most]),
            *empty_figures(shares),
        ],
        notes=["µs in each tenth: " + ", ".join(f"{one:,.0f}" for one in spent)],
        taken_in="tenths",
    )


def _measure(lab: Lab, gateway: Gateway) -> _Found:
    scale = lab.scale
    customers = Customers(scale.backlog_customers, scale.few_services)
    lab.fill(gateway, customers)
    part = scale.backlog_messages // PARTS
    senders = Senders(customers, scattered=True)
    trips = RoundTrips(lab, gateway, in_hundreds(lab, min(part, scale.array_messages)), senders)
    before = sum(trips.share().microseconds.values())
    sizes, spent = [memory_mb(gateway.pid)], []
    gateway.freeze_clock()
    gateway.set_faults("error")
    with lab.display.stage("messages whose replies wait", part * PARTS) as watch:
        for number in range(1, PARTS + 1):
            spent.append(take_in(lab, gateway, senders, part))
            sizes.append(memory_mb(gateway.pid))
            watch(number * part)
    waiting = gateway.waiting
    if waiting != part * PARTS:
        raise BenchError(f"{part * PARTS:,} replies should wait, but {waiting:,} do")
    left, used = mend(lab, gateway, waiting)
    sizes.append(memory_mb(gateway.pid))
    after = sum(trips.share().microseconds.values())
    return _Found(before, after, waiting, spent, left, used, sizes, memory_mb(gateway.pid, "VmHWM"))


def take_in(lab: Lab, gateway: Gateway, senders: Senders, count: int) -> float:
    """Send messages in arrays, wait until their replies are stored, and return the processor time a message in µs."""
    shape = in_hundreds(lab, count)
    requests, expected = shape.requests(WEBHOOK, senders.take(count)), frozenset({shape.expected})
    plan = lab.plan(gateway.port, requests, connections=shape.connections, expected=expected)
    meter = gateway.meter()
    lab.generator.run(plan)
    gateway.drain(lab.limit_seconds)
    return meter.stop().seconds["gateway"] / count * 1e6


def mend(lab: Lab, gateway: Gateway, waiting: int) -> tuple[Sequence[Left], Used]:
    """Mend the network and let its rest pass; return how many were left when, and what it used until none was."""
    with (
        _counting(gateway, waiting),
        lab.display.stage("replies that go out", waiting) as watch,
        ThreadPoolExecutor(1) as beside,
    ):
        gateway.set_faults("ok")
        began, meter = time.monotonic(), gateway.meter()
        moving = beside.submit(gateway.advance, hours=REST_HOURS, limit_seconds=lab.limit_seconds)
        left = [Left(0, waiting)]
        while not wait([moving], LOOK_SECONDS).done:
            left.append(Left(time.monotonic() - began, gateway.waiting))
            watch(waiting - left[-1].waiting)
        moving.result()
        left.append(Left(gateway.drain(lab.limit_seconds) - began, 0))
        watch(waiting)
        return left, meter.stop()


def half_time(left: Sequence[Left]) -> float:
    """Return the seconds until half of the replies had gone out, on a line between the two looks around it."""
    half = left[0].waiting / 2
    before, after = next(pair for pair in pairwise(left) if pair[1].waiting <= half)
    share = (before.waiting - half) / (before.waiting - after.waiting)
    return before.seconds + share * (after.seconds - before.seconds)


@contextmanager
def _counting(gateway: Gateway, expected: int) -> Iterator[None]:
    """Raise BenchError unless as many messages are taken while the block runs."""
    taken = gateway.counted(TAKEN)
    yield
    taken = gateway.counted(TAKEN) - taken
    if taken != expected:
        raise BenchError(f"{expected:,} replies waited, but {taken:,} were taken")
