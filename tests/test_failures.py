"""Failures are said once when they begin and once when they are over; what repeats is counted (newcomers' nights)."""

import io
import json

import pytest
from prometheus_client import REGISTRY

from app.failures import Failures, Kind


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failures(clock: Clock) -> Failures:
    return Failures(clock=clock)


def said(log: io.StringIO) -> list[tuple[object, ...]]:
    """Return the lines so far: their sentences, whose failure it is, why, and how many there were."""
    lines = map(json.loads, log.getvalue().splitlines())
    return [(line["event"], line.get("of"), line.get("cause"), line["count"]) for line in lines]


def test_a_failure_is_said_once_with_its_cause_and_what_to_do_and_once_when_it_is_over(
    failures: Failures, clock: Clock, log: io.StringIO
) -> None:
    for _ in range(7):
        failures.met(Kind.DATABASE_AWAY, cause="nobody answers")
        clock.now += 30
    [first] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (first["event"], first["kind"], first["cause"]) == (
        "the database is away; trying again",
        "database_away",
        "nobody answers",
    )
    assert first["next"]

    failures.over(Kind.DATABASE_AWAY)
    failures.over(Kind.DATABASE_AWAY)
    [_, last] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (last["event"], last["kind"], last["seconds"], last["count"]) == (
        "the database is back",
        "database_away",
        210,
        7,
    )


def test_what_works_says_nothing(failures: Failures, log: io.StringIO) -> None:
    failures.over(Kind.DATABASE_AWAY)
    failures.say_counted()
    assert log.getvalue() == ""
    assert failures.lasting() == []


def test_what_repeats_is_counted_and_said_once_a_minute_for_each_whose_it_is(
    failures: Failures, clock: Clock, log: io.StringIO
) -> None:
    for _ in range(100):
        failures.met(Kind.WRONG_SECRET, "one", cause="a wrong signature")
        clock.now += 1
    failures.met(Kind.WRONG_SECRET, "two", cause="no signature")
    refused = "a webhook is refused: who calls could not prove who it is"
    assert said(log) == [
        (refused, "one", "a wrong signature", 1),
        (refused, "one", "a wrong signature", 60),
        (refused, "two", "no signature", 1),
    ]

    clock.now += 60
    failures.say_counted()
    failures.say_counted()
    assert said(log)[3:] == [(refused, "one", "a wrong signature", 39)]


def test_what_comes_and_goes_does_not_flood_the_log(failures: Failures, clock: Clock, log: io.StringIO) -> None:
    for _ in range(50):
        failures.met(Kind.DATABASE_AWAY, cause="nobody answers")
        failures.over(Kind.DATABASE_AWAY)
        clock.now += 1
    assert len(said(log)) == 2

    clock.now += 60
    failures.say_counted()
    assert said(log)[2:] == [
        ("the database is away; trying again", None, "nobody answers", 49),
        ("the database is back", None, None, 1),
    ]


def test_a_second_failure_within_a_minute_is_said_when_it_lasts(
    failures: Failures, clock: Clock, log: io.StringIO
) -> None:
    failures.met(Kind.DATABASE_AWAY, cause="nobody answers")
    failures.over(Kind.DATABASE_AWAY)
    failures.met(Kind.DATABASE_AWAY, cause="it is starting")
    clock.now += 60
    failures.say_counted()
    failures.over(Kind.DATABASE_AWAY)
    assert [event for event, *_ in said(log)] == [
        "the database is away; trying again",
        "the database is back",
        "the database is away; trying again",
        "the database is back",
    ]


def test_a_slow_step_is_said_and_does_not_last(failures: Failures, clock: Clock, log: io.StringIO) -> None:
    failures.took("turns", 0.1)
    assert log.getvalue() == ""
    for seconds in (2.5, 3, 4):
        failures.took("turns", seconds)
    assert failures.lasting() == []
    clock.now += 61
    failures.say_counted()
    assert said(log) == [
        ("a step was slow", "turns", "it took 2.5 s", 1),
        ("a step was slow", "turns", "it took 4.0 s", 2),
    ]


def test_the_metrics_show_what_fails_and_how_often_it_did(failures: Failures) -> None:
    labels = {"kind": "wrong_secret", "of": "metered"}
    failures.expect(Kind.WRONG_SECRET, "metered")
    assert REGISTRY.get_sample_value("smsgw_failing", labels) == 0
    failures.met(Kind.WRONG_SECRET, "metered", cause="")
    failures.met(Kind.WRONG_SECRET, "metered", cause="")
    assert REGISTRY.get_sample_value("smsgw_failing", labels) == 1
    assert REGISTRY.get_sample_value("smsgw_failures_total", labels) == 2
    failures.over(Kind.WRONG_SECRET, "metered")
    assert REGISTRY.get_sample_value("smsgw_failing", labels) == 0


def test_what_lasts_is_listed_in_the_order_in_which_it_began(failures: Failures, clock: Clock) -> None:
    failures.met(Kind.CARRIER_AWAY, "carrier", cause="no connection")
    clock.now += 5
    failures.met(Kind.CLOCK_OFF, cause="it is ahead")
    assert [(one.kind, one.of, one.seconds) for one in failures.lasting()] == [
        (Kind.CARRIER_AWAY, "carrier", 5),
        (Kind.CLOCK_OFF, "", 0),
    ]
    assert failures.lasts(Kind.CARRIER_AWAY, "carrier") == 5
    assert failures.lasts(Kind.CARRIER_AWAY, "another") is None


def test_calls_that_are_not_authentic_are_forgotten_when_none_came_for_ten_minutes(
    failures: Failures, clock: Clock, log: io.StringIO
) -> None:
    failures.met(Kind.WRONG_SECRET, "carrier", cause="a wrong signature")
    failures.met(Kind.CARRIER_AWAY, "carrier", cause="no connection")
    clock.now = 599
    failures.say_counted()
    assert len(failures.lasting()) == 2
    clock.now = 600
    failures.say_counted()
    assert [one.kind for one in failures.lasting()] == [Kind.CARRIER_AWAY]
    failures.over(Kind.WRONG_SECRET, "carrier")
    assert len(said(log)) == 2, "nobody knows that it is over"


def test_what_another_process_does_from_now_on_is_forgotten(failures: Failures, log: io.StringIO) -> None:
    failures.met(Kind.CARRIER_AWAY, "carrier", cause="no connection")
    failures.forget(Kind.CARRIER_AWAY, "carrier")
    failures.forget(Kind.CARRIER_AWAY, "another")
    assert failures.lasting() == []
    assert REGISTRY.get_sample_value("smsgw_failing", {"kind": "carrier_away", "of": "carrier"}) == 0
    assert len(said(log)) == 1


def test_what_keeps_customers_without_answers_is_an_error_and_anything_else_a_warning(
    failures: Failures, log: io.StringIO
) -> None:
    for kind in Kind:
        failures.met(kind, cause="")
    levels = {line["kind"]: line["level"] for line in map(json.loads, log.getvalue().splitlines())}
    errors = {"disk_full", "read_only", "database_away", "probe_fails"}
    assert {kind for kind, level in levels.items() if level == "error"} == errors
    assert {kind for kind, level in levels.items() if level == "warning"} == set(Kind) - errors


def test_no_line_holds_a_number(failures: Failures, log: io.StringIO) -> None:
    failures.met(Kind.CARRIER_AWAY, "carrier", cause="refused for 13800138000")
    assert "13800138000" not in log.getvalue()


def test_a_command_says_by_itself_what_failed(log: io.StringIO) -> None:
    quiet = Failures(says=False)
    quiet.met(Kind.DATABASE_AWAY, cause="nobody answers")
    quiet.over(Kind.DATABASE_AWAY)
    assert log.getvalue() == ""
    assert quiet.lasting() == []
