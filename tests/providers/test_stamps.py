"""Parsing of carriers' times (http-api.md, webhooks; safety.md 34)."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar import SHANGHAI
from app.domain.stamps import StampForm
from app.providers.stamps import read_stamp

NOON = datetime(2026, 3, 2, 11, 59, tzinfo=SHANGHAI)
LOCAL = [
    "20260302115900", 20260302115900, "2026-03-02T11:59:00", "2026-03-02 11:59:00", "2026-03-02t11:59:00.000",
    "2026/03/02 11:59:00", " 20260302115900 ", "2026-03-02 11:59:00,000000000",
]  # fmt: skip
ZONED = [
    1772423940, "1772423940", 1772423940000, "1772423940000", 1772423940.0, "1772423940.000", 1772423940000000,
    "2026-03-02T11:59:00+08:00", "2026-03-02T03:59:00Z", "2026-03-02t03:59:00z", "2026-03-02T03:59:00.000000000Z",
    "2026-03-02 03:59:00 +0000", "2026-03-02 03:59:00 UTC", "20260302115900+0800", "2026-03-02T11:59:00+08",
    "2026-03-02T03:58:60Z",
]  # fmt: skip


@pytest.mark.parametrize("text", LOCAL, ids=repr)
@pytest.mark.parametrize("zone", [SHANGHAI, UTC, timezone(timedelta(hours=-3)), ZoneInfo("Europe/Berlin")])
def test_a_time_without_a_zone_is_in_the_carriers_zone(text: object, zone: tzinfo) -> None:
    stamp = read_stamp(text, zone)
    assert (stamp.at, stamp.form) == (NOON.replace(tzinfo=zone), StampForm.LOCAL)


@pytest.mark.parametrize("text", ZONED, ids=repr)
@pytest.mark.parametrize("zone", [SHANGHAI, UTC])
def test_a_time_with_a_zone_is_in_that_zone(text: object, zone: tzinfo) -> None:
    stamp = read_stamp(text, zone)
    assert (stamp.at, stamp.form) == (NOON, StampForm.ZONED)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_time_is_none(text: object) -> None:
    assert read_stamp(text, SHANGHAI).form is StampForm.NONE


IMPOSSIBLE = [
    "2026-03-02", "2026-13-02T11:59:00", "20261302115900", "2026-02-30 00:00:00", "2612-11-30T09:59:00+08:00",
    "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", -1, 10**30, 10**14 - 1, float("inf"), float("nan"),
    "2026-03-02T11:59:00+99:99", "2026-03-02T25:00:00",
]  # fmt: skip
NO_TIME = ["yesterday", "11:59", True, [], {}, "1" * 5000, "2 March 2026"]


@pytest.mark.parametrize("text", [*IMPOSSIBLE, *NO_TIME], ids=lambda text: repr(text)[:30])
def test_an_impossible_time_is_none_with_its_form(text: object) -> None:
    stamp = read_stamp(text, SHANGHAI)
    no_time = any(text is one for one in NO_TIME)
    assert (stamp.at, stamp.form) == (None, StampForm.NO_TIME if no_time else StampForm.IMPOSSIBLE)


_ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet="0123456789-:. TZ+/a年", max_size=30)


@given(_ANY, st.sampled_from([SHANGHAI, UTC, ZoneInfo("Europe/Berlin")]))
def test_any_value_can_be_parsed(text: object, zone: tzinfo) -> None:
    stamp = read_stamp(text, zone)
    assert stamp.at is None or stamp.at.tzinfo is not None
