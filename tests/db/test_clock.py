"""The clock of a database: what is known of its server's time after each answer (ADR 27)."""

import time

import pytest

from app.db.clock import Clock, clock_of
from app.db.session import Database, normalise_url

SECOND = 1_000_000
SERVER = 1_790_000_000 * SECOND


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The monotonic clock in microseconds; tests set it."""
    now = [5 * SECOND]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0] * 1_000)
    return now


def answer(clock: Clock, steady: list[int], *, server: int, after: int, takes: int) -> None:
    """Have the server answer ``server`` so many microseconds ``after`` the question, which ``takes`` so long."""
    asked = clock.ask()
    steady[0] += takes
    clock.learn(server + after, asked)


def test_before_the_first_answer_it_is_the_machine_s() -> None:
    assert Clock(lambda: SERVER).micros() == SERVER


def test_an_answer_counts_and_the_machine_s_clock_does_not(steady: list[int]) -> None:
    clock = Clock(lambda: 0)
    answer(clock, steady, server=SERVER, after=500, takes=1_000)
    assert clock.micros() == SERVER + 1_000

    steady[0] += 3 * SECOND
    assert clock.micros() == SERVER + 1_000 + 3 * SECOND


def test_a_slow_answer_does_not_make_it_worse(steady: list[int]) -> None:
    clock = Clock()
    answer(clock, steady, server=SERVER, after=500, takes=1_000)
    answer(clock, steady, server=SERVER + 1_000, after=2 * SECOND, takes=2 * SECOND)

    assert abs(clock.micros() - (SERVER + 1_000 + 2 * SECOND)) <= 500


def test_it_is_never_before_a_time_that_was_answered(steady: list[int]) -> None:
    clock = Clock()
    answer(clock, steady, server=SERVER, after=500, takes=1_000)
    answer(clock, steady, server=SERVER + 1_000, after=40_000, takes=40_000)

    assert clock.micros() >= SERVER + 1_000 + 40_000


def test_clocks_that_drift_apart_are_followed(steady: list[int]) -> None:
    clock = Clock()
    answer(clock, steady, server=SERVER, after=500, takes=1_000)
    steady[0] += 1_000 * SECOND
    slower = SERVER + 1_000 + 1_000 * SECOND - 50_000
    answer(clock, steady, server=slower, after=500, takes=1_000)

    assert abs(clock.micros() - (slower + 1_000)) <= 500


@pytest.mark.parametrize("jump", [-3_600 * SECOND, -SECOND, SECOND, 3_600 * SECOND])
def test_a_server_with_another_time_is_believed_at_once(steady: list[int], jump: int) -> None:
    clock = Clock()
    answer(clock, steady, server=SERVER, after=500, takes=1_000)
    answer(clock, steady, server=SERVER + jump, after=20_000, takes=40_000)

    assert clock.micros() == SERVER + jump + 40_000


def test_a_connection_of_postgresql_asks_first(unused_postgresql_url: str) -> None:
    """So that no process stores a time of its own clock."""
    database = Database(normalise_url(unused_postgresql_url))
    database.clock._machine = lambda: 0
    try:
        known = database.read_now(lambda connection: clock_of(connection).micros())
        machine = time.time_ns() // 1_000
    finally:
        database.close()

    assert abs(machine - known) < 10 * SECOND, "the server of the tests runs on this machine"
