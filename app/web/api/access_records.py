"""Routes for access records: who accessed whose data, when and why (http-api.md, Management API)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from app.db.access import AccessFilter, AccessRead
from app.db.types import from_micros, to_micros
from app.domain.calendar import SHANGHAI
from app.services.management.tokens import Scope
from app.web.access import Private, RowAccess, Sees, next_cursor
from app.web.dependencies import GatewayIn, MsisdnIn, TenureIn
from app.web.times import Moment

router = APIRouter(tags=["access records"])
Limit = Annotated[int, Query(ge=1, le=500)]
_CURSOR = r"^[0-9]{1,16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
CursorIn = Annotated[str | None, Query(pattern=_CURSOR, description="next_cursor of the previous page")]


class AccessRecordOut(BaseModel):
    """An access to one customer's data, or an action on the customer's behalf."""

    at: datetime
    by: str = Field(description="the name of the token")
    msisdn: str
    what: str = Field(description="what was read, such as messages, or done: resend, retry, order")
    reason: Private = None


class AccessRecordsOut(BaseModel):
    """Access records, newest first."""

    access_records: list[AccessRecordOut]
    next_cursor: str | None = None


def _out(found: AccessRead) -> AccessRecordOut:
    return AccessRecordOut(
        at=found.at.astimezone(SHANGHAI),
        by=found.who,
        msisdn=found.msisdn,
        what=found.what,
        reason=found.reason,
    )


def _cursor_of(last: AccessRead) -> str:
    return f"{to_micros(last.at)}.{last.id}"


async def _page(
    access: RowAccess, gateway: GatewayIn, wanted: AccessFilter, cursor: str | None, limit: int
) -> AccessRecordsOut:
    micros, _, last = (cursor or "").partition(".")
    found = await gateway.management.access.page(
        wanted, (from_micros(int(micros)), last) if cursor else None, limit + 1
    )
    return AccessRecordsOut(
        access_records=await access.rows(found[:limit], _out), next_cursor=next_cursor(found, limit, _cursor_of)
    )


@router.get(
    "/subscribers/{msisdn}/access-records", summary="Who accessed a customer's data", response_model_exclude_none=True
)
async def list_accesses_to_her(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("access-records", Scope.CARE))],
    gateway: GatewayIn,
    tenure: TenureIn,
    cursor: CursorIn = None,
    limit: Limit = 100,
) -> AccessRecordsOut:
    """Access records of the current tenure, newest first. This call is recorded too and comes first."""
    await access.record(msisdn, tenure)
    return await _page(access, gateway, AccessFilter(msisdn, tenure), cursor, limit)


@router.get("/access-records", summary="Who accessed whose data", response_model_exclude_none=True)
async def list_accesses(
    access: Annotated[RowAccess, Depends(Sees("access-records", Scope.ADMIN))],
    gateway: GatewayIn,
    by: Annotated[str | None, Query(max_length=200, description="the name of a token")] = None,
    since: Annotated[Moment | None, Query(alias="from", description="only accesses at or after this time")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="only accesses before this time")] = None,
    cursor: CursorIn = None,
    limit: Limit = 100,
) -> AccessRecordsOut:
    """Access records of all customers, newest first.

    Whole numbers and reasons are shown only with a reason; then an access to each customer is recorded.
    """
    wanted = AccessFilter(who=by, since=since, until=until)
    return await _page(access, gateway, wanted, cursor, limit)
