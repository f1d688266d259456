"""Shifted stamps of a carrier are recognised, with the zone that corrects them (safety.md 34)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.stamps import Shift, ShiftWatch, Stamp, StampForm

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def watched(*shifts: timedelta, form: StampForm = StampForm.LOCAL) -> list[Shift]:
    watch, shown = ShiftWatch(), []
    for place, shift in enumerate(shifts):
        now = START + place * MINUTE
        if watch.note(Stamp(now - shift, form), now) and (current := watch.shift(now)):
            shown.append(current)
    return shown


@pytest.mark.parametrize(
    ("hours", "zone", "corrected"), [(8, 8, 0), (-8, 0, 8), (1, 8, 7), (13, 8, -5), (-9, 0, 9), (5, -3, -8)]
)
def test_a_shift_of_whole_hours_is_corrected_by_a_zone(hours: int, zone: int, corrected: int) -> None:
    [shift] = watched(*[hours * HOUR + place * 10 * timedelta(seconds=1) for place in range(12)])
    assert shift.mending_offset(zone * HOUR) == corrected * HOUR


@pytest.mark.parametrize("shift", [3 * HOUR + 17 * MINUTE, 400 * HOUR, -HOUR / 2])
def test_another_shift_is_reported_without_a_zone(shift: timedelta) -> None:
    [found] = watched(*[shift] * 12)
    assert found.mending_offset(8 * HOUR) is None


def test_no_zone_corrects_stamps_with_their_own_zone() -> None:
    [found] = watched(*[8 * HOUR] * 12, form=StampForm.ZONED)
    assert found.mending_offset(8 * HOUR) is None


@pytest.mark.parametrize(
    "shifts",
    [
        [8 * HOUR] * 9,
        [8 * HOUR] * 9 + [MINUTE] + [8 * HOUR] * 9,
        [place * HOUR for place in range(1, 30)],  # a backlog, sent at last
        [MINUTE] * 30,
        [-5 * MINUTE] * 30,
    ],
)
def test_a_late_message_or_a_backlog_is_no_shift(shifts: list[timedelta]) -> None:
    assert watched(*shifts) == []


def test_a_shift_is_reported_once_an_hour() -> None:
    assert len(watched(*[8 * HOUR] * 130)) == 3
