"""Calendar months in Shanghai, written ``2026-03``, and the days on which data usage is reported."""

import re
from datetime import UTC, datetime, timedelta

from app.domain.calendar import SHANGHAI, local

_WRITTEN = re.compile(r"(19|2[01])[0-9]{2}-(0[1-9]|1[0-2])")
_TEN = 10
_MID_MONTH = 15


def is_month(text: str) -> bool:
    """Return True for a month from 1900 to 2199, written like ``2026-03``."""
    return _WRITTEN.fullmatch(text) is not None


def month_of(moment: datetime) -> str:
    """Return the month of an instant, in Shanghai."""
    return f"{local(moment):%Y-%m}"


def first_moment(month: str) -> datetime:
    """Return the first instant of a month (UTC)."""
    return datetime.fromisoformat(f"{month}-01").replace(tzinfo=SHANGHAI).astimezone(UTC)


def last_moment(month: str) -> datetime:
    """Return the last second of a month (UTC)."""
    return first_moment(_following(month)) - timedelta(seconds=1)


def closed_months(moment: datetime, count: int) -> tuple[str, ...]:
    """Return the last ``count`` months that had ended at ``moment``, newest first."""
    months: list[str] = []
    start = first_moment(month_of(moment))
    while len(months) < count:
        months.append(month_of(start - timedelta(seconds=1)))
        start = first_moment(months[-1])
    return tuple(months)


def next_reading_day(after: datetime) -> datetime:
    """Return the next reading day after ``after`` (UTC): 10:00 on the 15th or the last day of a month (flows.md 9)."""
    month = month_of(after)
    days = [*_reading_days(month), *_reading_days(_following(month))]
    return next(day for day in days if day > after)


def last_reading_day(until: datetime) -> datetime:
    """Return the newest reading day at or before ``until`` (UTC)."""
    month = month_of(until)
    days = [*_reading_days(closed_months(until, 1)[0]), *_reading_days(month)]
    return next(day for day in reversed(days) if day <= until)


def _following(month: str) -> str:
    return month_of(first_moment(month) + timedelta(days=32))


def _reading_days(month: str) -> tuple[datetime, datetime]:
    middle = local(first_moment(month)).replace(day=_MID_MONTH)
    last = local(last_moment(month))
    return _at_ten(middle), _at_ten(last)


def _at_ten(day: datetime) -> datetime:
    return day.replace(hour=_TEN, minute=0, second=0, microsecond=0).astimezone(UTC)
