"""A page of a list: how many rows, from where, in which order, and of which time."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select

from app.domain.values import value


@value
class Part:
    """A part of a list.

    Attributes:
        limit: the most rows.
        after: the cursor of the row that it begins behind, in the same order; None: from the beginning.
        descending: from the last row to the first.
        since, until: only rows of this time (UTC), ``until`` not included; None: no condition.
    """

    limit: int
    after: str | None = None
    descending: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def one_more(self) -> "Part":
        """Return the part with one more row, which tells whether another page follows."""
        return Part(self.limit + 1, self.after, self.descending, self.since, self.until)

    def behind(self, key: ColumnElement[Any], last: Any) -> ColumnElement[bool]:  # noqa: ANN401  any kind of key
        """Return the condition that a row with this key follows the one with the key ``last``."""
        before: ColumnElement[bool] = key < last
        behind: ColumnElement[bool] = key > last
        return before if self.descending else behind

    def within(self, at: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """Return the conditions on the time of a row."""
        return [
            *([at >= self.since] if self.since is not None else []),
            *([at < self.until] if self.until is not None else []),
        ]

    def sorted(self, statement: Select[Any], *keys: ColumnElement[Any]) -> Select[Any]:
        """Return a statement in the order of the part, with its limit."""
        return statement.order_by(*(key.desc() if self.descending else key for key in keys)).limit(self.limit)

    def of(self, statement: Select[Any], key: ColumnElement[Any], at: ColumnElement[datetime]) -> Select[Any]:
        """Return the part of a statement whose rows are sorted by ``key``, the cursor, and have a time ``at``."""
        behind = [] if self.after is None else [self.behind(key, self.after)]
        return self.sorted(statement.where(*behind, *self.within(at)), key)
