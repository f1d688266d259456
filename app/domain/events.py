"""Telling SPs and billing what happened: how long, and what never ends (flows.md 14, safety.md 15)."""

from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.retry import backoff

BILLING = "billing"
TRIED_FOR = timedelta(days=3)
_DAILY = timedelta(days=1)
_LONGEST_PAUSE = timedelta(hours=1)
# How the types of events end that stop something, as in ``subscription.unsubscribed``.
_STOPS = ("unsubscribed", "ended", "stopped", "cancelled")


class EventStatus(StrEnum):
    """``dead``: given up after three days; ``unaddressed``: there was nowhere to send it. Both can still be read."""

    PENDING = "pending"
    SENDING = "sending"
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"
    UNADDRESSED = "unaddressed"


def is_sent_until_acknowledged(receiver: str, kind: str) -> bool:
    """Whether an event is about money or a stop: it is sent until it is acknowledged."""
    return receiver == BILLING or kind.endswith(_STOPS)


def is_overdue(made_at: datetime, now: datetime) -> bool:
    """Whether three days were not enough."""
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
    """When to try again after ``attempts`` failed ones; None: it is given up. ``jitter`` is random in [0, 1)."""
    if not is_overdue(made_at, now):
        asked = min(retry_after, _DAILY) if retry_after else None
        last = made_at + TRIED_FOR
        return min(now + backoff(attempts, jitter, asked, cap=_LONGEST_PAUSE), last)
    return now + _DAILY if is_sent_until_acknowledged(receiver, kind) else None
