"""The circuit breaker (delivery.md 10, 11)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.db.provider_state import Circuit
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult, Unknown
from app.services.delivery.breaker import FAILURES_TO_OPEN, CircuitState, circuit_after, is_paused, state_of

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
BROKEN: list[SendResult] = [RefusedForNow("500"), Unknown("timed out")]
WELL = Circuit()


def broken(count: int = FAILURES_TO_OPEN, circuit: Circuit = WELL, at: datetime = NOW, jitter: float = 0.0) -> Circuit:
    return circuit_after(circuit, [BROKEN[number % 2] for number in range(count)], at, jitter)


def test_the_circuit_opens_after_failures_in_a_row() -> None:
    assert state_of(broken(FAILURES_TO_OPEN - 1), NOW) is CircuitState.CLOSED
    assert state_of(broken(), NOW) is CircuitState.OPEN
    assert is_paused(broken(), NOW)


def test_mistakes_of_the_settings_open_it_like_any_failure() -> None:
    """So that they cost few messages their time."""
    wrong: list[SendResult] = [RefusedForNow("HTTP 401", setting="secret")] * FAILURES_TO_OPEN
    assert state_of(circuit_after(WELL, wrong[1:], NOW, 0), NOW) is CircuitState.CLOSED
    assert state_of(circuit_after(WELL, wrong, NOW, 0), NOW) is CircuitState.OPEN


@pytest.mark.parametrize("answer", [Accepted("theirs"), Refused("400"), RefusedForNow("429", throttled=True)])
def test_any_definite_answer_shows_that_the_provider_works(answer: SendResult) -> None:
    assert circuit_after(broken(FAILURES_TO_OPEN - 1), [answer], NOW, 0).failures == 0
    assert state_of(circuit_after(broken(), [answer], NOW, 0), NOW) is CircuitState.CLOSED


@pytest.mark.parametrize(
    "answer", [RefusedForNow("unreachable", of_recipient=True), Unknown("timed out", of_recipient=True)]
)
def test_what_is_about_one_recipient_says_nothing_of_the_provider(answer: SendResult) -> None:
    assert circuit_after(WELL, [answer] * FAILURES_TO_OPEN, NOW, 0) == WELL
    assert circuit_after(broken(), [answer], NOW, 0) == broken()


def test_messages_that_were_not_tried_do_not_count() -> None:
    assert circuit_after(WELL, [NotTried()] * 100, NOW, 0) == WELL


def test_after_its_rest_the_circuit_is_half_open() -> None:
    circuit = broken()
    assert circuit.paused_until is not None
    assert state_of(circuit, circuit.paused_until) is CircuitState.HALF_OPEN
    assert not is_paused(circuit, circuit.paused_until)


def test_each_failed_try_doubles_the_rest_up_to_a_minute() -> None:
    circuit, at, rests = WELL, NOW, []
    for _ in range(8):
        circuit = broken(FAILURES_TO_OPEN if circuit == WELL else 1, circuit, at, jitter=0.999999)
        assert circuit.paused_until is not None
        rests.append(round((circuit.paused_until - at).total_seconds()))
        at = circuit.paused_until
    assert rests == [5, 10, 20, 40, 60, 60, 60, 60]


def test_failures_in_flight_when_the_circuit_opened_do_not_make_the_rest_longer() -> None:
    circuit = broken()
    assert broken(64, circuit).paused_until == circuit.paused_until


def test_rests_are_spread_over_half_of_their_length() -> None:
    rests = {broken(jitter=jitter).paused_until for jitter in (0.0, 0.3, 0.9)}
    assert len(rests) == 3
    assert all(rest and timedelta(seconds=2.5) <= rest - NOW <= timedelta(seconds=5) for rest in rests)


def test_throttling_pauses_for_as_long_as_the_provider_asked_and_is_no_failure() -> None:
    circuit = circuit_after(WELL, [RefusedForNow("429", timedelta(minutes=7), throttled=True)], NOW, 0)
    assert is_paused(circuit, NOW + timedelta(minutes=6, seconds=59))
    assert not is_paused(circuit, NOW + timedelta(minutes=7))
    assert state_of(circuit, NOW) is CircuitState.CLOSED


def test_an_accepted_message_does_not_end_a_pause_that_the_provider_asked_for() -> None:
    circuit = circuit_after(
        WELL, [RefusedForNow("429", timedelta(minutes=7), throttled=True), Accepted("theirs")], NOW, 0
    )
    assert is_paused(circuit, NOW + timedelta(minutes=1))


def test_no_pause_is_longer_than_an_hour() -> None:
    circuit = circuit_after(WELL, [RefusedForNow("429", timedelta(days=300), throttled=True)], NOW, 0)
    assert circuit.paused_until == NOW + timedelta(hours=1)


def test_a_clock_that_was_set_back_makes_no_pause_endless() -> None:
    circuit = circuit_after(WELL, [RefusedForNow("429", timedelta(minutes=7), throttled=True)], NOW, 0)
    assert not is_paused(circuit, NOW - timedelta(days=1))
