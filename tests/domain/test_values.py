"""Amounts, months, quiet hours, written times, retries and values."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.account import Language
from app.domain.calendar import QuietHours, last_second_of_month, local_day
from app.domain.catalogue import Billing
from app.domain.money import in_yuan
from app.domain.retry import CAP, backoff
from app.domain.texts import wording
from app.domain.values import replace, value
from tests.commands.world import shanghai
from tests.effort import tries

ZH, EN = Language.ZH, Language.EN
QUICK = tries(100)


def test_money() -> None:
    shown = {
        500: "5", 550: "5.50", 10: "0.10", 1: "0.01", 0: "0", 100: "1", 1205: "12.05", 123_456_700: "1234567", -50: "-0.50", -150: "-1.50",
    }  # fmt: skip
    assert {fen: in_yuan(fen) for fen in shown} == shown
    assert [wording.yuan(ZH, 550), wording.yuan(EN, 550)] == ["5.50元", "CNY5.50"]
    assert [wording.price(ZH, 500, billing) for billing in Billing] == ["5元/月", "5元/次", "5元/月"]
    assert wording.price(EN, 10, Billing.PER_USE) == "CNY0.10/use"
    assert [wording.yuan_without_point(ZH, fen) for fen in (500, 1990, 5)] == ["5元", "19元90分", "0元5分"]
    assert [wording.yuan_without_point(EN, fen) for fen in (500, 1990)] == ["CNY5", "1990fen"]


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        ("2026-02-28 23:59:59", "2026-02-28 23:59:59"),
        ("2026-02-28 23:59:59.9", "2026-02-28 23:59:59"),
        ("2026-03-01 00:00:00", "2026-03-31 23:59:59"),
        ("2028-02-01 00:00:00", "2028-02-29 23:59:59"),
        ("2026-12-31 23:59:59", "2026-12-31 23:59:59"),
        ("2026-01-31 07:59:59", "2026-01-31 23:59:59"),
        ("2100-02-28 12:00:00", "2100-02-28 23:59:59"),
    ],
)
def test_a_month_ends_in_shanghai_time(moment: str, last: str) -> None:
    assert last_second_of_month(shanghai(moment)) == shanghai(last)


@QUICK
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  hypothesis wants bare bounds
def test_the_last_second_belongs_to_the_month(moment: datetime) -> None:
    last = last_second_of_month(moment)
    assert local_day(last).month == local_day(moment).month
    assert local_day(last + timedelta(seconds=1)).day == 1
    assert last > moment - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("quiet", "moment", "release"),
    [
        (QuietHours(), "2026-03-02 21:59:59", "2026-03-02 21:59:59"),
        (QuietHours(), "2026-03-02 22:00:00", "2026-03-03 07:00:00"),
        (QuietHours(), "2026-12-31 23:59:59", "2027-01-01 07:00:00"),
        (QuietHours(), "2026-03-03 00:00:00", "2026-03-03 07:00:00"),
        (QuietHours(), "2026-03-03 06:59:59.9", "2026-03-03 07:00:00"),
        (QuietHours(), "2026-03-03 07:00:00", "2026-03-03 07:00:00"),
        (QuietHours(time(1, 0), time(2, 30)), "2026-03-03 01:30:00", "2026-03-03 02:30:00"),
        (QuietHours(time(1, 0), time(2, 30)), "2026-03-03 00:30:00", "2026-03-03 00:30:00"),
        (QuietHours(time(7, 0), time(7, 0)), "2026-03-03 07:00:00", "2026-03-03 07:00:00"),
    ],
)
def test_quiet_hours(quiet: QuietHours, moment: str, release: str) -> None:
    assert quiet.release(shanghai(moment)) == shanghai(release)


def test_written_times_and_durations() -> None:
    moment = datetime(2026, 3, 31, 16, 5, tzinfo=UTC)
    assert [wording.day(ZH, moment), wording.day(EN, moment)] == ["04月01日", "April 1"]
    assert [wording.day_of_year(ZH, moment), wording.day_of_year(EN, moment)] == ["2026年04月01日", "April 1, 2026"]
    assert [wording.minute(ZH, moment), wording.minute(EN, moment)] == ["04月01日00时05分", "April 1, 00:05"]
    lengths = [
        timedelta(hours=2),
        timedelta(minutes=90),
        timedelta(hours=1),
        timedelta(minutes=10),
        timedelta(hours=24),
    ]
    assert [wording.duration(ZH, length) for length in lengths] == ["2小时", "90分钟", "1小时", "10分钟", "24小时"]
    assert [wording.duration(EN, length) for length in lengths] == [
        "two hours",
        "90min",
        "one hour",
        "ten minutes",
        "24h",
    ]


def test_backoff() -> None:
    for attempts in range(60):
        waits = [backoff(attempts, jitter) for jitter in (0.0, 0.5, 0.999)]
        assert timedelta(seconds=1) <= waits[0] <= waits[1] <= waits[2] <= CAP
    assert backoff(1, 0.999) < timedelta(seconds=4) < backoff(3, 0.999)
    assert backoff(10**9, 0.999) > timedelta(minutes=4)
    assert backoff(3, 0.5, timedelta(minutes=20)) == timedelta(minutes=20)
    assert backoff(0, 0.0, timedelta(seconds=0)) == timedelta(seconds=1)


@value
class _Point:
    x: int
    y: int = 0


@value
class _Single:
    x: int


def test_replace_changes_fields_of_a_copy() -> None:
    point = _Point(1, 2)
    assert replace(point, y=5) == _Point(1, 5)
    assert replace(point, x=7, y=8) == _Point(7, 8)
    assert replace(point) == point
    assert point == _Point(1, 2)
    assert replace(_Single(1), x=2) == _Single(2)


def test_replace_refuses_an_unknown_field() -> None:
    with pytest.raises(TypeError, match="_Point has no field 'z'"):
        replace(_Point(1), z=3)  # type: ignore[call-arg]  # the mistake that is tested
