"""Routes for orders of all channels, each of which the customer must confirm by SMS (flows.md 6)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from app.commands.orders.calls import PlaceOrder
from app.domain import actors
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.subscriptions import Channel
from app.domain.values import replace
from app.services.management.orders import OrderFilter, OwnedOrder
from app.services.management.owners import OwnerFilter
from app.services.management.tokens import Scope
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.directory.catalogue import CODE_PATTERN
from app.web.bodies import Body, Line
from app.web.dependencies import ManagementIn, TenureIn, msisdn_of
from app.web.numbers import Number
from app.web.paging import NextCursor, OldestFirst, end_of
from app.web.problem_codes import Code
from app.web.problems import ProblemError
from app.web.times import ShanghaiTime

router = APIRouter(prefix="/orders", tags=["orders"])
Orderer = Annotated[RowAccess, Depends(Sees("order", Scope.BILLING_WRITE, Scope.CARE))]
OrderIdIn = Annotated[str, Path(max_length=64, description="the gateway's id of an order")]


class OrderBody(Body):
    """An order of a service for a customer."""

    msisdn: Number
    service_code: str = Field(pattern=CODE_PATTERN, examples=["YYH"])
    channel: Channel
    idempotency_key: Line | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="a repeat with the same key by the same caller returns the first order",
    )


class OrderOut(BaseModel):
    """An order. ``reason`` says why it was refused, or why it ended without an answer."""

    order_id: str
    state: OrderState
    kind: OrderKind
    msisdn: str
    service_code: str
    channel: Channel
    reason: Reason | None = None
    price_fen: int | None = None
    trial_days: int = Field(description="0 also if the customer had a trial of the service within 180 days")
    free_hours: bool = Field(
        description="true if unsubscribing within 72 hours of the confirmation is free; once in 180 days for a service"
    )
    made_at: ShanghaiTime
    expires_at: ShanghaiTime | None = None
    closed_at: ShanghaiTime | None = None


class OrdersOut(BaseModel):
    """Orders, oldest first."""

    orders: list[OrderOut]
    next_cursor: NextCursor


def order_out(found: OwnedOrder) -> OrderOut:
    """Return an order for an answer."""
    return _out(found.msisdn, found.order)


def _out(msisdn: str, order: Order) -> OrderOut:
    price_fen = order.terms.price_fen if order.terms else None
    return answer(OrderOut, order, order_id=order.id, msisdn=msisdn, price_fen=price_fen)


@router.post("", status_code=202, summary="Order a service for a customer", response_model_exclude_none=True)
async def place_order(given: OrderBody, access: Orderer, management: ManagementIn) -> OrderOut:
    """Asks the customer by SMS. The service starts only with the customer's own yes, also for an agent's order.

    An impossible order is ``refused`` with a ``reason``, and the customer is not notified. Orders of channels ``sp``
    and ``agent`` ask at most three times a day, outside quiet hours, and not within 30 days after the customer declined
    the service (``too_many_orders``). Channel ``agent`` needs scope care and its orders are recorded with their reason;
    all other channels need billing:write.
    """
    by_agent = given.channel is Channel.AGENT
    needed = Scope.CARE if by_agent else Scope.BILLING_WRITE
    if not access.may(needed):
        raise ProblemError(
            Code.SCOPE_MISSING, f"Orders of channel {given.channel.value} need the scope {needed.value}."
        )
    if by_agent:
        await access.record(given.msisdn)
    who = (actors.agent if by_agent else actors.system)(access.who)
    call = PlaceOrder(who, given.service_code, given.channel, given.idempotency_key, access.reason)
    return access.unfiltered(_out(given.msisdn, await management.orders.place(given.msisdn, call)))


@router.get("", summary="Orders, oldest first", response_model_exclude_none=True)
async def list_orders(
    access: Annotated[RowAccess, Depends(Sees("orders", Scope.BILLING_WRITE, Scope.CARE, Scope.READ))],
    management: ManagementIn,
    tenure: TenureIn,
    part: OldestFirst,
    msisdn: str | None = None,
    state: OrderState | None = None,
    service_code: Annotated[str | None, Query(pattern=CODE_PATTERN)] = None,
) -> OrdersOut:
    """With ``msisdn``, orders of its present tenure; that access is recorded."""
    owner = OwnerFilter(msisdn_of(msisdn), tenure) if msisdn else None
    if owner:
        await access.record(owner.msisdn, owner.tenure)
    page = await management.orders.page(OrderFilter(state, service_code), owner, replace(part, former=access.former))
    return OrdersOut(orders=await access.rows(page.items, order_out), next_cursor=end_of(page))


@router.get("/{order_id}", summary="One order", response_model_exclude_none=True)
async def get_order(
    order_id: OrderIdIn,
    access: Annotated[RowAccess, Depends(Sees("order", Scope.BILLING_WRITE, Scope.CARE, Scope.READ))],
    management: ManagementIn,
) -> OrderOut:
    """The order's present state. The access is recorded."""
    return await access.row(await management.orders.one(order_id, former=access.former), order_out)
