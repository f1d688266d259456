"""The route for spam reports: how often each number was reported (flows.md 12)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.domain.msisdn import parse_msisdn
from app.domain.spam import reported_number
from app.domain.values import value
from app.services.management.tickets import SpamCount
from app.services.management.tokens import Scope
from app.services.paging import PageRequest, SortOrder
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.dependencies import ManagementIn
from app.web.paging import NextCursor, end_of, paging

router = APIRouter(tags=["tickets"])
_NUMBER = r"^\+?[0-9]{3,20}$"


class SpamCountOut(BaseModel):
    """A reported number and the number of reports about it."""

    number: str
    count: int


class SpamReportsOut(BaseModel):
    """Counts in the order of the numbers."""

    spam_reports: list[SpamCountOut]
    next_cursor: NextCursor


@value
class _OwnedCount:
    """A count, and the reported number as its owner if it can be a customer's."""

    msisdn: str | None
    found: SpamCount
    tenure: int | None = None


def _out(item: _OwnedCount) -> SpamCountOut:
    return answer(SpamCountOut, item.found)


@router.get("/spam-reports", summary="How often each number was reported")
async def list_spam_reports(
    access: Annotated[RowAccess, Depends(Sees("spam-reports", Scope.READ, Scope.CARE))],
    management: ManagementIn,
    part: Annotated[PageRequest, Depends(paging(SortOrder.ASC))],
    number: Annotated[str | None, Query(pattern=_NUMBER, description="one number only")] = None,
) -> SpamReportsOut:
    """Mobile numbers in the form +8613800138000, others as they were written; no texts and no reporters."""
    wanted = reported_number(number) if number else None
    if wanted and (msisdn := parse_msisdn(wanted)):
        await access.record(msisdn)
    page = await management.tickets.spam_counts(wanted, part)
    owned = [_OwnedCount(parse_msisdn(item.number), item) for item in page.items]
    return SpamReportsOut(spam_reports=await access.rows(owned, _out), next_cursor=end_of(page))
