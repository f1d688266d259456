"""Pages of lists: what a caller asks for, and how rows are cut into a page with a cursor."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from app.db.pages import Part
from app.domain.values import value

__all__ = ["Page", "PageRequest", "Part", "SortOrder", "page_of_rows"]

_T = TypeVar("_T")
_U = TypeVar("_U")


class SortOrder(StrEnum):
    """The order of a list: from its first row to the last, such as oldest first, or the other way round."""

    ASC = "asc"
    DESC = "desc"


@value
class PageRequest(Part):
    """A page of a list; ``former`` includes rows of former tenures in a list over all numbers."""

    former: bool = False


@value
class Page(Generic[_T]):
    """Rows of a list, and the cursor of the rows after them; None if there are none."""

    items: list[_T]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Sequence[_T], limit: int, cursor_of: Callable[[_T], str]) -> "Page[_T]":
        """Return a page of the first ``limit`` rows of ``found``, which was asked for at least one more."""
        items = list(found[:limit])
        return cls(items, cursor_of(items[-1]) if len(found) > limit else None)

    def map(self, convert: Callable[[_T], _U]) -> "Page[_U]":
        """Return the page with each row converted."""
        return Page([convert(item) for item in self.items], self.next_cursor)


def page_of_rows(
    rows: Iterable[_T],
    part: PageRequest,
    key: Callable[[_T], str],
    at: Callable[[_T], datetime] | None = None,
) -> Page[_T]:
    """Return a page of a short list that is read whole, in the order of a key, which is the cursor."""
    kept = [row for row in rows if at is None or _is_within(at(row), part)]
    ordered = sorted(kept, key=key, reverse=part.descending)
    if part.after is not None:
        last = part.after
        ordered = [row for row in ordered if (key(row) < last if part.descending else key(row) > last)]
    return Page.of(ordered, part.limit, key)


def _is_within(at: datetime, part: PageRequest) -> bool:
    return (part.since is None or at >= part.since) and (part.until is None or at < part.until)
