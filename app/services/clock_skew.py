"""Detection of providers whose clocks or time zones are wrong, for a metric and the log (safety.md 33, 34)."""

from collections import defaultdict
from datetime import datetime, timedelta, tzinfo

from app import observability
from app.domain.stamps import Shift, ShiftWatch, Stamp

_MINUTE = timedelta(minutes=1)
log = observability.logger(__name__)


class ClockSkewWatch:
    """Compares the times that providers give with the times of storing."""

    def __init__(self) -> None:
        self._watch_by_provider: dict[str, ShiftWatch] = defaultdict(ShiftWatch)

    def note(self, provider: str, zone: tzinfo, stamp: Stamp, stored_at: datetime) -> None:
        """Note the time of a message. ``zone``: the provider's zone for times without one; ``stored_at`` is in UTC.

        A time that is off is counted. If the provider's times are off repeatedly, log once an hour how to mend that.
        """
        watch = self._watch_by_provider[provider]
        if not watch.note(stamp, stored_at):
            return
        observability.STAMPS_OFF.labels(provider).inc()
        shift = watch.shift(stored_at)
        if shift is not None:
            log.warning(
                "a provider's times are off again and again", provider=provider, **_advice(shift, zone, stored_at)
            )


def _advice(shift: Shift, zone: tzinfo, at: datetime) -> dict[str, str]:
    minutes = round(abs(shift.by) / _MINUTE)
    fields = {"shift": f"{minutes // 60} h {minutes % 60} min {'behind' if shift.by > timedelta(0) else 'ahead'}"}
    offset = shift.mending_offset(at.astimezone(zone).utcoffset() or timedelta(0))
    if offset is None:
        return {
            **fields,
            "next": "ask the provider to set its clock; until then answers count from when they are stored",
        }
    return {**fields, "next": f"set time_zone: {_zone_setting(offset)} for this provider in the settings file"}


def _zone_setting(offset: timedelta) -> str:
    """Return an offset from UTC as the setting ``time_zone`` is written."""
    if offset == timedelta(0):
        return "UTC"
    hours = int(abs(offset) / timedelta(hours=1))
    return f'"{"-" if offset < timedelta(0) else "+"}{hours:02}:00"'
