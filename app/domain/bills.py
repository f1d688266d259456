"""Bills and spend, as billing tells them to us (flows.md 10)."""

from datetime import datetime

from app.domain.records import Record
from app.domain.values import value


@value
class BillItem:
    """A line of a bill; a rebate is negative."""

    name: str
    amount_fen: int


@value
class Bill(Record):
    """The bill of a month, which is its id (``2026-02``); one that comes again replaces it."""

    items: tuple[BillItem, ...]

    @property
    def total_fen(self) -> int:
        """What it comes to."""
        return sum(item.amount_fen for item in self.items)


@value
class Spend(Record):
    """What a month, which is its id (``2026-03``), has cost so far, as of ``counted_at`` (UTC)."""

    amount_fen: int
    counted_at: datetime
