"""Four workers, two binds over SMPP or CMPP: asked to end, killed, started again, stopped past the lease (carriers.md 10.9)."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.db.session import Database, normalise_url
from app.domain.messages import OutboundStatus
from app.toys.server import Session
from tests.crash import judging
from tests.crash.judging import Found
from tests.crash.lines.keeping import AnyKeeping, most_at_once, running
from tests.crash.lines.session import KEEPING, Customers
from tests.crash.process import READY_SECONDS, Process, process_of

AnySession = Session[Any]
NUMBERS = [f"+861380018{place:04}" for place in range(16)]
WORKERS, BINDS = 4, 2
TAKEN_OVER_SECONDS = 40
CLOSED_SECONDS = 1
ASLEEP_SECONDS = 60
RESTARTS, RESTARTS_IN_THE_LONG_FORM = 3, 10
# Fewer than the limit of a minute.
BETWEEN_TEXTS_SECONDS = (7, 12)
SETTLED_WITHIN_SECONDS = 300


@dataclass
class Workers:
    """The processes by the names that they bind with, the carrier, and customers who complain all the time."""

    database: Database
    theirs: AnyKeeping
    by_name: dict[str, Process]
    customers: Customers
    is_over: threading.Event = field(default_factory=threading.Event)
    writing: list[Future[None]] = field(default_factory=list)

    @property
    def open(self) -> list[AnySession]:
        """The sessions that have not ended."""
        return self.theirs.call(lambda: self.theirs.open_sessions)

    def wait_until_bound(self, besides: str = "") -> None:
        """Wait until both binds are up, and held by others than one."""

        def are_bound() -> bool:
            return sum(self.theirs.who(one) != besides for one in self.theirs.open_sessions) == BINDS

        self.theirs.wait_for(are_bound, TAKEN_OVER_SECONDS)

    def complain(self, number: str) -> None:
        """Have a customer write again and again until it is over."""
        choose = random.Random(number)
        place = 0
        while not self.is_over.wait(choose.uniform(*BETWEEN_TEXTS_SECONDS)):
            self.customers.write(number, f"{number}-{place}", f"TS 信号不好{place}").result(SETTLED_WITHIN_SECONDS)
            place += 1

    def read(self) -> Found:
        """Return what is stored now."""
        return self.customers.read(self.database, "wait")

    def wrong(self) -> list[str]:
        """Wait until nothing is on its way any more, and return what does not hold then."""
        for one in self.writing:
            one.result()
        judging.wait_until_settled(self.database, SETTLED_WITHIN_SECONDS)
        found = self.read()
        complaints = judging.per_number(self.database, judging.TICKETS, judging.IS_COMPLAINT)
        wrong = [*judging.violations(found), *map(str, self.theirs.objections.items())]
        if complaints != Counter(found.outside.accepted.values()):
            wrong.append(f"{sum(complaints.values())} complaints are on record")
        return wrong


@contextmanager
def working(kind: str, url: str, folder: Path) -> Iterator[Workers]:
    """Run four workers and their customers, and wait until two binds are up."""
    with ExitStack() as stack:
        theirs = stack.enter_context(running(KEEPING[kind]))

        def start(name: str) -> Process:
            settings = theirs.settings(folder / name, name)
            return stack.enter_context(process_of("serve", url, folder / f"{name}.log", **settings))

        names = [f"work-{place}" for place in range(WORKERS)]
        with ThreadPoolExecutor(WORKERS) as pool:
            started = dict(zip(names, pool.map(start, names), strict=True))
        database = Database(normalise_url(url))
        stack.callback(database.close)
        this = Workers(database, theirs, started, Customers(theirs))
        customers = stack.enter_context(ThreadPoolExecutor(len(NUMBERS)))
        stack.callback(this.is_over.set)
        this.wait_until_bound()
        this.writing += [customers.submit(this.complain, number) for number in NUMBERS]
        yield this


def ask_to_end(this: Workers) -> None:
    """SIGTERM: goodbye is said, nothing is unknown, and another process binds."""
    name = this.theirs.who(this.open[0])
    sessions = [one for one in this.open if this.theirs.who(one) == name]
    assert this.by_name[name].kill(signal.SIGTERM) == 0
    assert [one.pdus[-1].command for one in sessions] == [this.theirs.goodbye] * len(sessions)
    found = this.read()
    assert found.unknown.total() == 0
    assert OutboundStatus.UNKNOWN not in {row["status"] for row in found.outbound}
    this.wait_until_bound()
    this.by_name[name].start()


def kill_a_holder(this: Workers) -> None:
    """kill -9: another process binds.

    It dies when it has just answered: the answer is lost, and the message comes over the other bind at once.
    """
    name, is_dead = this.theirs.who(this.open[0]), threading.Event()
    process = this.by_name[name]

    def loses(session: AnySession) -> bool:
        if is_dead.is_set() or this.theirs.who(session) != name:
            return False
        os.kill(process.running.pid, signal.SIGKILL)
        is_dead.set()
        return True

    this.theirs.loses = loses
    assert is_dead.wait(TAKEN_OVER_SECONDS)
    process.running.wait()
    this.wait_until_bound()
    process.start()
    wait_until_alive(process)


def kill_and_start_again(this: Workers, times: int, *, is_long: bool) -> None:
    """kill -9 of a holder, and again as soon as it runs; in the long form each time of one that holds a bind."""
    name = this.theirs.who(this.open[0])
    for _ in range(times):
        process = this.by_name[name]
        process.kill(signal.SIGKILL)
        process.start()
        wait_until_alive(process)
        if is_long:
            this.wait_until_bound()
            name = this.theirs.who(this.open[0])
    this.wait_until_bound()


def wait_until_alive(process: Process) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not process.status:
        assert time.monotonic() < deadline, "the gateway did not start"
        time.sleep(0.1)


def stop_past_the_lease(this: Workers, *, is_long: bool) -> list[AnySession]:
    """SIGSTOP: others bind. When it goes on, nothing more comes over its old sessions, which are closed."""
    name = this.theirs.who(this.open[0])
    old = [one for one in this.open if this.theirs.who(one) == name]
    pid = this.by_name[name].running.pid
    os.kill(pid, signal.SIGSTOP)
    wakes_at = time.monotonic() + ASLEEP_SECONDS
    this.wait_until_bound(besides=name)
    if is_long:
        time.sleep(max(0.0, wakes_at - time.monotonic()))
    woken_at = time.monotonic()
    os.kill(pid, signal.SIGCONT)
    this.theirs.wait_for(lambda: not any(one.is_open for one in old), CLOSED_SECONDS)
    assert all(one.heard_at < woken_at for one in old)
    return old


@pytest.mark.parametrize("kind", KEEPING)
def test_two_sessions_whatever_happens_to_their_holders(
    kind: str, unused_postgresql_url: str, tmp_path: Path, *, is_long: bool
) -> None:
    with working(kind, unused_postgresql_url, tmp_path) as this:
        ask_to_end(this)
        kill_a_holder(this)
        kill_and_start_again(this, RESTARTS_IN_THE_LONG_FORM if is_long else RESTARTS, is_long=is_long)
        old = stop_past_the_lease(this, is_long=is_long)
        this.is_over.set()
        assert this.wrong() == []
        assert most_at_once([one for one in this.theirs.sessions if one not in old]) == BINDS
