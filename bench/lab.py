"""What all scenarios share: the work folder, the load generator, the empty endpoint, customers to begin with."""

import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bench.display import Display
from bench.figures import Figure
from bench.gateway import Gateway, Setup, running_gateway
from bench.load.generator import Generator, load_generator
from bench.load.sending import ACCEPTED, Outcome, Plan
from bench.load.traffic import Customers, Senders, one_each
from bench.processes import free_port, serving
from bench.scale import Scale
from bench.servers import empty
from bench.usage import Meter, Used, processor_seconds

_T = TypeVar("_T")
EMPTY = "empty endpoint"
EMPTY_TIME = "empty endpoint, processor time a request"


@dataclass(frozen=True, slots=True)
class EmptyShare:
    """One turn of the empty endpoint."""

    used: Used
    outcome: Outcome

    @property
    def microseconds(self) -> float:
        """Processor time a request in µs."""
        return self.used.seconds[EMPTY] / len(self.outcome.latencies) * 1e6


@dataclass(frozen=True, slots=True)
class EmptyEndpoint:
    """The empty endpoint, which is the measure of everything else; it is posted the same messages."""

    pid: int
    port: int
    lab: "Lab"

    def share(self, *, due: list[float] | None = None, connections: int | None = None) -> EmptyShare:
        """Post to it, in a closed loop or at the instants `due`."""
        count = len(due) if due else self.lab.scale.empty_requests
        senders = Senders(Customers(math.ceil(count / 10), 0))
        requests = one_each(empty.PATH, senders.take(count))
        meter = Meter({EMPTY: lambda: processor_seconds(self.pid)}, [self.pid])
        plan = self.lab.plan(self.port, requests, connections=connections, due=due)
        outcome = self.lab.generator.run(plan)
        return EmptyShare(meter.stop(), outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """The surroundings of all scenarios."""

    scale: Scale
    folder: Path
    display: Display
    generator: Generator
    reports: bool
    """Whether the simulated network sends a delivery report for each reply."""
    limit_seconds: float

    @contextmanager
    def empty_endpoint(self) -> Iterator[EmptyEndpoint]:
        """Run the empty endpoint, warmed up, while the block runs."""
        port = free_port()
        command = [sys.executable, "-m", "bench.servers.empty", str(port)]
        log = self.folder / "empty.log"
        with serving(command, port=port, ready="/readyz", log=log, env=os.environ) as pid:
            endpoint = EmptyEndpoint(pid, port, self)
            endpoint.share()
            yield endpoint

    @contextmanager
    def gateway(self, setup: Setup) -> Iterator[Gateway]:
        """Run a gateway while the block runs."""
        with running_gateway(setup) as gateway:
            gateway.set_reports(wanted=self.reports)
            yield gateway

    def new_folder(self) -> Path:
        """Make a folder for the files of one gateway."""
        return Path(tempfile.mkdtemp(prefix="gateway-", dir=self.folder))

    def empty_database(self, inside: str | None = None) -> Setup:
        """Return the setup of a gateway on a new SQLite database."""
        return replace(_on_sqlite(self.new_folder()), inside=inside)

    def customers(self) -> Customers:
        """Return the customers of the scale."""
        return Customers(self.scale.customers, self.scale.services)

    def with_customers(self, inside: str | None = None, settings: str = "") -> Setup:
        """Return the setup of a gateway on a copy of an SQLite database with the customers, which is made once.

        No gateway that is measured has imported them itself, so nothing about them is in its memory.
        """
        template = self.folder / "customers"
        if not template.exists():
            making = self.folder / "making"
            making.mkdir()
            with running_gateway(_on_sqlite(making)) as gateway:
                self.fill(gateway, self.customers())
            making.rename(template)
        folder = self.new_folder()
        shutil.copytree(template, folder, dirs_exist_ok=True)
        return replace(_on_sqlite(folder), inside=inside, settings=settings)

    def fill(self, gateway: Gateway, customers: Customers) -> None:
        """Import customers."""
        with self.display.stage("lines of customers", customers.line_count) as watch:
            gateway.import_catalogue(customers)
            gateway.import_lines(customers.lines(), watch)
        gateway.drain(self.limit_seconds)

    def plan(
        self,
        port: int,
        requests: list[bytes],
        *,
        connections: int | None = None,
        due: list[float] | None = None,
        expected: frozenset[int] = ACCEPTED,
    ) -> Plan:
        """Return a plan for the load generator."""
        return Plan(
            port=port,
            requests=requests,
            connections=connections or self.scale.connections,
            limit_seconds=self.limit_seconds,
            expected=expected,
            due=due,
        )

    def turns(
        self, label: str, turn: Callable[[], _T], empty_turn: Callable[[], EmptyShare]
    ) -> list[tuple[EmptyShare, _T]]:
        """Take turns: the empty endpoint, then what is measured, as often as the scale says and time allows."""
        pairs: list[tuple[EmptyShare, _T]] = []
        give_up = time.monotonic() + self.scale.turns_seconds
        with self.display.stage(label, self.scale.turns) as watch:
            while len(pairs) < self.scale.turns and (not pairs or time.monotonic() < give_up):
                pairs.append((empty_turn(), turn()))
                watch(len(pairs))
        return pairs


def _on_sqlite(folder: Path) -> Setup:
    return Setup(folder=folder, database_url=f"sqlite:///{folder / 'gateway.db'}")


def empty_figures(shares: Sequence[EmptyShare]) -> list[Figure]:
    """Return the processor time of the empty endpoint in each turn, and its instructions, if they are counted."""
    figures = [Figure.of(EMPTY_TIME, "µs", [share.microseconds for share in shares])]
    counted = [share.used.instructions / len(share.outcome.latencies) for share in shares if share.used.instructions]
    return figures + ([Figure.of("empty endpoint, instructions a request", "", counted)] if counted else [])


@contextmanager
def open_lab(parent: Path, scale: Scale, display: Display, *, reports: bool, limit_seconds: float) -> Iterator[Lab]:
    """Create a work folder and start the load generator; end and remove both after the block."""
    parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="run-", dir=parent) as name, load_generator() as generator:
            yield Lab(
                scale=scale,
                folder=Path(name).resolve(),
                display=display,
                generator=generator,
                reports=reports,
                limit_seconds=limit_seconds,
            )
    finally:
        with suppress(OSError):  # other runs may use it
            parent.rmdir()
