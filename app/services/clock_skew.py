"""Providers' own times: who is off is counted, and who is again and again is named in the log (safety.md 33, 34)."""

from collections import defaultdict
from datetime import datetime, timedelta, tzinfo

from app import observability
from app.domain.stamps import Shift, ShiftWatch, Stamp

_MINUTE = timedelta(minutes=1)
log = observability.logger(__name__)


class ClockSkewWatch:
    """Notes the times of messages as they are stored."""

    def __init__(self) -> None:
        self._watches: dict[str, ShiftWatch] = defaultdict(ShiftWatch)

    def note(self, provider: str, zone: tzinfo, stamp: Stamp, stored_at: datetime) -> None:
        """Count a time that is off, and say once an hour whose they are and what would mend it."""
        watch = self._watches[provider]
        if not watch.note(stamp, stored_at):
            return
        observability.STAMPS_OFF.labels(provider).inc()
        shift = watch.shift(stored_at)
        if shift is not None:
            log.warning("a provider's times are off again and again", provider=provider, **_what_to_do(shift, zone))


def _what_to_do(shift: Shift, zone: tzinfo) -> dict[str, str]:
    minutes = round(abs(shift.by) / _MINUTE)
    said = {"shift": f"{minutes // 60} h {minutes % 60} min {'behind' if shift.by > timedelta(0) else 'ahead'}"}
    offset = shift.mending_offset(datetime.now(zone).utcoffset() or timedelta(0))
    if offset is None:
        return {**said, "next": "ask the provider to set its clock; until then answers count from when they are stored"}
    return {**said, "next": f"set time_zone: {named(offset)} for this provider in the settings file"}


def named(offset: timedelta) -> str:
    """An offset as the setting is written."""
    if offset == timedelta(0):
        return "UTC"
    hours = int(abs(offset) / timedelta(hours=1))
    return f'"{"-" if offset < timedelta(0) else "+"}{hours:02}:00"'
