"""A round of chaos: customers write, a carrier takes the answers, and processes and servers are killed meanwhile."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app.db.session import Database, normalise_url
from tests.crash import judging
from tests.crash.calls import TAKEN, post, prepare, subscribe
from tests.crash.carrier import Answer, Arrival, Carrier, carrier
from tests.crash.judging import Outside
from tests.crash.plan import LOAD_SECONDS, SERVER, Fault, Plan, Step
from tests.crash.process import READY_SECONDS, Process, client, processes_of
from tests.crash.server import Server, own_server

NUMBERS = [f"+861380017{place:04}" for place in range(16)]
SERVICES = ("CL", "SJB")
# What each customer writes; the complaints and the ends of services can be counted.
DIALOGUE = ("0000", "TS 1", "QXCL", "TS 2", "你好", "QXSJB", "TS 3", "QXCL")
_SHARES = {Answer.LATE: 0.04, Answer.DROPPED: 0.06, Answer.THROTTLED: 0.03, Answer.BROKEN: 0.05}
_SHARE_REPORTED, _SHARE_TWICE = 0.4, 0.2
# A carrier gives up a post after so long, and posts again.
_POST_SECONDS = 5
# Two leases of messages, and starts on a machine that is busy with other tests.
_SETTLED_WITHIN_SECONDS = 600


@dataclass
class Result:
    """What a round counted, and what it found wrong."""

    counts: Counter[str]
    wrong: Sequence[str]


@dataclass
class Round:
    """The parts of a round while it runs."""

    plan: Plan
    gateways: Sequence[Process]
    carrier: Carrier
    server: Server | None
    outside: Outside = field(default_factory=Outside)
    reporters: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))
    reports: list[Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.plan.seed)
        self._lock = threading.Lock()
        self._fronts = [one for one in self.gateways if one.role != "worker"]
        self.carrier.when_taken = self._report

    # ---- the carrier's side

    def write_all(self) -> None:
        """Have all customers write; return when every text was accepted."""
        with ThreadPoolExecutor(len(NUMBERS)) as customers:
            list(customers.map(self._write, NUMBERS))

    def _write(self, number: str) -> None:
        choose = random.Random(f"{self.plan.seed}:{number}")
        for place, text in enumerate(DIALOGUE):
            time.sleep(choose.uniform(0, 2 * LOAD_SECONDS / len(DIALOGUE)))
            message_id = f"{number}-{place}"
            self._until_taken(
                choose, "inbound", {"message_id": message_id, "from": number, "to": "10086", "text": text}
            )
            self.outside.accepted[message_id] = number
            if choose.random() < _SHARE_TWICE:
                with suppress(httpx.TransportError):
                    post(choose.choice(self._fronts), number, message_id, text, provider="theirs", within=_POST_SECONDS)

    def _report(self, arrival: Arrival) -> None:
        """Report some messages as delivered: soon, before the answer or after it."""
        with self._lock:
            delay, is_reported = self._random.uniform(0, 1), self._random.random() < _SHARE_REPORTED
        if is_reported:
            self.reports.append(self.reporters.submit(self._report_later, arrival.reference, delay))

    def _report_later(self, reference: str, delay: float) -> None:
        time.sleep(delay)
        body = {"message_id": f"theirs-{reference}", "reference": reference, "status": "delivered"}
        self._until_taken(random.Random(reference), "status", body)
        self.outside.delivered.add(reference)

    def _until_taken(self, choose: random.Random, webhook: str, body: dict[str, str]) -> None:
        """Post to one process after the other until one has it."""
        deadline = time.monotonic() + _SETTLED_WITHIN_SECONDS
        while True:
            url = f"{choose.choice(self._fronts).base}/webhooks/theirs/{webhook}"
            with suppress(httpx.TransportError):
                answer = client().post(url, json=body, timeout=_POST_SECONDS)
                if answer.status_code in TAKEN:
                    return
                self.outside.refusals[answer.status_code] += 1
            assert time.monotonic() < deadline, f"no process takes {body}"
            time.sleep(0.1)

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
                self.outside.faults.append((since, time.monotonic()))

    def _carry_out(self, step: Step) -> None:
        if step.target == SERVER:
            assert self.server is not None
            _disturb_server(self.server, step)
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
        theirs = stack.enter_context(carrier(plan.seed, _SHARES))
        settings = theirs.settings(folder, on_unknown=plan.on_unknown)
        gateways = stack.enter_context(processes_of(plan.roles, url, folder, **settings))
        prepare(gateways[0], NUMBERS)
        for number in NUMBERS:
            subscribe(gateways[0], number, *SERVICES)
        this = Round(plan, gateways, theirs, server)
        _run(this)
        began = time.monotonic()
        database = Database(normalise_url(url))
        stack.callback(database.close)
        judging.wait_until_settled(database, _SETTLED_WITHIN_SECONDS)
        settled = time.monotonic() - began
        wrong = [f"{one.role} ended by itself" for one in gateways if one.running.poll() is not None]
        wrong += [f"{one.role} ended with an error" for one in gateways if one.kill(signal.SIGTERM) != 0]
        found = judging.read(database, this.outside, plan.on_unknown, theirs.arrivals)
        wrong += [*judging.violations(found), *_effect_violations(database), *judging.evidence_violations(url)]
    counts = Counter(step.fault.value for step in plan.steps) + judging.counts(found)
    return Result(counts + Counter({"seconds to settle": round(settled)}), wrong)


def _effect_violations(database: Database) -> Iterator[str]:
    """Yield whose complaints and ends of services are not one for each text."""
    complaints = judging.per_number(database, judging.TICKETS, judging.IS_COMPLAINT)
    ends = judging.per_number(database, judging.EVENTS, judging.IS_UNSUBSCRIBE)
    written = sum(text.startswith("TS") for text in DIALOGUE)
    for number in NUMBERS:
        if (complaints.get(number), ends.get(number)) != (written, len(SERVICES)):
            yield f"{number} has {complaints.get(number)} complaints, and {ends.get(number)} services that ended"


def _run(this: Round) -> None:
    """Write and disturb at once, then wait until all processes are ready and all reports are taken."""
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(this.write_all), pool.submit(this.disturb)]
        for one in both:
            one.result()
    for process in this.gateways:
        process.wait_until_ready()
    # What is sent from now on is not reported, or its reports could be on their way at the end.
    this.carrier.when_taken = lambda _arrival: None
    this.reporters.shutdown()
    for report in this.reports:
        report.result()
