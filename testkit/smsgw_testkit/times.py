"""Times as tests write them and as the gateway does."""

from datetime import UTC, datetime, timedelta, timezone

from smsgw_testkit.errors import ClockError

# Of the gateway's customers. China has no summer time, and a fixed offset needs no database of zones.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
Time = datetime | str


def moment(given: Time) -> datetime:
    """Return a time, in Asia/Shanghai if it has no offset. Raise ClockError if it is none."""
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise ClockError.not_a_time(given) from None
    if not isinstance(given, datetime):
        raise ClockError.not_a_time(given)
    return given.replace(tzinfo=SHANGHAI) if given.tzinfo is None else given.astimezone(SHANGHAI)


def sent(given: Time) -> str:
    """Return a time as the gateway reads it."""
    return moment(given).isoformat()


def short(given: datetime) -> str:
    """Return a time as it is shown to people: ``03-02 10:00:00``, in Asia/Shanghai."""
    return given.astimezone(SHANGHAI).strftime("%m-%d %H:%M:%S")


def utc_now() -> datetime:
    """Return the machine's time, UTC."""
    return datetime.now(UTC)


def days(count: float) -> timedelta:
    """Return a length of days."""
    return timedelta(days=count)
