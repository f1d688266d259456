"""The segments of one message: what their results make of it, and what the next attempt must know (carriers.md 5.4)."""

import json
from collections.abc import Sequence

from app.providers.base import MAX_PROGRESS, Accepted, Refused, RefusedForNow, SendResult, Unknown


class Progress:
    """The concatenation reference of a message, and the carrier's ids of the segments that it accepted."""

    def __init__(self, reference: int, ids: Sequence[str | None]) -> None:
        """``ids`` has an item for each segment; None: not accepted so far."""
        self.reference = reference
        self.ids = list(ids)
        self.has_failed = False
        """Whether a segment was refused for good."""

    @classmethod
    def read(cls, text: str | None) -> "Progress | None":
        """Return what an earlier attempt left; None: nothing."""
        if text is None:
            return None
        reference, ids = json.loads(text)
        return cls(reference, ids)

    def __str__(self) -> str:
        """Return it as it is stored. If it is too long, the longest ids are left out: no report will name them."""
        ids = list(self.ids)
        while len(text := _written(self.reference, ids)) > MAX_PROGRESS:
            ids[max(range(len(ids)), key=lambda place: len(ids[place] or ""))] = ""
        return text


def _written(reference: int, ids: Sequence[str | None]) -> str:
    return json.dumps([reference, ids], separators=(",", ":"))


def combined(results: Sequence[SendResult], progress: Progress) -> SendResult:
    """Return the result of a message from those of its segments, and note in ``progress`` which were accepted.

    One that was refused for good fails the message; one that is unknown makes it unknown.
    """
    for place, result in enumerate(results):
        if isinstance(result, Accepted):
            progress.ids[place] = result.provider_message_id
    count = len(results)
    for place, result in enumerate(results, 1):
        if isinstance(result, Refused):
            return Refused(f"{result.error_code}, segment {place} of {count}")
    if all(isinstance(result, Accepted) for result in results):
        ids = tuple(one or "" for one in progress.ids)
        return Accepted(ids[0], ids)
    left = str(progress)
    for result in results:
        if isinstance(result, Unknown):
            return Unknown(result.error_code, left)
    waiting = [result for result in results if isinstance(result, RefusedForNow)]
    first = next((result for result in waiting if result.throttled), waiting[0])
    return RefusedForNow(first.error_code, first.retry_after, throttled=first.throttled, progress=left)
