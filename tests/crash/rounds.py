"""A round of chaos: customers write, a carrier takes the answers, and processes and servers are killed meanwhile."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.db.session import Database, normalise_url
from tests.crash import judging
from tests.crash.calls import prepare, subscribe
from tests.crash.carrier import Answer, carrier
from tests.crash.lines import keeping
from tests.crash.lines.http import HttpLine
from tests.crash.lines.line import SETTLED_WITHIN_SECONDS, Line
from tests.crash.lines.session import KEEPING, SessionLine
from tests.crash.plan import CARRIER, LOAD_SECONDS, SERVER, Fault, Plan, Step
from tests.crash.process import PASSWORD, READY_SECONDS, Process, processes_of
from tests.crash.server import Server, own_server

NUMBERS = [f"+861380017{place:04}" for place in range(16)]
SERVICES = ("CL", "SJB")
# What each customer writes; the complaints and the ends of services can be counted. No two are equal: over SMPP an equal
# one may be taken for a repeat of one whose answer the killed process did not know to have arrived (carriers.md 5.6).
DIALOGUE = (
    "0000", "TS 信号不好1", "QXCL", "TS 信号不好2", "你好", "QXSJB", f"XGMM#{PASSWORD}#975310#975310", "TS 信号不好3", "qxcl",
)  # fmt: skip
_SAID_TWICE = "TS 信号不好4"
_SHARES = {Answer.LATE: 0.04, Answer.DROPPED: 0.06, Answer.THROTTLED: 0.03, Answer.BROKEN: 0.05}
# How long a carrier over sessions waits for an answer before it cuts the session.
_PATIENCE_SECONDS = (8.0, 25.0)


@dataclass
class Result:
    """What a round counted, and what it found wrong."""

    counts: Counter[str]
    wrong: Sequence[str]


@contextmanager
def _line(plan: Plan) -> Iterator[Line]:
    if plan.carrier in KEEPING:
        with keeping.running(KEEPING[plan.carrier], plan.seed, _SHARES, patience=_PATIENCE_SECONDS) as theirs:
            yield SessionLine(theirs)
    else:
        with carrier(plan.seed, _SHARES) as server:
            yield HttpLine(server, plan.seed)


@dataclass
class Round:
    """The parts of a round while it runs."""

    plan: Plan
    gateways: Sequence[Process]
    line: Line
    server: Server | None

    # ---- the customers

    def write_all(self) -> None:
        """Have all customers write; return when every text was accepted."""
        with ThreadPoolExecutor(len(NUMBERS)) as customers:
            list(customers.map(self._write, NUMBERS))

    def _write(self, number: str) -> None:
        choose = random.Random(f"{self.plan.seed}:{number}")
        for place, text in enumerate(DIALOGUE):
            time.sleep(choose.uniform(0, 2 * LOAD_SECONDS / len(DIALOGUE)))
            self.line.write(number, f"{number}-{place}", text, choose)

    def write_twice(self) -> None:
        """Have each customer write the same text twice, now that all is well."""
        with ThreadPoolExecutor(len(NUMBERS)) as customers:
            list(customers.map(self._write_twice, NUMBERS))

    def _write_twice(self, number: str) -> None:
        for place in range(2):
            self.line.write(number, f"{number}-again-{place}", _SAID_TWICE, random.Random(number))

    # ---- faults

    def disturb(self) -> None:
        """Carry out the plan. Faults of one process, or of the server, follow each other."""
        began = time.monotonic()
        targets = sorted({step.target for step in self.plan.steps})
        with ThreadPoolExecutor(len(targets)) as hands:
            list(hands.map(lambda target: self._disturb(target, began), targets))

    def _disturb(self, target: int, began: float) -> None:
        for step in self.plan.steps:
            if step.target == target:
                time.sleep(max(0.0, began + step.at - time.monotonic()))
                since = time.monotonic()
                self._carry_out(step)
                self.line.outside.faults.append((since, time.monotonic()))

    def _carry_out(self, step: Step) -> None:
        if step.target == SERVER:
            assert self.server is not None
            _disturb_server(self.server, step)
            return
        if step.target == CARRIER:
            self.line.cut()
            return
        process = self.gateways[step.target]
        if step.fault is Fault.KILL:
            process.kill(signal.SIGKILL)
            time.sleep(step.lasts)
            _revive(process)
        else:
            os.kill(process.running.pid, signal.SIGSTOP)
            time.sleep(step.lasts)
            os.kill(process.running.pid, signal.SIGCONT)


def _disturb_server(server: Server, step: Step) -> None:
    if step.fault is Fault.HANG_UP:
        server.hang_up()
        return
    if step.fault is Fault.KILL_SERVER:
        server.kill()
    else:
        server.end()
    time.sleep(step.lasts)
    server.start()


def _revive(process: Process) -> None:
    """Start a process again, as its supervisor does, also if it ends as the server is away."""
    deadline = time.monotonic() + READY_SECONDS
    process.start()
    while process.status != httpx.codes.OK:
        assert time.monotonic() < deadline, "the process does not come back"
        if process.running.poll() is not None:
            process.start()
        time.sleep(0.2)


@contextmanager
def _database(plan: Plan, folder: Path) -> Iterator[tuple[str, Server | None]]:
    if plan.database == "sqlite":
        yield f"sqlite:///{folder / 'gateway.db'}", None
        return
    with own_server() as server:
        yield server.url, server


def play(plan: Plan, folder: Path) -> Result:
    """Play a round; its logs are left in the folder. Raise AssertionError if it cannot be played to its end."""
    with ExitStack() as stack:
        url, server = stack.enter_context(_database(plan, folder))
        line = stack.enter_context(_line(plan))
        settings = line.settings(folder, plan.on_unknown)
        gateways = stack.enter_context(processes_of(plan.roles, url, folder, **settings))
        prepare(gateways[0], NUMBERS)
        for number in NUMBERS:
            subscribe(gateways[0], number, *SERVICES)
        line.begin([one for one in gateways if one.role != "worker"])
        _run(Round(plan, gateways, line, server))
        began = time.monotonic()
        database = Database(normalise_url(url))
        stack.callback(database.close)
        judging.wait_until_settled(database, SETTLED_WITHIN_SECONDS)
        settled = time.monotonic() - began
        wrong = [f"{one.role} ended by itself" for one in gateways if one.running.poll() is not None]
        wrong += [f"{one.role} ended with an error" for one in gateways if one.kill(signal.SIGTERM) != 0]
        found = line.read(database, plan.on_unknown)
        wrong += [f"a gateway {what}, {count} times" for what, count in line.objections.items()]
        wrong += [*judging.violations(found), *_effect_violations(database), *judging.evidence_violations(url)]
    counts = Counter(step.fault.value for step in plan.steps) + judging.counts(found)
    return Result(counts + Counter({"seconds to settle": round(settled)}), wrong)


def _effect_violations(database: Database) -> Iterator[str]:
    """Yield whose complaints and ends of services are not one for each text."""
    complaints = judging.per_number(database, judging.TICKETS, judging.IS_COMPLAINT)
    ends = judging.per_number(database, judging.EVENTS, judging.IS_UNSUBSCRIBE)
    written = sum(text.startswith("TS") for text in (*DIALOGUE, _SAID_TWICE, _SAID_TWICE))
    for number in NUMBERS:
        if (complaints.get(number), ends.get(number)) != (written, len(SERVICES)):
            yield f"{number} has {complaints.get(number)} complaints, and {ends.get(number)} services that ended"


def _run(this: Round) -> None:
    """Write and disturb at once, wait until all processes are ready, then write what is no repeat."""
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(this.write_all), pool.submit(this.disturb)]
        for one in both:
            one.result()
    for process in this.gateways:
        process.wait_until_ready()
    this.line.lose_nothing_more()
    this.write_twice()
    this.line.calm_down()
