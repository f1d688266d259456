"""A gateway whose PostgreSQL server hangs, or dies and comes back: no message is lost or answered twice."""

import threading
import time
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.db.session import Database, normalise_url
from app.toys.server import Session
from tests.crash import judging
from tests.crash.calls import TAKEN, drain, post, prepare, texts
from tests.crash.lines.keeping import ANSWER, AnyKeeping, running
from tests.crash.lines.session import KEEPING, Customers
from tests.crash.process import Process, client, process_of
from tests.crash.server import own_server

AnySession = Session[Any]
NUMBERS = [f"+861380015{place:04}" for place in range(20)]
# The promise is a few seconds; a machine that is busy with other tests is given more.
ANSWERED_WITHIN_SECONDS = 30
RECOVERED_WITHIN_SECONDS = 90
# Of carriers.md 10.10. The session ends within 20 s; what is shorter than the minute is what is waited for then.
SHORTLY_AWAY_SECONDS, AWAY_SECONDS, AWAY_IN_THE_LONG_FORM_SECONDS = 5, 25, 60
TESTED_WITHIN_SECONDS, ENDED_WITHIN_SECONDS, BOUND_WITHIN_SECONDS = 1, 20, 10
# With other tests beside it the short form is given so much more of what the gateway itself takes.
PATIENCE = 3


def test_a_server_that_hangs_makes_nobody_wait(tmp_path: Path) -> None:
    with own_server() as server, process_of("serve", server.url, tmp_path / "gateway.log") as gateway:
        prepare(gateway, NUMBERS)
        assert post(gateway, NUMBERS[0], "before", "0000") == httpx.codes.ACCEPTED
        drain(gateway)
        with server.stopped():
            began = time.monotonic()
            assert post(gateway, NUMBERS[0], "hanging", "0000") == httpx.codes.SERVICE_UNAVAILABLE
            assert gateway.status == httpx.codes.SERVICE_UNAVAILABLE
            assert client().get(f"{gateway.base}/livez", timeout=5).status_code == httpx.codes.OK
            assert time.monotonic() - began < ANSWERED_WITHIN_SECONDS
        gateway.wait_until_ready()
        # The carrier posts again what was not accepted; it may have been stored after all.
        assert post(gateway, NUMBERS[0], "hanging", "0000") in TAKEN
        drain(gateway)
        assert len(texts(gateway, NUMBERS[0])) == 2


def test_a_server_that_dies_under_load_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    refused = 0

    def handset(gateway: Process, number: str) -> None:
        nonlocal refused
        for place in range(6):
            deadline = time.monotonic() + RECOVERED_WITHIN_SECONDS
            while (status := post(gateway, number, f"{number}-{place}", "0000")) == httpx.codes.SERVICE_UNAVAILABLE:
                refused += 1
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert status in TAKEN
            time.sleep(0.3)

    with own_server() as server, process_of("serve", server.url, tmp_path / "gateway.log") as gateway:
        prepare(gateway, NUMBERS)
        handsets = [threading.Thread(target=handset, args=(gateway, number)) for number in NUMBERS]
        for one in handsets:
            one.start()
        time.sleep(0.5)
        server.end()
        time.sleep(2)
        server.start()
        for one in handsets:
            one.join()
        gateway.wait_until_ready()
        drain(gateway)

        assert refused, "nothing was posted while the server was away"
        assert {len(texts(gateway, number)) for number in NUMBERS} == {6}


class Bound:
    """A gateway with one bind, and the customers who write to it."""

    def __init__(self, theirs: AnyKeeping, patience: int) -> None:
        self.theirs = theirs
        self.patience = patience
        self.customers = Customers(theirs)
        self._numbers = iter(NUMBERS)

    def session(self, within: float) -> AnySession:
        """Wait for a session, and return it."""
        self.theirs.wait_for(lambda: self.theirs.open_sessions, within)
        return self.theirs.call(lambda: self.theirs.open_sessions[-1])

    def write(self, customers: int) -> list[Future[None]]:
        """Have customers who have not written yet write; each future is done when the gateway has answered."""
        return [self.customers.write(one, one, "TS 信号不好") for one in islice(self._numbers, customers)]

    def wait(self, kept: list[Future[None]]) -> None:
        """Wait until the gateway has answered."""
        assert not wait(kept, RECOVERED_WITHIN_SECONDS).not_done

    def test_link(self, session: AnySession, seconds: float) -> None:
        """Test the link every second for so long, or until the session ends: each test is answered."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and session.is_open:
            self._test(session)
            time.sleep(1)

    def _test(self, session: AnySession) -> None:
        number = self.theirs.call(lambda: self.theirs.send(session, self.theirs.test))

        def is_answered() -> bool:
            answers = session.of(self.theirs.test | ANSWER)
            return not session.is_open or number in {one.sequence for one in answers}

        self.theirs.wait_for(is_answered, TESTED_WITHIN_SECONDS * self.patience)


def answered(session: AnySession) -> int:
    """Return how many messages of a session the gateway answered."""
    return len(session.of(AnyKeeping.delivery | ANSWER))


@pytest.mark.parametrize("kind", KEEPING)
def test_a_carrier_keeps_what_is_written_while_the_database_is_away(
    kind: str, tmp_path: Path, *, is_long: bool
) -> None:
    with ExitStack() as stack:
        server, theirs = stack.enter_context(own_server()), stack.enter_context(running(KEEPING[kind]))
        settings = theirs.settings(tmp_path, binds=1)
        stack.enter_context(process_of("serve", server.url, tmp_path / "gateway.log", **settings))
        this = Bound(theirs, 1 if is_long else PATIENCE)
        session = this.session(RECOVERED_WITHIN_SECONDS)
        this.wait(this.write(5))

        with server.stopped():
            kept = this.write(5)
            this.test_link(session, SHORTLY_AWAY_SECONDS)
            assert answered(session) == 5
        this.wait(kept)
        assert theirs.call(lambda: theirs.sessions) == [session], "the session lives through it"

        server.end()
        ended_at = time.monotonic()
        kept = this.write(10)
        this.test_link(session, ENDED_WITHIN_SECONDS)
        assert session.ended_at is not None, "it ended in time"
        assert (answered(session), session.of(theirs.goodbye)) == (10, session.pdus[-1:])
        away = AWAY_IN_THE_LONG_FORM_SECONDS if is_long else AWAY_SECONDS
        time.sleep(max(0.0, ended_at + away - time.monotonic()))
        assert theirs.call(lambda: theirs.sessions) == [session], "no other one is begun"
        server.start()
        this.session(BOUND_WITHIN_SECONDS * this.patience)
        this.wait(kept)

        database = stack.enter_context(closing(Database(normalise_url(server.url))))
        judging.wait_until_settled(database, RECOVERED_WITHIN_SECONDS)
        found = this.customers.read(database, "wait")
        assert [*judging.violations(found), *theirs.objections] == []
        assert len(found.inbound) == len(NUMBERS)
