"""Routes for access records: who accessed whose data, when and why (http-api.md, Management API)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from app.domain.ids import PATTERN
from app.services.gateway import Management
from app.services.management.access import AccessFilter, AccessRead
from app.services.management.tokens import Scope
from app.services.paging import PageRequest, SortOrder
from app.web.access import Private, RowAccess, Sees
from app.web.answers import answer
from app.web.dependencies import ManagementIn, MsisdnIn, TenureIn
from app.web.paging import NextCursor, end_of, timed_paging
from app.web.times import ShanghaiTime

router = APIRouter(tags=["access records"])
_CURSOR = rf"^[0-9]{{1,16}}\.{PATTERN}$"
PageIn = Annotated[PageRequest, Depends(timed_paging(SortOrder.DESC, _CURSOR))]


class AccessRecordOut(BaseModel):
    """An access to one customer's data, or an action on the customer's behalf."""

    at: ShanghaiTime
    by: str = Field(description="the name of the token")
    msisdn: str
    what: str = Field(description="what was read, such as messages, or done: resend, retry, order")
    reason: Private = None


class AccessRecordsOut(BaseModel):
    """Access records, newest first."""

    access_records: list[AccessRecordOut]
    next_cursor: NextCursor


def _out(found: AccessRead) -> AccessRecordOut:
    return answer(AccessRecordOut, found, by=found.who)


async def _page(access: RowAccess, management: Management, wanted: AccessFilter, part: PageRequest) -> AccessRecordsOut:
    page = await management.access.page(wanted, part)
    return AccessRecordsOut(access_records=await access.rows(page.items, _out), next_cursor=end_of(page))


@router.get(
    "/subscribers/{msisdn}/access-records", summary="Who accessed a customer's data", response_model_exclude_none=True
)
async def list_subscriber_access_records(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("access-records", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
    part: PageIn,
) -> AccessRecordsOut:
    """Access records of the current tenure, newest first. This call is recorded too and comes first."""
    await access.record(msisdn, tenure)
    return await _page(access, management, AccessFilter(msisdn, tenure), part)


@router.get("/access-records", summary="Who accessed whose data", response_model_exclude_none=True)
async def list_access_records(
    access: Annotated[RowAccess, Depends(Sees("access-records", Scope.ADMIN))],
    management: ManagementIn,
    part: PageIn,
    by: Annotated[str | None, Query(max_length=200, description="the name of a token")] = None,
) -> AccessRecordsOut:
    """Access records of all customers, newest first.

    Whole numbers and reasons are shown only with a reason; then an access to each customer is recorded.
    """
    return await _page(access, management, AccessFilter(who=by), part)
