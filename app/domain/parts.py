"""Joins the parts of long messages: which belong together, and the text of the whole message (delivery.md 6)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.domain.values import replace, value

MOST_PARTS = 255
# How long the first part of a message waits for the others.
_WAIT_FOR_PARTS = timedelta(minutes=5)
# How long after a part was joined another one like it counts as a repeat.
_REPEAT_WITHIN = timedelta(hours=1)


@value
class PartOf:
    """The place of a part in its message: the sender's reference, the part's number from 1, and the number of parts."""

    ref: str
    number: int
    total: int


# What the parts of one sender's message have in common: provider, number dialled, reference, number of parts.
Key = tuple[str, str, str, int]


@value
class Part:
    """One part of a long message of one sender.

    Attributes:
        number: its place in the message, from 1.
        text: its text as it was sent; equal to ``shown`` once the part was joined.
        shown: its text as it is stored, with passwords masked.
        at: when it was stored or, once joined, when it was joined (UTC).
        waits: it was put into an incomplete message before, so it is no repeat.
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
    """The parts of one message that have arrived, in the order of arrival."""

    parts: tuple[Part, ...]

    @property
    def missing(self) -> int:
        """The number of parts that have not arrived."""
        return self.parts[0].key[-1] - len(self.parts)

    @property
    def deadline(self) -> datetime:
        """The time at which the message is handled with the parts that arrived (UTC): 5 minutes after the first."""
        return min(part.at for part in self.parts) + _WAIT_FOR_PARTS

    @property
    def text(self) -> str:
        """The text of the parts, in the order of their numbers."""
        return joined_text([part.text for part in sorted(self.parts, key=lambda part: part.number)])

    @property
    def shown_if_incomplete(self) -> str | None:
        """The text of an incomplete message with each part masked by itself, or None if nothing is masked.

        It is None for a complete message, too: the whole text shows what is a password.
        """
        shown = joined_text([part.shown for part in sorted(self.parts, key=lambda part: part.number)])
        return shown if self.missing and shown != self.text else None

    def lacks(self, part: Part) -> bool:
        """Return True if the part can belong to this message: it is in time, and its number has not arrived."""
        return part.at <= self.deadline and all(part.number != other.number for other in self.parts)


@value
class SortedParts:
    """The parts of one sender, sorted into messages and repeats."""

    sets: tuple[PartSet, ...]
    repeats: tuple[Part, ...]


def sort_parts(parts: Iterable[Part], joined: Iterable[Part] = ()) -> SortedParts:
    """Sort the parts of one sender, given in the order in which they were stored, into messages and repeats.

    ``joined`` are earlier parts that were joined already; they only show what is a repeat. A part belongs to the oldest
    message that lacks its number: a sender that uses one reference for two messages at once sends the parts of each in
    order. Once a message is complete its reference can be used again.
    """
    seen: dict[tuple[Key, int, str], datetime] = {(part.key, part.number, part.shown): part.at for part in joined}
    sets: dict[Key, list[PartSet]] = defaultdict(list)
    repeats: list[Part] = []
    for part in parts:
        same = [seen.get((part.key, part.number, text)) for text in (part.text, part.shown)]
        if not part.waits and any(at is not None and part.at - at <= _REPEAT_WITHIN for at in same):
            repeats.append(part)
            continue
        seen[part.key, part.number, part.text] = part.at
        _add(sets[part.key], part)
    return SortedParts(tuple(message for group in sets.values() for message in group), tuple(repeats))


def _add(sets: list[PartSet], part: Part) -> None:
    place = next((place for place, message in enumerate(sets) if message.lacks(part)), None)
    if place is None:
        sets.append(PartSet((part,)))
    else:
        sets[place] = replace(sets[place], parts=(*sets[place].parts, part))


def earliest_repeatable(stored: Iterable[datetime]) -> datetime:
    """Return the earliest time of a joined part that parts stored at these times can repeat (UTC)."""
    return min(stored) - _REPEAT_WITHIN


def joined_text(texts: Sequence[str]) -> str:
    """Join texts; a character whose surrogates are in two texts becomes whole again."""
    whole = "".join(texts)
    return whole if whole.isascii() else whole.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
