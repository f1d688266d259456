"""Customer-facing days, months and hours: Asia/Shanghai. Everything else in the program is aware UTC.

China has had one zone without daylight saving time since 1991, so a fixed offset is exact and needs no
time-zone database in a slim container.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone

from app.domain.values import value

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
# A time outside of these is a broken clock's. Within them, windows and months can be added without running over.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_TO_ARRIVE = timedelta(minutes=30)


def is_believable(moment: datetime) -> bool:
    """Whether an aware time can be meant."""
    # Almost all are told by their year; comparing times of different offsets takes far longer.
    return EARLIEST.year < moment.year < LATEST.year - 1 or EARLIEST <= moment <= LATEST


def local(moment: datetime) -> datetime:
    """The instant on a clock in Shanghai."""
    return moment.astimezone(SHANGHAI)


def local_day(moment: datetime) -> date:
    """The calendar day in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def last_second_of_month(moment: datetime) -> datetime:
    """23:59:59 in Shanghai on the last day of the calendar month in which ``moment`` lies (UTC)."""
    here = local(moment)
    following = (here.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (following - timedelta(seconds=1)).astimezone(UTC)


@value
class QuietHours:
    """The hours in which nothing but answers and outcomes is sent (flows.md 15), as times in Shanghai."""

    begin: time = time(22, 0)
    end: time = time(7, 0)

    def before_quiet_hours(self, moment: datetime) -> datetime:
        """``moment`` itself by day; at night, half an hour before that night, so that what is sent arrives (UTC)."""
        if self.release(moment) == moment:
            return moment
        here = local(moment)
        begun = here.replace(hour=self.begin.hour, minute=self.begin.minute, second=0, microsecond=0)
        if begun > here:
            begun -= timedelta(days=1)
        return (begun - _TO_ARRIVE).astimezone(UTC)

    def next_start(self, moment: datetime) -> datetime:
        """When the quiet hours begin next, after ``moment`` (UTC)."""
        here = local(moment)
        begins = here.replace(hour=self.begin.hour, minute=self.begin.minute, second=0, microsecond=0)
        return (begins if begins > here else begins + timedelta(days=1)).astimezone(UTC)

    def release(self, moment: datetime) -> datetime:
        """The first instant, not before ``moment``, outside of the quiet hours (UTC)."""
        here = local(moment)
        clock = here.time()
        quiet = self.begin <= clock or clock < self.end if self.begin > self.end else self.begin <= clock < self.end
        if not quiet:
            return moment
        opening = here.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        if opening <= here:
            opening += timedelta(days=1)
        return opening.astimezone(UTC)
