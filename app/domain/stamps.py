"""Stamps, the times that carriers give messages: recognises a carrier whose stamps are shifted.

The result decides nothing. It is counted, and the log names the setting that corrects it (safety.md 34).
"""

from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.values import value

# How far a correct stamp may be from the time of storing, and how much shifts with the same cause may differ.
_TOLERANCE = timedelta(minutes=10)
_SAME_CAUSE_SPREAD = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
_LARGEST_OFFSET = timedelta(hours=15)
_WATCHED_STAMPS = 10


class StampForm(StrEnum):
    """The form of a stamp: missing, with a zone, without a zone, out of range, or not a time."""

    NONE = "none"
    ZONED = "zoned"
    LOCAL = "local"
    IMPOSSIBLE = "impossible"
    NO_TIME = "no time"


@value
class Stamp:
    """A carrier's stamp of a message, as an aware time; None if there is no usable one."""

    at: datetime | None = None
    form: StampForm = StampForm.NONE


@value
class Shift:
    """The delay of a carrier's last stamps against the time of storing; negative if they were ahead.

    ``local``: they had no zone, so another zone in the settings corrects a shift of whole hours.
    """

    by: timedelta
    local: bool

    def mending_offset(self, zone_offset: timedelta) -> timedelta | None:
        """Return the offset from UTC that the stamps were written in, or None if no zone explains the shift.

        ``zone_offset`` is the offset that they were read with.
        """
        hours = round(self.by / _HOUR)
        offset = zone_offset - hours * _HOUR
        explained = hours != 0 and abs(self.by - hours * _HOUR) <= _SAME_CAUSE_SPREAD and abs(offset) <= _LARGEST_OFFSET
        return offset if self.local and explained else None


class ShiftWatch:
    """Watches the last ten stamps of one carrier. In memory only, as it decides nothing."""

    def __init__(self) -> None:
        self._last: deque[tuple[timedelta, bool]] = deque(maxlen=_WATCHED_STAMPS)
        self._reported_at: datetime | None = None

    def note(self, stamp: Stamp, stored_at: datetime) -> bool:
        """Add a stamp and the time of storing (UTC). Return True if the stamp is out of range or far from that time."""
        if stamp.at is None:
            return stamp.form is StampForm.IMPOSSIBLE
        shift = stored_at - stamp.at
        self._last.append((shift, stamp.form is StampForm.LOCAL))
        return abs(shift) > _TOLERANCE

    def shift(self, now: datetime) -> Shift | None:
        """Return the median shift of the last ten stamps if all are shifted for one cause, else None.

        One cause means about the same shift, or all ahead. A shift is returned at most once an hour.
        """
        shifts = sorted(shift for shift, _ in self._last)
        if len(shifts) < _WATCHED_STAMPS or any(abs(shift) <= _TOLERANCE for shift in shifts):
            return None
        is_one_cause = shifts[-1] - shifts[0] <= _SAME_CAUSE_SPREAD or shifts[-1] < timedelta(0)
        if not is_one_cause or (self._reported_at is not None and abs(now - self._reported_at) < _HOUR):
            return None
        self._reported_at = now
        return Shift(shifts[_WATCHED_STAMPS // 2], all(local for _, local in self._last))
