"""Fees: announced by billing, and what became of each; uses that make theirs."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from app.commands.charges.announcing import AnnounceCharge, RecordUse
from app.domain.calendar import SHANGHAI
from app.domain.charges import ChargeKind, ChargeState
from app.domain.subscriptions import Channel
from app.services.management.charges import OwnedCharge
from app.services.management.owners import OwnerFilter, PageRequest
from app.services.management.tokens import Caller, Scope
from app.web.access import RowAccess, Sees, next_cursor
from app.web.bodies import Body, Fen
from app.web.dependencies import GatewayIn, TenureIn, msisdn_of, needs
from app.web.numbers import Number
from app.web.times import Moment, Month

router = APIRouter(tags=["charges"])
Billing = Annotated[Caller, Depends(needs(Scope.BILLING_WRITE))]
_ID = r"^[A-Za-z0-9_.:-]{1,64}$"
AfterChargeIn = Annotated[str | None, Query(pattern=_ID, description="what comes behind the charge with this id")]
ChargeId = Annotated[str, Path(pattern=_ID, description="billing's id of the charge")]
_SUBSCRIBER_CHANNELS = (Channel.SMS, Channel.WEB, Channel.WAP, Channel.APP)


def _check_use_channel(channel: Channel) -> Channel:
    if channel not in _SUBSCRIBER_CHANNELS:
        raise ValueError("must be sms, web, wap or app")
    return channel


class ChargeBody(Body):
    """A fee that billing wants to take."""

    charge_id: str = Field(pattern=_ID, examples=["2026-03-000001"])
    msisdn: Number
    service_code: str = Field(max_length=64, examples=["SJB"])
    kind: ChargeKind
    amount_fen: Fen = Field(examples=[300])
    due_at: Moment = Field(
        description="when it is to be taken; moved if that is too early, and the answer says to when"
    )
    period: Month | None = Field(
        default=None, description="the month that it is for, which begins no later than due_at; else that of due_at"
    )
    channel: Channel | None = None


class UseBody(Body):
    """A use of a service that is paid by use."""

    use_id: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,60}$", examples=["2026-03-02-77"])
    msisdn: Number
    service_code: str = Field(max_length=64, examples=["GS"])
    channel: Annotated[Channel, AfterValidator(_check_use_channel)] = Field(description="sms, web, wap or app")
    at: Moment


class ChargeOut(BaseModel):
    """A fee as it stands. ``due_at`` is when it may be taken, ``asked_due_at`` when billing wanted it."""

    charge_id: str
    msisdn: str
    service_code: str
    kind: ChargeKind
    amount_fen: int
    period: str
    state: ChargeState
    due_at: datetime
    asked_due_at: datetime
    announced_at: datetime
    channel: Channel | None = None
    reminded_at: datetime | None = None
    window_ends_at: datetime | None = None
    ticket_id: str | None = None
    settled_at: datetime | None = None
    reason: str | None = None


class UseOut(BaseModel):
    """A use, and the charge that it made."""

    use_id: str
    charge: ChargeOut


class ChargesOut(BaseModel):
    """Charges, by id."""

    charges: list[ChargeOut]
    next_cursor: str | None = None


def charge_out(found: OwnedCharge) -> ChargeOut:
    """A charge, its times in Shanghai."""
    charge = found.charge
    times = {
        name: moment.astimezone(SHANGHAI) if (moment := getattr(charge, name)) else None
        for name in ("due_at", "asked_due_at", "reminded_at", "window_ends_at", "settled_at")
    }
    same = ("service_code", "kind", "amount_fen", "period", "state", "channel", "ticket_id", "reason")
    return ChargeOut.model_validate(
        {
            **{name: getattr(charge, name) for name in same},
            **times,
            "charge_id": charge.id,
            "msisdn": found.msisdn,
            "announced_at": charge.made_at.astimezone(SHANGHAI),
        }
    )


@router.post(
    "/charges",
    status_code=202,
    summary="Announce a fee",
    response_model_exclude_none=True,
    responses={200: {"model": ChargeOut, "description": "announced before, by the same words"}},
)
async def post_charge(given: ChargeBody, caller: Billing, gateway: GatewayIn, response: Response) -> ChargeOut:
    """The customer is reminded, and it is taken when it falls due if she does not doubt it.

    Refused (422) without her consent: a service that she did not have in the period, a period that begins after
    `due_at` or after she unsubscribed, more than the price as the period began or as it is now, anything for what is in
    her plan, or for a time before she got a number that was another's; and any monthly fee while she is suspended. What
    changes until it is taken counts, too: a fee that is too much by then is waived, and can be announced for less.
    A second monthly fee of a service and period is a 409, unless the first was waived, cancelled or given back. So is
    every fee when she has unsubscribed, but the one that she was told is still to come: that of the month to whose end
    the service runs, once.
    `due_at` of the answer is when the fee may be taken: later than asked if that is within 72 hours of the order, or
    before the window of the reminder is over.
    """
    wanted = AnnounceCharge(f"api:{caller.name}", **given.model_dump(exclude={"msisdn"}))
    announced = await gateway.management.charges.announce(given.msisdn, wanted)
    response.status_code = 202 if announced.is_new else 200
    return charge_out(announced.owned)


@router.post(
    "/usage/per-use",
    status_code=202,
    summary="Report a use, which makes its charge",
    response_model_exclude_none=True,
    responses={200: {"model": UseOut, "description": "reported before, by the same words"}},
)
async def post_use(given: UseBody, caller: Billing, gateway: GatewayIn, response: Response) -> UseOut:
    """Due 24 hours after the use, at the price of that time, however late it is reported.

    Each is told at once; by SMS only the first of a day and service, and one that costs more than she was told last.
    A use from before she got a number that was somebody else's is a 422.
    """
    used = RecordUse(f"api:{caller.name}", **given.model_dump(exclude={"msisdn"}))
    announced = await gateway.management.charges.record_use(given.msisdn, used)
    response.status_code = 202 if announced.is_new else 200
    return UseOut(use_id=given.use_id, charge=charge_out(announced.owned))


@router.get("/charges", summary="Charges", response_model_exclude_none=True)
async def list_charges(
    access: Annotated[RowAccess, Depends(Sees("charges", Scope.BILLING_WRITE, Scope.READ, Scope.CARE))],
    gateway: GatewayIn,
    tenure: TenureIn,
    msisdn: str | None = None,
    state: ChargeState | None = None,
    service_code: Annotated[str | None, Query(max_length=64)] = None,
    cursor: AfterChargeIn = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ChargesOut:
    """By id. Of one number, those of its present tenure, and the look is recorded."""
    owner = OwnerFilter(msisdn_of(msisdn), tenure) if msisdn else None
    if owner:
        await access.record(owner.msisdn, owner.tenure)
    given = {"state": state, "service_code": service_code}
    wanted = {name: word for name, word in given.items() if word is not None}
    found = await gateway.management.charges.page(wanted, owner, PageRequest(limit + 1, cursor, access.former))
    return ChargesOut(
        charges=await access.rows(found[:limit], charge_out),
        next_cursor=next_cursor(found, limit, lambda item: item.charge.id),
    )


@router.get("/charges/{charge_id}", summary="One charge as it stands", response_model_exclude_none=True)
async def get_charge(
    charge_id: ChargeId,
    access: Annotated[RowAccess, Depends(Sees("charge", Scope.BILLING_WRITE, Scope.READ, Scope.CARE))],
    gateway: GatewayIn,
) -> ChargeOut:
    """Its state, when it falls due and why it ended as it did; the look is recorded."""
    return await access.row(await gateway.management.charges.one(charge_id, former=access.former), charge_out)
