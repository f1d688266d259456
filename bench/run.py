"""One run: each scenario in turn, beside one empty endpoint that lives through all of them."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.errors import BenchError, SkippedError
from bench.figures import Result
from bench.lab import EmptyEndpoint, Lab
from bench.load.traffic import Customers, Senders, one_each
from bench.machine import Machine
from bench.processes import free_port, serving
from bench.scenarios import Scenario
from bench.servers import empty as empty_server
from bench.usage import counts_instructions

GENERATOR_REQUESTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of a scenario: its result, or why there is none."""

    name: str
    title: str
    seconds: float
    result: Result | None = None
    skipped: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a run found."""

    machine: Machine
    counts_instructions: bool
    generator_per_second: float
    """Requests a second of the load generator, posted to a server that answers without looking at them."""
    seconds: float
    entries: Sequence[Entry]
    command: str = ""
    """The command line that repeats the run."""
    left_out: Sequence[str] = ()
    """The scenarios that did not run, by name."""
    interrupted: bool = False

    def result(self, name: str) -> Result | None:
        """Return the result of a scenario, None if it has none."""
        return next((entry.result for entry in self.entries if entry.name == name), None)

    @property
    def failed(self) -> bool:
        """Whether a scenario failed."""
        return any(entry.failed for entry in self.entries)


def run(lab: Lab, scenarios: Sequence[Scenario]) -> Report:
    """Run scenarios. One that fails does not keep the others from running; Ctrl-C ends the run with those before."""
    began = time.monotonic()
    surroundings = machine.describe(lab.folder)
    per_second = _generator_rate(lab)
    entries: list[Entry] = []
    interrupted = False
    with lab.empty_endpoint() as empty:
        for number, scenario in enumerate(scenarios, 1):
            lab.display.heading(f"[{number}/{len(scenarios)}] {scenario.name}: {scenario.title}")
            try:
                entries.append(_entry(lab, empty, scenario))
            except KeyboardInterrupt:
                interrupted = True
                break
    return Report(
        machine=surroundings,
        counts_instructions=counts_instructions(),
        generator_per_second=per_second,
        seconds=time.monotonic() - began,
        entries=entries,
        interrupted=interrupted,
    )


def _entry(lab: Lab, empty: EmptyEndpoint, scenario: Scenario) -> Entry:
    began = time.monotonic()
    result, skipped, failed = None, "", ""
    try:
        result = scenario.run(lab, empty)
    except SkippedError as reason:
        skipped = str(reason)
    except (BenchError, OSError) as error:
        failed = str(error) or repr(error)
        lab.display.problem(f"{scenario.name}: no figure: {error}")
    return Entry(
        name=scenario.name,
        title=scenario.title,
        seconds=time.monotonic() - began,
        result=result,
        skipped=skipped,
        failed=failed,
    )


def _generator_rate(lab: Lab) -> float:
    port = free_port()
    command = [sys.executable, "-m", "bench.servers.sink", str(port)]
    requests = one_each(empty_server.PATH, Senders(Customers(GENERATOR_REQUESTS, 0)).take(GENERATOR_REQUESTS))
    with serving(command, port=port, ready="/", log=Path(lab.folder) / "sink.log", env=os.environ):
        plan = lab.plan(port, requests, expected=frozenset({200}))
        return lab.generator.run(plan).per_second
