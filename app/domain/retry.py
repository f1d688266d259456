"""Pauses between retries: exponential backoff with a cap and full jitter (delivery.md 10)."""

from datetime import datetime, timedelta

CAP = timedelta(minutes=5)
_FIRST_PAUSE = timedelta(seconds=2)
_SHORTEST_PAUSE = timedelta(seconds=1)
# More doublings exceed any cap; without this bound the duration would overflow.
_MOST_DOUBLINGS = 16


def backoff(attempts: int, jitter: float, retry_after: timedelta | None = None, *, cap: timedelta = CAP) -> timedelta:
    """Return the pause after ``attempts`` failed attempts; ``jitter`` is a random number in [0, 1).

    It is at least a second, so that a provider that refuses is not called in a tight loop, and at least
    ``retry_after``, even beyond ``cap``.
    """
    ceiling = min(cap, _FIRST_PAUSE * (1 << min(attempts, _MOST_DOUBLINGS)))
    wait = max(_SHORTEST_PAUSE, ceiling * jitter)
    return max(wait, retry_after) if retry_after else wait


def retry_at(now: datetime, wait: timedelta, valid_until: datetime) -> datetime:
    """Return the time of the next attempt, or the end of the message's validity if that is earlier."""
    return min(now + wait, valid_until)
