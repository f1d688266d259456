"""Routes for billing: the bill of a month, the spend so far, and announced suspensions of a number."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.commands.accounts.bills import RecordBill, RecordSpend
from app.commands.accounts.suspension import AnnounceSuspension, CallOffSuspension
from app.domain import actors
from app.domain.bills import BillItem
from app.services.management.owners import OwnerFilter
from app.services.management.tokens import Caller, Scope
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.bodies import Body, Fen, Words
from app.web.dependencies import ManagementIn, MsisdnIn, TenureIn, TurnsIn, needs
from app.web.numbers import Number
from app.web.times import Moment, Month, ShanghaiTime

router = APIRouter(tags=["usage and bills"])
Billing = Annotated[Caller, Depends(needs(Scope.BILLING_WRITE))]


class BillItemBody(Body):
    """A line of a bill. ``amount_fen`` is negative for a rebate."""

    name: Words = Field(min_length=1, max_length=40, examples=["套餐月费"])
    amount_fen: int = Field(strict=True, ge=-(10**12), le=10**12, examples=[5800])


class BillBody(Body):
    """The bill of a month."""

    msisdn: Number
    month: Month
    items: list[BillItemBody] = Field(max_length=100)


class SpendBody(Body):
    """What a month has cost up to ``at``."""

    msisdn: Number
    month: Month
    amount_fen: Fen
    at: Moment


class SuspensionBody(Body):
    """When the number will be suspended."""

    at: Moment


class SuspensionOut(BaseModel):
    """An announced suspension."""

    msisdn: str
    at: ShanghaiTime


class AnnouncedOut(SuspensionOut):
    """An announced suspension, since when it is, and when it was called off, replaced or carried out."""

    announced_at: ShanghaiTime
    over_at: ShanghaiTime | None = Field(description="null: it is still to come")


class CalledOffOut(BaseModel):
    """The number of which no suspension is announced any more."""

    msisdn: str


class BillOut(BaseModel):
    """The bill of a month, as it was recorded."""

    msisdn: str
    month: str
    items: list[BillItemBody]


class SpendOut(BaseModel):
    """What was recorded of a month; a later reading that was there before stays."""

    msisdn: str
    month: str
    amount_fen: int
    at: ShanghaiTime


@router.post("/bills", summary="Record the bill of a month")
async def record_bill(given: BillBody, _caller: Billing, turns: TurnsIn) -> BillOut:
    """``ZD`` answers from it once the month is over. Another bill of the same month replaces it.

    422 for a month that ended before the present subscriber got the number.
    """
    items = tuple(BillItem(item.name, item.amount_fen) for item in given.items)
    await turns.carry_out(given.msisdn, RecordBill(given.month, items))
    return answer(BillOut, given)


@router.post("/spend", summary="Record what a month has cost so far")
async def record_spend(given: SpendBody, _caller: Billing, turns: TurnsIn) -> SpendOut:
    """``HF`` answers from it. An ``at`` before the stored one is ignored.

    422 for an ``at`` before the present subscriber got the number.
    """
    await turns.carry_out(given.msisdn, RecordSpend(given.month, given.amount_fen, given.at))
    return answer(SpendOut, given)


@router.post("/subscribers/{msisdn}/suspension", summary="Announce that the number will be suspended")
async def announce_suspension(
    msisdn: MsisdnIn, given: SuspensionBody, caller: Billing, turns: TurnsIn
) -> SuspensionOut:
    """The subscriber is notified now and again 24 hours before, outside quiet hours if that is early enough.

    Another date replaces an announced one. Billing suspends the number itself, with ``status: suspended``.
    """
    await turns.carry_out(msisdn, AnnounceSuspension(actors.system(caller.name), given.at))
    return SuspensionOut(msisdn=msisdn, at=given.at)


@router.get("/subscribers/{msisdn}/suspension", summary="The announced suspension of a number")
async def get_suspension(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("suspension", Scope.CARE, Scope.BILLING_WRITE))],
    management: ManagementIn,
    tenure: TenureIn,
) -> AnnouncedOut:
    """The latest of the current tenure; 404 if there was none. The access is recorded."""
    await access.record(msisdn, tenure)
    found = await management.reading.suspension(OwnerFilter(msisdn, tenure))

    def out(owner: OwnerFilter) -> AnnouncedOut:
        return AnnouncedOut(msisdn=owner.msisdn, at=found.stops_at, announced_at=found.made_at, over_at=found.over_at)

    return await access.row(OwnerFilter(msisdn, tenure), out)


@router.delete("/subscribers/{msisdn}/suspension", summary="Call off an announced suspension")
async def cancel_suspension(msisdn: MsisdnIn, caller: Billing, turns: TurnsIn) -> CalledOffOut:
    """Queued messages about it are not sent. A PATCH with ``status: active`` does the same."""
    await turns.carry_out(msisdn, CallOffSuspension(actors.system(caller.name)))
    return CalledOffOut(msisdn=msisdn)
