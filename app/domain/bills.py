"""Bills and monthly spend, as billing reports them (flows.md 10)."""

from datetime import datetime

from app.domain.records import Record, latest
from app.domain.values import value


@value
class BillItem:
    """A line of a bill; ``amount_fen`` is in fen, and negative for a rebate."""

    name: str
    amount_fen: int


@value
class Bill(Record):
    """The bill of one month. Its id is the month (``2026-02``); a bill with the same id replaces it."""

    items: tuple[BillItem, ...]

    @property
    def total_fen(self) -> int:
        """The sum of the items, in fen."""
        return sum(item.amount_fen for item in self.items)


@value
class Spend(Record):
    """The cost of a month so far, in fen, as of ``counted_at`` (UTC). Its id is the month (``2026-03``)."""

    amount_fen: int
    counted_at: datetime

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.counted_at)
