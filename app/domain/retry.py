"""When to try again: exponential, capped, with full jitter (delivery.md 10)."""

from datetime import timedelta

CAP = timedelta(minutes=5)
_FIRST = timedelta(seconds=2)
_LEAST = timedelta(seconds=1)
# Beyond this many doublings the cap holds; without a bound the numbers would overflow.
_DOUBLINGS = 16


def backoff(attempts: int, jitter: float, retry_after: timedelta | None = None, *, cap: timedelta = CAP) -> timedelta:
    """How long to wait after ``attempts`` failed ones; ``jitter`` is a random number in [0, 1).

    Never less than a second, so that a refusing provider is not asked in a tight loop, nor less than what the
    provider asked for (``retry_after``).
    """
    ceiling = min(cap, _FIRST * (1 << min(attempts, _DOUBLINGS)))
    wait = max(_LEAST, ceiling * jitter)
    return max(wait, retry_after) if retry_after else wait
