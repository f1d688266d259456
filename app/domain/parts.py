"""Long messages that come in parts: which parts belong together, and what they say as a whole (delivery.md 6)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.domain.values import replace, value

MOST_PARTS = 255
# For how long the first part of a message waits for the others, and for how long a joined part is known again.
_WAIT = timedelta(minutes=5)
_KNOWN = timedelta(hours=1)


@value
class PartOf:
    """Where a part stands in its message: ``ref`` is the sender's, the same in all parts; numbers begin with 1."""

    ref: str
    number: int
    total: int


# What all parts of one sender's message have in common: provider, number dialled, reference and total.
Key = tuple[str, str, str, int]


@value
class Part:
    """A part of one sender. ``shown`` is its text as it is stored; one that was joined has no other any more.

    ``at`` is when it was stored or, later, joined. ``waits``: it was taken into a message before, so it is no repeat.
    """

    id: str
    key: Key
    number: int
    text: str
    shown: str
    at: datetime
    waits: bool = False


@value
class PartSet:
    """The parts of one message that have come, in the order in which they did."""

    parts: tuple[Part, ...]

    @property
    def missing(self) -> int:
        """How many have not come."""
        return self.parts[0].key[-1] - len(self.parts)

    @property
    def deadline(self) -> datetime:
        """When the message is handled as what has come by then."""
        return min(part.at for part in self.parts) + _WAIT

    @property
    def text(self) -> str:
        """What has come, in the order of the numbers."""
        return joined_text([part.text for part in sorted(self.parts, key=lambda part: part.number)])

    @property
    def shown_if_incomplete(self) -> str | None:
        """What has come, its parts masked each by itself: without the rest nothing tells what is a password."""
        shown = joined_text([part.shown for part in sorted(self.parts, key=lambda part: part.number)])
        return shown if self.missing and shown != self.text else None

    def lacks(self, part: Part) -> bool:
        """Whether the part can be one of this message: its number has not come, and it is not too late."""
        return part.at <= self.deadline and all(part.number != known.number for known in self.parts)


@value
class SortedParts:
    """What a number's parts turn out to be."""

    sets: tuple[PartSet, ...]
    repeats: tuple[Part, ...]


def sort_parts(parts: Iterable[Part], joined: Iterable[Part] = ()) -> SortedParts:
    """Sort one sender's parts, in the order in which they were stored; ``joined`` ones only tell what is a repeat.

    The oldest message that lacks a part's number takes it: a sender that uses its reference for two messages at once
    sends each of them in order. Once all its parts are there the reference is free again.
    """
    known: dict[tuple[Key, int, str], datetime] = {(part.key, part.number, part.shown): part.at for part in joined}
    sets: dict[Key, list[PartSet]] = defaultdict(list)
    repeats: list[Part] = []
    for part in parts:
        same = [known.get((part.key, part.number, text)) for text in (part.text, part.shown)]
        if not part.waits and any(at is not None and part.at - at <= _KNOWN for at in same):
            repeats.append(part)
            continue
        known[part.key, part.number, part.text] = part.at
        _put(sets[part.key], part)
    return SortedParts(tuple(found for group in sets.values() for found in group), tuple(repeats))


def _put(sets: list[PartSet], part: Part) -> None:
    place = next((place for place, known in enumerate(sets) if known.lacks(part)), None)
    if place is None:
        sets.append(PartSet((part,)))
    else:
        sets[place] = replace(sets[place], parts=(*sets[place].parts, part))


def earliest_repeatable(stored: Iterable[datetime]) -> datetime:
    """Since when what was joined can tell that parts, stored at these times, are repeats."""
    return min(stored) - _KNOWN


def joined_text(texts: Sequence[str]) -> str:
    """Texts as one; a character that was cut in two becomes whole again."""
    whole = "".join(texts)
    return whole if whole.isascii() else whole.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
