"""Months in Shanghai and the reading days of data usage (flows.md 9, 10)."""

import pytest

from app.domain.calendar import local
from app.domain.months import (
    closed_months,
    first_moment,
    is_month,
    last_moment,
    last_reading_day,
    month_of,
    next_reading_day,
)
from tests.commands.world import shanghai


def test_a_month_begins_and_ends_at_midnight_in_shanghai() -> None:
    assert month_of(shanghai("2026-03-31 23:59:59")) == "2026-03"
    assert month_of(shanghai("2026-04-01 00:00:00")) == "2026-04"
    assert first_moment("2026-12") == shanghai("2026-12-01 00:00")
    assert last_moment("2026-12") == shanghai("2026-12-31 23:59:59")
    assert last_moment("2028-02") == shanghai("2028-02-29 23:59:59")


def test_closed_months_over_new_year() -> None:
    assert closed_months(shanghai("2025-12-31 23:59:59"), 3) == ("2025-11", "2025-10", "2025-09")
    assert closed_months(shanghai("2026-01-01 00:00:00"), 3) == ("2025-12", "2025-11", "2025-10")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-02-01 00:00:00", "2026-02-15 10:00:00"),
        ("2026-02-15 09:59:59", "2026-02-15 10:00:00"),
        ("2026-02-15 10:00:00", "2026-02-28 10:00:00"),
        ("2028-02-28 10:00:00", "2028-02-29 10:00:00"),
        ("2026-12-31 10:00:00", "2027-01-15 10:00:00"),
        ("2026-01-31 23:59:59", "2026-02-15 10:00:00"),
    ],
)
def test_reading_days_are_the_fifteenth_and_the_last_day(after: str, expected: str) -> None:
    found = next_reading_day(shanghai(after))
    assert f"{local(found):%Y-%m-%d %H:%M:%S}" == expected
    assert last_reading_day(found) == found


def test_the_last_reading_day() -> None:
    assert last_reading_day(shanghai("2026-03-01 08:00")) == shanghai("2026-02-28 10:00")
    assert last_reading_day(shanghai("2026-01-02 08:00")) == shanghai("2025-12-31 10:00")
    assert last_reading_day(shanghai("2026-03-20 08:00")) == shanghai("2026-03-15 10:00")


def test_the_written_form_of_a_month() -> None:
    assert [
        text for text in ("2026-03", "2026-13", "2026-00", "2026-3", "202603", "2026-03-01", "") if is_month(text)
    ] == ["2026-03"]
