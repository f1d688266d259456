"""Days, months and hours as customers see them, in Asia/Shanghai. Everything else in the program is aware UTC.

China has had one zone without daylight saving time since 1991, so a fixed offset is exact and needs no
time-zone database in a slim container.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone

from app.domain.values import value

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
# A time outside this range comes from a broken clock. Within it, adding windows and months cannot overflow.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# A message sent this long before the quiet hours arrives before they begin.
_ARRIVAL_MARGIN = timedelta(minutes=30)


def is_believable(moment: datetime) -> bool:
    """Return True if an aware time lies in the range from ``EARLIEST`` to ``LATEST``."""
    # The year decides almost every case; comparing times of different offsets takes far longer.
    return EARLIEST.year < moment.year < LATEST.year - 1 or EARLIEST <= moment <= LATEST


def local(moment: datetime) -> datetime:
    """Return the same instant in Asia/Shanghai time."""
    return moment.astimezone(SHANGHAI)


def local_day(moment: datetime) -> date:
    """Return the calendar day in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def last_second_of_month(moment: datetime) -> datetime:
    """Return 23:59:59 on the last day of the month of ``moment``, both in Shanghai; the result is UTC."""
    here = local(moment)
    following = (here.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (following - timedelta(seconds=1)).astimezone(UTC)


@value
class QuietHours:
    """The hours, in Shanghai time, in which only replies, results and confirmations are sent (flows.md 15).

    ``begin`` belongs to them, ``end`` does not; they may span midnight. There are none if both are equal.
    """

    begin: time = time(22, 0)
    end: time = time(7, 0)

    def before_quiet_hours(self, moment: datetime) -> datetime:
        """Return ``moment`` if it is outside the quiet hours, else 30 minutes before these quiet hours began (UTC)."""
        if self.release(moment) == moment:
            return moment
        here = local(moment)
        start = here.replace(hour=self.begin.hour, minute=self.begin.minute, second=0, microsecond=0)
        if start > here:
            start -= timedelta(days=1)
        return (start - _ARRIVAL_MARGIN).astimezone(UTC)

    def next_start(self, moment: datetime) -> datetime:
        """Return the next start of the quiet hours after ``moment`` (UTC)."""
        here = local(moment)
        start = here.replace(hour=self.begin.hour, minute=self.begin.minute, second=0, microsecond=0)
        return (start if start > here else start + timedelta(days=1)).astimezone(UTC)

    def release(self, moment: datetime) -> datetime:
        """Return the first instant at or after ``moment`` that is outside the quiet hours (UTC)."""
        here = local(moment)
        clock = here.time()
        quiet = self.begin <= clock or clock < self.end if self.begin > self.end else self.begin <= clock < self.end
        if not quiet:
            return moment
        end = here.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        if end <= here:
            end += timedelta(days=1)
        return end.astimezone(UTC)
