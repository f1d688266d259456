"""The one form of paging: what every list of the management API takes, and what it answers."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Query
from pydantic import Field, PlainSerializer

from app.services.paging import Page, PageRequest, SortOrder
from app.web.dependencies import ID
from app.web.times import Moment

_T = TypeVar("_T")
_MOST = 500
_SAME = "next_cursor of the previous page; send the same filters and order with it"
LimitIn = Annotated[int, Query(ge=1, le=_MOST, description="the most items of a page")]
OrderIn = Annotated[
    SortOrder, Query(description="asc: as the list is described from its first item on; desc: from its last")
]
SinceIn = Annotated[Moment | None, Query(alias="from", description="only items at or after this time")]
UntilIn = Annotated[Moment | None, Query(alias="to", description="only items before this time")]


def _null_at_the_end(cursor: str) -> str | None:
    return cursor or None


# The cursor at the end of a list.
END = ""
# Empty at the end of a list. A field that is None would be left out of answers that leave out what is null.
NextCursor = Annotated[
    str,
    PlainSerializer(_null_at_the_end, return_type=str | None),
    Field(description="the cursor of the next page; null if this is the last"),
]


def end_of(page: Page[_T]) -> str:
    """Return the cursor of the next page for an answer."""
    return page.next_cursor or END


PageOf = Callable[..., Awaitable[PageRequest]]


def paging(order: SortOrder, cursor: str = ID) -> PageOf:
    """Return the dependency of a list: its default order, and the pattern of its cursors."""
    CursorIn = Annotated[str | None, Query(pattern=cursor, description=_SAME)]  # noqa: N806  a type

    async def page(limit: LimitIn = 100, cursor: CursorIn = None, order: OrderIn = order) -> PageRequest:
        return PageRequest(limit, cursor, descending=order is SortOrder.DESC)

    return page


def timed_paging(order: SortOrder, cursor: str = ID) -> PageOf:
    """Return the dependency of a list whose items have a time."""
    CursorIn = Annotated[str | None, Query(pattern=cursor, description=_SAME)]  # noqa: N806  a type

    async def page(
        limit: LimitIn = 100,
        cursor: CursorIn = None,
        order: OrderIn = order,
        since: SinceIn = None,
        until: UntilIn = None,
    ) -> PageRequest:
        return PageRequest(limit, cursor, order is SortOrder.DESC, since, until)

    return page


# Lists by ids, which are in the order of time.
OldestFirst = Annotated[PageRequest, Depends(timed_paging(SortOrder.ASC))]
NewestFirst = Annotated[PageRequest, Depends(timed_paging(SortOrder.DESC))]
