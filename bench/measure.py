"""The run itself: the bare socket, the empty endpoint, the gateway, the empty endpoint again."""

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
from bench.report import GatewayResult, Rate, Result
from bench.traffic import Population

SAMPLE_MESSAGES = 2_000
WARM_UP_MESSAGES = 1_000
WARM_UP_SECONDS = 0.3
BARE_SECONDS = 1.0
ACCEPTED = frozenset({202})
WRITTEN = frozenset({200, 201, 204})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for. Times in seconds."""

    messages: int
    subscribers: int
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
    """Run everything and return the figures; raises BenchError when something does not work."""
    with _workspace(options.directory) as directory:
        bench = _Bench(options, display, directory)
        surroundings = machine.describe(directory)
        bare = bench.repeat("bench.bare", "load generator", BARE_SECONDS)
        if not options.gateway:
            empty_rates = [bench.repeat("bench.empty", "empty endpoint", options.empty_seconds)]
            gateway = None
        else:
            half = options.empty_seconds / 2
            before = bench.repeat("bench.empty", "empty endpoint, before", half)
            gateway = bench.gateway()
            empty_rates = [before, bench.repeat("bench.empty", "empty endpoint, after", half)]
    return Result(machine=surroundings, connections=options.connections, bare=bare, empty=empty_rates, gateway=gateway)


class _Bench:
    """The parts of one run."""

    def __init__(self, options: Options, display: Display, directory: Path) -> None:
        self._options = options
        self._display = display
        self._directory = directory

    def repeat(self, module: str, label: str, seconds: float) -> Rate:
        """Run one of the comparison servers and post to it for so many seconds."""
        people = Population.draw(traffic.subscribers_for(SAMPLE_MESSAGES))
        requests = traffic.messages(empty.PATH, people=people, count=SAMPLE_MESSAGES, text=self._options.text)
        port = free_port()
        command = [sys.executable, "-m", module, str(port)]
        log = self._directory / f"{module}.log"
        with serving(command, port=port, ready="/readyz", log=log, env=os.environ):
            run(self._plan(port, requests, repeat_seconds=WARM_UP_SECONDS), lambda _: None)
            with self._display.stage(label) as watch:
                return Rate.of(run(self._plan(port, requests, repeat_seconds=seconds), watch))

    def gateway(self) -> GatewayResult:
        """Run a gateway and send all messages through it."""
        url = self._options.database_url or f"sqlite:///{self._directory / 'gateway.db'}"
        warm_up = math.ceil(min(WARM_UP_MESSAGES, self._options.messages / 10))
        helpers = traffic.subscribers_for(warm_up)
        people = Population.draw(self._options.subscribers + helpers)
        with running_gateway(url, self._directory / "gateway.log") as gateway:
            gateway.set_reports(wanted=self._options.reports)
            self._fill(gateway, people)
            self._round_trips(gateway, people.part(self._options.subscribers, helpers), warm_up, "warm-up")
            customers = people.part(0, self._options.subscribers)
            return self._round_trips(gateway, customers, self._options.messages, "round trips")

    def _fill(self, gateway: Gateway, people: Population) -> None:
        gateway.make_catalogue()
        for label, requests in (
            ("subscribers", traffic.subscribers(people)),
            ("subscriptions", traffic.subscriptions(people)),
        ):
            with self._display.stage(label, len(requests)) as watch:
                run(self._plan(gateway.port, requests, expected=WRITTEN), watch)
        gateway.drain(self._options.limit_seconds)

    def _round_trips(self, gateway: Gateway, people: Population, count: int, label: str) -> GatewayResult:
        requests = traffic.messages(WEBHOOK, people=people, count=count, text=self._options.text)
        before = gateway.metrics()
        with (
            self._display.stage(label, count) as watch,
            load(self._plan(gateway.port, requests), watch) as outcome,
        ):
            idle_at = gateway.drain(self._options.limit_seconds)
        after = gateway.metrics()
        taken = after.total(self._options.counter)
        if taken is None:
            raise BenchError(f"GET /metrics has no {self._options.counter}")
        replies = round(taken - (before.total(self._options.counter) or 0.0))
        if replies != count:
            raise BenchError(f"{label}: {count:,} messages were accepted, but {replies:,} replies were taken")
        return GatewayResult(
            database=(self._options.database_url or "sqlite").partition(":")[0],
            delivery_reports=self._options.reports,
            text=self._options.text,
            messages=count,
            replies=replies,
            seconds=idle_at - outcome.started,
            webhook=Rate.of(outcome),
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


@contextmanager
def _workspace(parent: Path) -> Iterator[Path]:
    """Make a folder for databases and logs, and remove it afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="run-", dir=parent) as name:
            yield Path(name).resolve()
    finally:
        with suppress(OSError):  # other runs may be in it
            parent.rmdir()
