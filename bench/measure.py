"""One run of the benchmark: the bare server, then the empty endpoint and the gateway alternately.

They alternate because the speed of a machine varies over time.
"""

import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import empty, machine, traffic
from bench.display import Display
from bench.drive import load, run
from bench.errors import BenchError
from bench.gateway import WEBHOOK, Gateway, running_gateway
from bench.load import Plan
from bench.processes import free_port, serving
from bench.report import GatewayResult, Rate, Result, Round, Slice
from bench.traffic import Population

SAMPLE_MESSAGES = 2_000
WARM_UP_MESSAGES = 1_000
WARM_UP_SECONDS = 0.3
BARE_SECONDS = 1.0
ACCEPTED = frozenset({202})
WRITTEN = frozenset({200, 201, 204})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command line. Times are in seconds; ``counter`` is the metric that counts accepted replies."""

    messages: int
    subscribers: int
    rounds: int
    connections: int
    empty_seconds: float
    limit_seconds: float
    text: str
    counter: str
    database_url: str | None
    directory: Path
    reports: bool
    gateway: bool


def measure(options: Options, display: Display) -> Result:
    """Run everything and return the result; raise BenchError if something fails."""
    with _workspace(options.directory) as directory:
        bench = _Bench(options, display, directory)
        surroundings = machine.describe(directory)
        with bench.posting_to("bench.bare") as bare_port:
            bare = Rate.over([bench.repeat(bare_port, "load generator", BARE_SECONDS)])
        with bench.posting_to("bench.empty") as port:
            empty_rates, rounds = bench.by_turns(port) if options.gateway else (bench.empty_only(port), [])
    return Result(
        machine=surroundings,
        connections=options.connections,
        bare=bare,
        empty=Rate.over(empty_rates),
        gateway=GatewayResult.over(
            rounds,
            database=(options.database_url or "sqlite").partition(":")[0],
            delivery_reports=options.reports,
            text=options.text,
        )
        if rounds
        else None,
        ratios=[
            one.per_second * 2 / (before.per_second + after.per_second)
            for one, before, after in zip(rounds, empty_rates, empty_rates[1:], strict=False)
        ],
    )


class _Bench:
    """The parts of one run."""

    def __init__(self, options: Options, display: Display, directory: Path) -> None:
        self._options = options
        self._display = display
        self._directory = directory
        people = Population.draw(traffic.subscribers_for(SAMPLE_MESSAGES))
        self._sample = traffic.messages(empty.PATH, people=people, count=SAMPLE_MESSAGES, text=options.text)

    @contextmanager
    def posting_to(self, module: str) -> Iterator[int]:
        """Run one of the comparison servers, warm it up and yield its port."""
        port = free_port()
        log = self._directory / f"{module}.log"
        with serving([sys.executable, "-m", module, str(port)], port=port, ready="/readyz", log=log, env=os.environ):
            run(self._plan(port, self._sample, repeat_seconds=WARM_UP_SECONDS), lambda _: None)
            yield port

    def repeat(self, port: int, label: str, seconds: float) -> Slice:
        """Post to a comparison server for `seconds` and return its speed."""
        with self._display.stage(label) as watch:
            return Slice.of(run(self._plan(port, self._sample, repeat_seconds=seconds), watch))

    def empty_only(self, port: int) -> list[Slice]:
        """Post to the empty endpoint, without a gateway."""
        return [self.repeat(port, "empty endpoint", self._options.empty_seconds)]

    def by_turns(self, empty_port: int) -> tuple[list[Slice], list[Round]]:
        """Send all messages through a gateway in rounds, with the empty endpoint before and after each round."""
        options = self._options
        url = options.database_url or f"sqlite:///{self._directory / 'gateway.db'}"
        warm_up = math.ceil(min(WARM_UP_MESSAGES, options.messages / 10))
        helpers = traffic.subscribers_for(warm_up)
        people = Population.draw(options.subscribers + helpers)
        customers = people.part(0, options.subscribers)
        requests = traffic.messages(WEBHOOK, people=customers, count=options.messages, text=options.text)
        seconds = options.empty_seconds / (options.rounds + 1)
        rounds: list[Round] = []
        with running_gateway(url, self._directory / "gateway.log") as gateway:
            gateway.set_reports(wanted=options.reports)
            self._fill(gateway, people)
            warming = people.part(options.subscribers, helpers)
            self._round(gateway, traffic.messages(WEBHOOK, people=warming, count=warm_up, text=options.text), "warm-up")
            empty_rates = [self.repeat(empty_port, "empty endpoint, before", seconds)]
            for number, share in enumerate(_shares(requests, options.rounds), 1):
                name = f"{number} of {options.rounds}"
                rounds.append(self._round(gateway, share, f"round trips, {name}"))
                empty_rates.append(self.repeat(empty_port, f"empty endpoint, after {name}", seconds))
        return empty_rates, rounds

    def _fill(self, gateway: Gateway, people: Population) -> None:
        gateway.make_catalogue()
        for label, requests in (
            ("subscribers", traffic.subscribers(people)),
            ("subscriptions", traffic.subscriptions(people)),
        ):
            with self._display.stage(label, len(requests)) as watch:
                run(self._plan(gateway.port, requests, expected=WRITTEN), watch)
        gateway.drain(self._options.limit_seconds)

    def _round(self, gateway: Gateway, requests: Sequence[bytes], label: str) -> Round:
        before = gateway.metrics()
        with (
            self._display.stage(label, len(requests)) as watch,
            load(self._plan(gateway.port, requests), watch) as outcome,
        ):
            idle_at = gateway.drain(self._options.limit_seconds)
        after = gateway.metrics()
        taken = after.total(self._options.counter)
        if taken is None:
            raise BenchError(f"GET /metrics has no {self._options.counter}")
        replies = round(taken - (before.total(self._options.counter) or 0.0))
        if replies != len(requests):
            raise BenchError(f"{label}: {len(requests):,} messages were accepted, but {replies:,} replies were taken")
        return Round(
            replies=replies,
            seconds=idle_at - outcome.started,
            webhook=Slice.of(outcome),
            batches=after.batches_since(before),
        )

    def _plan(
        self,
        port: int,
        requests: Sequence[bytes],
        *,
        expected: frozenset[int] = ACCEPTED,
        repeat_seconds: float | None = None,
    ) -> Plan:
        return Plan(
            port=port,
            requests=requests,
            connections=self._options.connections,
            expected=expected,
            limit_seconds=self._options.limit_seconds + (repeat_seconds or 0.0),
            repeat_seconds=repeat_seconds,
        )


def _shares(requests: Sequence[bytes], count: int) -> Iterator[Sequence[bytes]]:
    """Split requests into `count` shares whose sizes differ by at most one."""
    for number in range(count):
        yield requests[len(requests) * number // count : len(requests) * (number + 1) // count]


@contextmanager
def _workspace(parent: Path) -> Iterator[Path]:
    """Create a folder for databases and logs, and remove it afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="run-", dir=parent) as name:
            yield Path(name).resolve()
    finally:
        with suppress(OSError):  # other runs may use it
            parent.rmdir()
