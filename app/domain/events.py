"""Events for SPs and billing: how long and how often each is sent (flows.md 14, safety.md 15)."""

from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.retry import backoff

BILLING = "billing"
# How long an event is retried with growing pauses; after that some are given up, others are sent daily.
TRIED_FOR = timedelta(days=3)
_DAY = timedelta(days=1)
_LONGEST_PAUSE = timedelta(hours=1)
# Suffixes of the types of events that end something, such as ``subscription.unsubscribed``.
_ENDINGS = ("unsubscribed", "ended", "stopped", "cancelled")


class EventStatus(StrEnum):
    """The state of an event; ``dead``: given up after three days; ``unaddressed``: the receiver has no URL.

    Events in these two states are not sent, but the API still lists them.
    """

    PENDING = "pending"
    SENDING = "sending"
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"
    UNADDRESSED = "unaddressed"


def is_sent_until_acknowledged(receiver: str, kind: str) -> bool:
    """Return True for events about money or about an end: they are sent until they are acknowledged."""
    return receiver == BILLING or kind.endswith(_ENDINGS)


def is_overdue(made_at: datetime, now: datetime) -> bool:
    """Return True once an event was not acknowledged for three days."""
    return now - made_at >= TRIED_FOR


def next_try(
    receiver: str,
    kind: str,
    made_at: datetime,
    now: datetime,
    attempts: int,
    jitter: float,
    retry_after: timedelta | None = None,
) -> datetime | None:
    """Return when to send it again after ``attempts`` failures (UTC), or None if it is given up.

    ``jitter`` is a random number in [0, 1). ``retry_after`` is the pause that the receiver asked for, at most a day.
    """
    if not is_overdue(made_at, now):
        asked = min(retry_after, _DAY) if retry_after else None
        last = made_at + TRIED_FOR
        return min(now + backoff(attempts, jitter, asked, cap=_LONGEST_PAUSE), last)
    return now + _DAY if is_sent_until_acknowledged(receiver, kind) else None
