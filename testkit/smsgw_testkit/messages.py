"""Messages of a handset, and what programs read from them: the items of a listing, and codes."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from smsgw_testkit import times
from smsgw_testkit.errors import NoMessage

# An item is a number, 、 and everything up to ；, in both languages.
_ITEM = re.compile(r"(?<!\d)(\d+)、([^；]*)；")
_PRICED = re.compile(
    r"(?P<name>.*?) ?(?:CNY(?P<english>\d+(?:\.\d+)?)|(?P<chinese>\d+(?:\.\d+)?)元)"
    r"(?:/(?P<unit>月|次|month|use))?(?P<plan>\((?:套餐内|in plan)\))?(?:[，,] ?(?P<note>.*))?",
    re.DOTALL,
)
_OF_SP = re.compile(r"(?P<name>.+)\((?P<sp>[^()]+)\)")
_UNITS = {"月": "month", "次": "use", "month": "month", "use": "use"}


@dataclass(frozen=True, slots=True)
class Item:
    """A service in a listing.

    Attributes:
        name: of the service, without its SP.
        sp: short name of the SP; None for the operator's own services.
        price_fen: in fen, per ``unit``.
        unit: ``month`` or ``use``; None for what the plan includes.
        in_plan: True if the plan includes it.
        note: what follows the price, such as the end of a trial; empty if nothing does.
    """

    name: str
    sp: str | None
    price_fen: int
    unit: str | None
    in_plan: bool
    note: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message to or from a handset.

    Attributes:
        sender: the number that it came from.
        at: when it arrived, Asia/Shanghai, by the gateway's clock.
        encoding: ``gsm7`` or ``ucs2``.
        status: as the network reported it when it was read: ``accepted``, ``delivered``, ``undelivered`` …
        kind: the question that it asks or the kind of notice, in the gateway's words; None if it has none.
        in_reply_to: id of the message that it answers; None if it came unasked.
        code: the code that its question wants; None if it wants none.
        handset: number of the handset.
        is_sent: True if the handset sent it.
    """

    text: str
    sender: str
    to: str
    at: datetime
    segments: int
    encoding: str
    status: str
    kind: str | None
    id: str
    in_reply_to: str | None
    code: str | None
    handset: str
    is_sent: bool

    @classmethod
    def read(cls, given: dict[str, Any], handset: str) -> "Message":
        """Return a message from the gateway's answer."""
        return cls(
            text=given["text"],
            sender=given["from"],
            to=given["to"],
            at=times.moment(given["at"]),
            segments=given["segments"],
            encoding=given["encoding"],
            status=given["status"],
            kind=given.get("kind"),
            id=given["id"],
            in_reply_to=given.get("in_reply_to"),
            code=given.get("code"),
            handset=handset,
            is_sent=given["direction"] == "mo",
        )

    def __contains__(self, words: str) -> bool:
        return words in self.text

    # Spelled out also for type checkers, which otherwise call `"words" in messages` a mistake.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.id, self.status) == (other.id, other.status)

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        """Return the message as a line of a dialogue."""
        sign, other = (">", self.to) if self.is_sent else ("<", self.sender)
        state = "" if self.status in ("sent", "handled", "delivered") else f" ({self.status})"
        return f"{times.short(self.at)} {sign} [{other}] {self.text}{state}"


class Messages(list[Message]):
    """Messages, oldest first. What it does not find it raises as ``NoMessage``, with the whole text."""

    def __init__(self, found: Iterable[Message] = (), explain: Callable[[], str] | None = None) -> None:
        """``explain`` returns why there may be none, and is called only when something is missing."""
        super().__init__(found)
        self._explain = explain

    @property
    def text(self) -> str:
        """All texts, joined without anything between them."""
        return "".join(message.text for message in self)

    def one(self) -> Message:
        """Return the only message. Raise NoMessage if there is none, or more than one."""
        if len(self) != 1:
            raise self.missing(f"{len(self)} messages came where one was expected" if self else "")
        return self[0]

    def sole(self, contains: str) -> Message:
        """Return the only message that contains these words. Raise NoMessage if none or several do."""
        found = [message for message in self if contains in message.text]
        if len(found) != 1:
            raise self.missing(f"{len(found)} messages contain {contains!r}" if found else f"no {contains!r}")
        return found[0]

    def __contains__(self, words: object) -> bool:
        if isinstance(words, str):
            return any(words in message.text for message in self)
        return super().__contains__(words)

    @property
    def items(self) -> dict[int, Item]:
        """The services of a listing, by their number. Raise NoMessage if there is no listing."""
        found = {int(number): _item(rest) for message in self for number, rest in _ITEM.findall(message.text)}
        if not found:
            raise self.missing("there is no listing")
        return found

    @property
    def code(self) -> str:
        """The code that a reminder or an order asks for. Raise NoMessage if none does."""
        found = next((message.code for message in reversed(self) if message.code), None)
        if found is None:
            raise self.missing("no message asks for a code")
        return found

    def missing(self, what: str) -> NoMessage:
        """Return the error that says what is missing, all texts, and why."""
        lines = "".join(f"\n  {message}" for message in self)
        why = self._explain() if self._explain else ""
        parts = ("nothing came" if not self else what, why)
        return NoMessage("; ".join(part for part in parts if part) + lines)

    def __str__(self) -> str:
        """Return the dialogue, a line for each message."""
        return "\n".join(map(str, self))


def _item(text: str) -> Item:
    priced = _PRICED.fullmatch(text)
    if priced is None:
        raise NoMessage(f"an item of a listing has no price: {text}")
    name = priced["name"]
    of_sp = _OF_SP.fullmatch(name)
    return Item(
        name=of_sp["name"] if of_sp else name,
        sp=of_sp["sp"] if of_sp else None,
        price_fen=int(Decimal(priced["chinese"] or priced["english"]) * 100),
        unit=_UNITS.get(priced["unit"] or ""),
        in_plan=priced["plan"] is not None,
        note=priced["note"] or "",
    )
