"""The messages of a handset, and what a customer can know from them."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.calendar import local

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Spellings of yes and no (flows.md 2, 17).
YES = ("是", "是的", "y", "yes", "YES", "Ｙｅｓ", "确认", "“是”。")
NO = ("否", "N", "no")
ONE = ("1", "１")
UNSUBSCRIBE_WORDS = ("TD", "退订", "取消", "退訂。")
# Numbers of the gateway that ask about no order, and foreign numbers.
OURS = ("10086", "10086977", "10086901", "10086888")
FOREIGN = ("10086123", "106581234")
PICKS: Mapping[str, frozenset[int]] = {
    text: frozenset(numbers)
    for text, numbers in {
        "1": {1}, "2": {2}, "３": {3}, "1,4": {1, 4}, "2-4": {2, 3, 4}, "①③": {1, 3}, "TD1": {1}, "QX1,2": {1, 2}, "退订3": {3},
        "五": {5}, "6": {6}, "1 2 3 4 5 6 7": {1, 2, 3, 4, 5, 6, 7}, "2、2。": {2}, "9": {9},
    }.items()
}  # fmt: skip
_ITEM = re.compile(r"(\d+)、([^；]*)；")
_LISTED, _ASKED_ORDER = ("您正在使用的业务有", "套餐内包含的业务有"), ("您将订购", "继续使用", "资费变更")
_CONFIRMATION = "10086204"
CODE = re.compile(r"回复(?:验证码)?(\d{4})(?!\d)")


@dataclass(frozen=True)
class Line:
    """A message on the handset, sent or received. Times are UTC.

    Attributes:
        at: When it was sent or received.
        stored_at: When the gateway stored it, for a sent one.
        seq: The order of all messages, also while the clock stands still; messages sent at once share one.
        turn: The turn that sent a received one.
        receipt: True if the network reported that it took the message.
    """

    number: str
    text: str
    at: datetime
    stored_at: datetime
    seq: int
    turn: int = 0
    receipt: bool = True


def window_of(heard_at: datetime) -> datetime:
    """Return the last instant (UTC) for a dispute: an hour later, or at least 08:00 after a night (safety.md 12)."""
    end = heard_at + HOUR
    here = local(end)
    eight = here.replace(hour=8, minute=0, second=0, microsecond=0)
    if here < eight:
        return eight
    if local(heard_at).hour >= 22 and here.day == local(heard_at).day:
        return eight + DAY
    return end


@dataclass
class Handset:
    """The messages of one customer, oldest first, and the names of the services by code."""

    names: Mapping[str, str]
    single_number: bool = False
    heard: list[Line] = field(default_factory=list)
    said: list[Line] = field(default_factory=list)
    seq: Iterator[int] = field(default_factory=itertools.count)

    def hears(self, number: str, text: str, at: datetime, turn: int, *, receipt: bool = True) -> None:
        """Add a received message; messages of one ``turn`` belong together."""
        self.heard.append(Line(number, text, at, at, next(self.seq), turn, receipt))

    @property
    def codes(self) -> list[str]:
        """The codes of fees and orders, newest first."""
        return [found[1] for line in reversed(self.heard) if (found := CODE.search(line.text))]

    @property
    def order_numbers(self) -> list[str]:
        """The numbers that asked about orders, newest first."""
        return [line.number for line in reversed(self.heard) if self.asks(line)]

    def read(self, text: str) -> str:
        """Replace ``<code 0>`` by the newest code, ``<order 0>`` by the number that asked last; "" if there is none.

        ``<quiet>`` becomes a confirmation number that never asked anything.
        """
        if text == "<quiet>":
            asked = {line.number for line in self.heard}
            return next(number for nn in range(77, 100) if (number := f"{_CONFIRMATION}{nn}") not in asked)
        for mark, known in (("<code ", self.codes), ("<order ", self.order_numbers)):
            before, found, rest = text.partition(mark)
            if found:
                index, _, after = rest.partition(">")
                return f"{before}{known[int(index)]}{after}" if int(index) < len(known) else ""
        return text

    def listing(self) -> list[Line]:
        """Return the messages of the newest listing."""
        pages = [line for line in self.heard if any(word in line.text for word in _LISTED)]
        return [line for line in self.heard if line.turn == pages[-1].turn] if pages else []

    def shown(self) -> dict[int, str]:
        """Return the newest listing: number and service code."""
        items = _ITEM.findall("".join(line.text for line in self.listing()))
        return {int(number): self._code_of(item) for number, item in items}

    def listed_at(self) -> datetime | None:
        return next((line.at for line in self.listing()), None)

    def _code_of(self, item: str) -> str:
        named = [code for code, name in self.names.items() if item.startswith(name)]
        assert named, f"a listing shows {item}, which is no service"
        return max(named, key=lambda code: len(self.names[code]))

    def asks(self, line: Line) -> bool:
        """Return True for the question of an order, a trial or new terms."""
        return (
            any(word in line.text for word in _ASKED_ORDER) and "回复" in line.text and "确认" in line.text
        ) or "资费变更" in line.text

    def reminder(self, code: str | None) -> Line | None:
        """Return the newest reminder of the fee with this code, if one reached the handset."""
        of_fee = (line for line in reversed(self.heard) if "起扣收" in line.text and f"回复{code}" in line.text)
        return next(of_fee, None)
