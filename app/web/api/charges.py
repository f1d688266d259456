"""Routes for charges that billing announces, and for uses of per-use services, which create charges."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from app.commands.charges.announcing import AnnounceCharge, RecordUse
from app.domain import actors
from app.domain.charges import ChargeKind, ChargeState
from app.domain.subscriptions import Channel
from app.domain.values import replace
from app.services.management.charges import ChargeFilter, OwnedCharge
from app.services.management.owners import OwnerFilter
from app.services.management.tokens import Caller, Scope
from app.services.paging import PageRequest, SortOrder
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.bodies import Body, Fen
from app.web.dependencies import ManagementIn, TenureIn, msisdn_of, needs
from app.web.numbers import Number
from app.web.paging import NextCursor, end_of, timed_paging
from app.web.times import Moment, Month, ShanghaiTime

router = APIRouter(tags=["charges"])
Billing = Annotated[Caller, Depends(needs(Scope.BILLING_WRITE))]
_ID = r"^[A-Za-z0-9_.:-]{1,64}$"
charge_pages = timed_paging(SortOrder.ASC, _ID)
ChargeId = Annotated[str, Path(pattern=_ID, description="billing's id of the charge")]
_SUBSCRIBER_CHANNELS = (Channel.SMS, Channel.WEB, Channel.WAP, Channel.APP)


def _check_use_channel(channel: Channel) -> Channel:
    if channel not in _SUBSCRIBER_CHANNELS:
        raise ValueError("must be sms, web, wap or app")
    return channel


class ChargeBody(Body):
    """A charge that billing announces."""

    charge_id: str = Field(pattern=_ID, examples=["2026-03-000001"])
    msisdn: Number
    service_code: str = Field(max_length=64, examples=["SJB"])
    kind: ChargeKind
    amount_fen: Fen = Field(examples=[300])
    due_at: Moment = Field(
        description="when billing wants to take it; if that is too early it is moved, and the answer says to when"
    )
    period: Month | None = Field(
        default=None,
        description="the month that the fee is for, which begins no later than due_at; default: the month of due_at",
    )
    channel: Channel | None = None


class UseBody(Body):
    """A use of a per-use service. ``at`` is when it happened."""

    use_id: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,60}$", examples=["2026-03-02-77"])
    msisdn: Number
    service_code: str = Field(max_length=64, examples=["GS"])
    channel: Annotated[Channel, AfterValidator(_check_use_channel)] = Field(description="sms, web, wap or app")
    at: Moment


class ChargeOut(BaseModel):
    """A charge and its state. ``due_at`` is when it may be taken, ``asked_due_at`` when billing wanted to take it.

    The customer can dispute it until ``window_ends_at``.
    """

    charge_id: str
    msisdn: str
    service_code: str
    kind: ChargeKind
    amount_fen: int
    period: str
    state: ChargeState
    due_at: ShanghaiTime
    asked_due_at: ShanghaiTime
    announced_at: ShanghaiTime
    channel: Channel | None = None
    reminded_at: ShanghaiTime | None = None
    window_ends_at: ShanghaiTime | None = None
    ticket_id: str | None = None
    settled_at: ShanghaiTime | None = None
    reason: str | None = None


class UseOut(BaseModel):
    """A use and the charge that it created."""

    use_id: str
    charge: ChargeOut


class ChargesOut(BaseModel):
    """Charges in the order of their ids."""

    charges: list[ChargeOut]
    next_cursor: NextCursor


def charge_out(found: OwnedCharge) -> ChargeOut:
    """Return a charge for an answer."""
    charge = found.charge
    return answer(ChargeOut, charge, charge_id=charge.id, msisdn=found.msisdn, announced_at=charge.made_at)


@router.post(
    "/charges",
    status_code=202,
    summary="Announce a charge",
    response_model_exclude_none=True,
    responses={200: {"model": ChargeOut, "description": "an identical repeat of an earlier announcement"}},
)
async def announce_charge(
    given: ChargeBody, caller: Billing, management: ManagementIn, response: Response
) -> ChargeOut:
    """The subscriber is reminded. The fee is taken when it falls due, unless the subscriber disputes it.

    A charge that the subscriber has not agreed to is refused (422): for a service they did not have in the period, for
    a period that begins after `due_at` or after they unsubscribed, above the price at the start of the period or now,
    for a service in their plan, for a time before they got a number that another had, and any monthly fee while they
    are suspended. Later changes count too: a fee that is too high when it falls due is waived, and can be announced
    again for less.
    A second monthly fee for a service and period is a 409, unless the first was waived, cancelled or refunded. After an
    unsubscribe every fee is a 409 except the announced last one: that of the month at whose end the service ends, once.
    `due_at` in the answer is later than requested if that is within 72 hours of the order, or before the window of the
    reminder ends.
    """
    wanted = AnnounceCharge(actors.system(caller.name), **given.model_dump(exclude={"msisdn"}))
    announced = await management.charges.announce(given.msisdn, wanted)
    response.status_code = 202 if announced.is_new else 200
    return charge_out(OwnedCharge(given.msisdn, announced.tenure, announced.charge))


@router.post(
    "/usage/per-use",
    status_code=202,
    summary="Report a use, which creates its charge",
    response_model_exclude_none=True,
    responses={200: {"model": UseOut, "description": "an identical repeat of an earlier report"}},
)
async def report_use(given: UseBody, caller: Billing, management: ManagementIn, response: Response) -> UseOut:
    """The charge is due 24 hours after the use, at the price of that time, however late the use is reported.

    The subscriber gets an SMS at once for the first use of a service on a day, and for a use that costs more than they
    were last told. 422 for a use before they got a number that another had.
    """
    used = RecordUse(actors.system(caller.name), **given.model_dump(exclude={"msisdn"}))
    announced = await management.charges.record_use(given.msisdn, used)
    owned = OwnedCharge(given.msisdn, announced.tenure, announced.charge)
    response.status_code = 202 if announced.is_new else 200
    return UseOut(use_id=given.use_id, charge=charge_out(owned))


@router.get("/charges", summary="Charges", response_model_exclude_none=True)
async def list_charges(
    access: Annotated[RowAccess, Depends(Sees("charges", Scope.BILLING_WRITE, Scope.READ, Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
    part: Annotated[PageRequest, Depends(charge_pages)],
    msisdn: str | None = None,
    state: ChargeState | None = None,
    service_code: Annotated[str | None, Query(max_length=64)] = None,
) -> ChargesOut:
    """Charges in the order of their ids. With ``msisdn``, those of its present tenure; that access is recorded."""
    owner = OwnerFilter(msisdn_of(msisdn), tenure) if msisdn else None
    if owner:
        await access.record(owner.msisdn, owner.tenure)
    page = await management.charges.page(ChargeFilter(state, service_code), owner, replace(part, former=access.former))
    return ChargesOut(charges=await access.rows(page.items, charge_out), next_cursor=end_of(page))


@router.get("/charges/{charge_id}", summary="One charge and its state", response_model_exclude_none=True)
async def get_charge(
    charge_id: ChargeId,
    access: Annotated[RowAccess, Depends(Sees("charge", Scope.BILLING_WRITE, Scope.READ, Scope.CARE))],
    management: ManagementIn,
) -> ChargeOut:
    """Its state, when it falls due, and the reason of its end. The access is recorded."""
    return await access.row(await management.charges.one(charge_id, former=access.former), charge_out)
