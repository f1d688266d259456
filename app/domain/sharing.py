"""Who of several processes does what: each counts it out by itself, and all come to the same (ADR 29)."""

from collections.abc import Collection, Sequence
from functools import cache
from hashlib import blake2b

from app.domain.msisdn import BUCKETS, bucket_of

# The buckets are shared out by so many groups: enough for as many processes, and few enough to count out often.
GROUPS = 16


def chosen_for(task: str, workers: Sequence[int]) -> int | None:
    """Return which of some worker numbers a task falls to; None if there are none.

    When a worker comes or goes, only the tasks that fall to it change hands (rendezvous hashing).
    """
    return max(workers, key=lambda number: (_weight(task, number), number), default=None)


def _weight(task: str, number: int) -> bytes:
    return blake2b(f"{task}/{number}".encode(), digest_size=8).digest()


def share_of(
    worker: int, workers: Sequence[int], handed_back: Collection[int] = (), able: Sequence[int] = ()
) -> tuple[int, ...]:
    """Return the buckets of one of some workers, in order; those ``handed_back`` fall to the ``able`` ones alone."""

    def groups(among: Sequence[int]) -> set[int]:
        return {group for group in range(GROUPS) if chosen_for(f"buckets {group}", among) == worker}

    mine, theirs = groups(workers), groups(able) if handed_back else set()
    return tuple(bucket for bucket in range(BUCKETS) if bucket % GROUPS in (theirs if bucket in handed_back else mine))


def slot_of(number: str, slots: int) -> int:
    """Return which of a provider's slots the messages to a number go through."""
    return bucket_of(number) % slots


@cache
def buckets_of_slots(held: frozenset[int], slots: int) -> tuple[int, ...] | None:
    """Return the buckets of the numbers that go through some of a provider's slots, in order; None: all."""
    return None if len(held) == slots else tuple(bucket for bucket in range(BUCKETS) if bucket % slots in held)


def most_slots(slots: int, held: int, workers: int) -> int:
    """Return how many more of a provider's slots one of some workers may take now.

    One that is alone takes all. Others fill their share, and then take one more, once.
    """
    if workers <= 1:
        return slots - held
    share = -(-slots // workers)
    return max(0, min(max(share - held, 1), share + 1 - held))
