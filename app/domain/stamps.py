"""Carriers' own times of messages: how they were given, and what it means when they are off again and again.

Nothing is decided by what is found here: it is counted, and the log names what would mend it (safety.md 34).
"""

from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.values import value

# How far a carrier's clock may differ without being off, and how much shifts of one cause differ among themselves.
CLOCK_TOLERANCE = timedelta(minutes=10)
_ALIKE = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
_FURTHEST_ZONE = timedelta(hours=15)
_SEVERAL = 10


class StampForm(StrEnum):
    """How a time was given: not at all, with its zone, without one, so that nobody can mean it, or as no time."""

    NONE = "none"
    ZONED = "zoned"
    LOCAL = "local"
    IMPOSSIBLE = "impossible"
    NO_TIME = "no time"


@value
class Stamp:
    """A carrier's time of a message, aware; None where there is none that can be meant."""

    at: datetime | None = None
    form: StampForm = StampForm.NONE


@value
class Shift:
    """By how much a carrier's last times were all behind the time of storing; below zero: ahead of it.

    ``local``: they named no zone, so that another one mends a shift of whole hours.
    """

    by: timedelta
    local: bool

    def mending_offset(self, zone_offset: timedelta) -> timedelta | None:
        """The offset from UTC that those times were written in, if a zone explains them."""
        hours = round(self.by / _HOUR)
        offset = zone_offset - hours * _HOUR
        explained = hours != 0 and abs(self.by - hours * _HOUR) <= _ALIKE and abs(offset) <= _FURTHEST_ZONE
        return offset if self.local and explained else None


class ShiftWatch:
    """Looks at one carrier's last ten times; kept in memory, as it decides nothing."""

    def __init__(self) -> None:
        self._last: deque[tuple[timedelta, bool]] = deque(maxlen=_SEVERAL)
        self._told_at: datetime | None = None

    def note(self, stamp: Stamp, stored_at: datetime) -> bool:
        """Note a time and when it was stored; whether it is off."""
        if stamp.at is None:
            return stamp.form is StampForm.IMPOSSIBLE
        shift = stored_at - stamp.at
        self._last.append((shift, stamp.form is StampForm.LOCAL))
        return abs(shift) > CLOCK_TOLERANCE

    def shift(self, now: datetime) -> Shift | None:
        """By how much the last ten were off, all for one cause: as much, or all ahead. Told once an hour."""
        shifts = sorted(shift for shift, _ in self._last)
        if len(shifts) < _SEVERAL or any(abs(shift) <= CLOCK_TOLERANCE for shift in shifts):
            return None
        is_one_cause = shifts[-1] - shifts[0] <= _ALIKE or shifts[-1] < timedelta(0)
        if not is_one_cause or (self._told_at is not None and abs(now - self._told_at) < _HOUR):
            return None
        self._told_at = now
        return Shift(shifts[_SEVERAL // 2], all(local for _, local in self._last))
