"""Routes for the lists of one customer: charges, orders, refunds, tickets and questions."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from app.db.questions import QuestionRead
from app.domain.calendar import SHANGHAI
from app.services.management.owners import OwnerFilter, PageRequest
from app.services.management.tickets import RefundRead, TicketFilter
from app.services.management.tokens import Scope
from app.web.access import Private, RowAccess, Sees, next_cursor
from app.web.api.charges import AfterChargeIn, ChargesOut, charge_out
from app.web.api.orders import OrdersOut, order_out
from app.web.api.tickets import RefundOut, TicketsIn, TicketsOut, refund_out, ticket_out
from app.web.dependencies import AfterIdIn, GatewayIn, MsisdnIn, TenureIn

router = APIRouter(prefix="/subscribers/{msisdn}", tags=["subscribers"])
Limit = Annotated[int, Query(ge=1, le=500)]
_REFUND = r"^[A-Za-z0-9_.:-]{1,64}:[a-z_]{1,20}$"


class RefundsOut(BaseModel):
    """Refunds in the order of their charges, the parts of one charge together."""

    refunds: list[RefundOut]
    next_cursor: str | None = None


class QuestionOut(BaseModel):
    """A question to the customer, the extension of the access number that asked it, and how it ended."""

    id: str
    kind: str
    extension: str
    text: Private = None
    asked_at: datetime
    expires_at: datetime
    handed_over_at: datetime | None = Field(default=None, description="when the network accepted the message")
    failed_at: datetime | None = None
    closed_at: datetime | None = None
    closed_as: str | None = Field(default=None, description="answered, replaced, withdrawn or undeliverable")


class QuestionsOut(BaseModel):
    """Questions, newest first."""

    questions: list[QuestionOut]
    next_cursor: str | None = None


async def _owner(msisdn: MsisdnIn, tenure: TenureIn) -> OwnerFilter:
    """Return the number and tenure that the list is for."""
    return OwnerFilter(msisdn, tenure)


OwnerIn = Annotated[OwnerFilter, Depends(_owner)]


async def _record_and_check(access: RowAccess, gateway: GatewayIn, owner: OwnerFilter) -> None:
    """Record the access; raise RefusedError (404) if there is no such subscriber or tenure."""
    await access.record(owner.msisdn, owner.tenure)
    await gateway.management.directory.subscriber(owner.msisdn, owner.tenure)


@router.get("/charges", summary="A customer's charges", response_model_exclude_none=True)
async def list_her_charges(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("charges", Scope.CARE))],
    gateway: GatewayIn,
    cursor: AfterChargeIn = None,
    limit: Limit = 100,
) -> ChargesOut:
    """Charges of the current tenure, in the order of their ids. The access is recorded."""
    await _record_and_check(access, gateway, owner)
    found = await gateway.management.charges.page({}, owner, PageRequest(limit + 1, cursor))
    return ChargesOut(
        charges=await access.rows(found[:limit], charge_out),
        next_cursor=next_cursor(found, limit, lambda item: item.charge.id),
    )


@router.get("/orders", summary="A customer's orders, oldest first", response_model_exclude_none=True)
async def list_her_orders(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("orders", Scope.CARE))],
    gateway: GatewayIn,
    cursor: AfterIdIn = None,
    limit: Limit = 100,
) -> OrdersOut:
    """Orders of the current tenure. The access is recorded."""
    await _record_and_check(access, gateway, owner)
    found = await gateway.management.orders.page({}, owner, PageRequest(limit + 1, cursor))
    return OrdersOut(
        orders=await access.rows(found[:limit], order_out),
        next_cursor=next_cursor(found, limit, lambda item: item.order.id),
    )


def _refund(item: RefundRead) -> RefundOut:
    return refund_out(item.refund)


@router.get("/refunds", summary="A customer's refunds", response_model_exclude_none=True)
async def list_her_refunds(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("refunds", Scope.CARE))],
    gateway: GatewayIn,
    tickets: TicketsIn,
    cursor: Annotated[str | None, Query(pattern=_REFUND, description="next_cursor of the previous page")] = None,
    limit: Limit = 100,
) -> RefundsOut:
    """Refunds of the current tenure, in the order of their charges. The access is recorded."""
    await _record_and_check(access, gateway, owner)
    found = await tickets.refunds(owner, PageRequest(limit + 1, cursor))
    return RefundsOut(
        refunds=await access.rows(found[:limit], _refund),
        next_cursor=next_cursor(found, limit, lambda item: item.refund.id),
    )


@router.get("/tickets", summary="A customer's tickets, oldest first", response_model_exclude_none=True)
async def list_her_tickets(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("tickets", Scope.CARE))],
    gateway: GatewayIn,
    tickets: TicketsIn,
    cursor: AfterIdIn = None,
    limit: Limit = 100,
) -> TicketsOut:
    """Tickets of the current tenure. The access is recorded."""
    await _record_and_check(access, gateway, owner)
    found = await tickets.page(TicketFilter(), owner, PageRequest(limit + 1, cursor))
    return TicketsOut(
        tickets=await access.rows(found[:limit], ticket_out),
        next_cursor=next_cursor(found, limit, lambda item: item.ticket.id),
    )


def _question(item: QuestionRead) -> QuestionOut:
    times = {
        name: moment.astimezone(SHANGHAI) if (moment := getattr(item, name)) else None
        for name in ("asked_at", "expires_at", "handed_over_at", "failed_at", "closed_at")
    }
    same = {name: getattr(item, name) for name in ("id", "kind", "extension", "closed_as")}
    return QuestionOut.model_validate({**same, **times, "text": item.asked_text})


@router.get("/questions", summary="Questions to a customer, newest first", response_model_exclude_none=True)
async def list_her_questions(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("questions", Scope.CARE))],
    gateway: GatewayIn,
    cursor: AfterIdIn = None,
    limit: Limit = 100,
) -> QuestionsOut:
    """Questions of the current tenure. The access is recorded.

    Questions past their retention are deleted; their texts remain in the evidence.
    """
    await _record_and_check(access, gateway, owner)
    found = await gateway.management.directory.questions(owner.msisdn, cursor, limit + 1, owner.tenure)
    return QuestionsOut(
        questions=await access.rows(found[:limit], _question),
        next_cursor=next_cursor(found, limit, lambda item: item.id),
    )
