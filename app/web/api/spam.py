"""Spam reports: how often each number was reported (flows.md 12)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.domain.spam import reported_number
from app.services.tokens import Scope
from app.web.api.tickets import TicketsIn
from app.web.dependencies import needs

router = APIRouter(tags=["tickets"], dependencies=[Depends(needs(Scope.READ, Scope.CARE))])
_NUMBER = r"^\+?[0-9]{3,20}$"


class SpamCountOut(BaseModel):
    """A reported number, and how many reports there are of it."""

    number: str
    count: int


class SpamReportsOut(BaseModel):
    """Counts, by number."""

    spam_reports: list[SpamCountOut]
    next_cursor: str | None


@router.get("/spam-reports", summary="How often each number was reported")
async def list_spam_reports(
    tickets: TicketsIn,
    number: Annotated[str | None, Query(pattern=_NUMBER, description="one number only")] = None,
    cursor: Annotated[str | None, Query(pattern=_NUMBER, description="the next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> SpamReportsOut:
    """Subscribers' numbers in the form +8613800138000, others as they were written; neither texts nor reporters."""
    found = await tickets.spam_counts(reported_number(number) if number else None, cursor, limit + 1)
    following = found[limit - 1].number if len(found) > limit else None
    rows = [SpamCountOut(number=item.number, count=item.count) for item in found[:limit]]
    return SpamReportsOut(spam_reports=rows, next_cursor=following)
