"""Routes for the lists of one customer: charges, orders, refunds, tickets and questions."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.domain.dialogue import ClosedAs
from app.services.gateway import Management
from app.services.management.charges import ChargeFilter
from app.services.management.directory import QuestionRead
from app.services.management.orders import OrderFilter
from app.services.management.owners import OwnerFilter
from app.services.management.tickets import RefundRead, TicketFilter
from app.services.management.tokens import Scope
from app.services.paging import PageRequest, SortOrder
from app.web.access import Private, RowAccess, Sees
from app.web.answers import answer
from app.web.api.charges import ChargesOut, charge_out, charge_pages
from app.web.api.orders import OrdersOut, order_out
from app.web.api.tickets import RefundOut, TicketsOut, refund_out, ticket_out
from app.web.dependencies import ManagementIn, MsisdnIn, TenureIn
from app.web.paging import NewestFirst, NextCursor, OldestFirst, end_of, timed_paging
from app.web.times import ShanghaiTime
from app.web.words import QuestionWord

router = APIRouter(prefix="/subscribers/{msisdn}", tags=["subscribers"])
_refund_pages = timed_paging(SortOrder.ASC, r"^[A-Za-z0-9_.:-]{1,64}:[a-z_]{1,20}$")


class RefundsOut(BaseModel):
    """Refunds in the order of their charges, the parts of one charge together."""

    refunds: list[RefundOut]
    next_cursor: NextCursor


class QuestionOut(BaseModel):
    """A question to the customer, the extension of the access number that asked it, and how it ended."""

    id: str
    kind: QuestionWord
    extension: str
    text: Private = None
    asked_at: ShanghaiTime
    expires_at: ShanghaiTime
    handed_over_at: ShanghaiTime | None = Field(default=None, description="when the network accepted the message")
    failed_at: ShanghaiTime | None = None
    closed_at: ShanghaiTime | None = None
    closed_as: ClosedAs | None = None


class QuestionsOut(BaseModel):
    """Questions, newest first."""

    questions: list[QuestionOut]
    next_cursor: NextCursor


async def _owner(msisdn: MsisdnIn, tenure: TenureIn) -> OwnerFilter:
    """Return the number and tenure that the list is for."""
    return OwnerFilter(msisdn, tenure)


OwnerIn = Annotated[OwnerFilter, Depends(_owner)]


async def _record_and_check(access: RowAccess, management: Management, owner: OwnerFilter) -> None:
    """Record the access; raise RefusedError (404) if there is no such subscriber or tenure."""
    await access.record(owner.msisdn, owner.tenure)
    await management.directory.subscriber(owner.msisdn, owner.tenure)


@router.get("/charges", summary="A customer's charges", response_model_exclude_none=True)
async def list_subscriber_charges(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("charges", Scope.CARE))],
    management: ManagementIn,
    part: Annotated[PageRequest, Depends(charge_pages)],
) -> ChargesOut:
    """Charges of the current tenure, in the order of their ids. The access is recorded."""
    await _record_and_check(access, management, owner)
    page = await management.charges.page(ChargeFilter(), owner, part)
    return ChargesOut(charges=await access.rows(page.items, charge_out), next_cursor=end_of(page))


@router.get("/orders", summary="A customer's orders, oldest first", response_model_exclude_none=True)
async def list_subscriber_orders(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("orders", Scope.CARE))],
    management: ManagementIn,
    part: OldestFirst,
) -> OrdersOut:
    """Orders of the current tenure. The access is recorded."""
    await _record_and_check(access, management, owner)
    page = await management.orders.page(OrderFilter(), owner, part)
    return OrdersOut(orders=await access.rows(page.items, order_out), next_cursor=end_of(page))


def _refund(item: RefundRead) -> RefundOut:
    return refund_out(item.refund)


@router.get("/refunds", summary="A customer's refunds", response_model_exclude_none=True)
async def list_subscriber_refunds(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("refunds", Scope.CARE))],
    management: ManagementIn,
    part: Annotated[PageRequest, Depends(_refund_pages)],
) -> RefundsOut:
    """Refunds of the current tenure, in the order of their charges. The access is recorded."""
    await _record_and_check(access, management, owner)
    page = await management.tickets.refunds(owner, part)
    return RefundsOut(refunds=await access.rows(page.items, _refund), next_cursor=end_of(page))


@router.get("/tickets", summary="A customer's tickets, oldest first", response_model_exclude_none=True)
async def list_subscriber_tickets(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("tickets", Scope.CARE))],
    management: ManagementIn,
    part: OldestFirst,
) -> TicketsOut:
    """Tickets of the current tenure. The access is recorded."""
    await _record_and_check(access, management, owner)
    page = await management.tickets.page(TicketFilter(), owner, part)
    return TicketsOut(tickets=await access.rows(page.items, ticket_out), next_cursor=end_of(page))


def _question(item: QuestionRead) -> QuestionOut:
    return answer(QuestionOut, item, text=item.asked_text)


@router.get("/questions", summary="Questions to a customer, newest first", response_model_exclude_none=True)
async def list_subscriber_questions(
    owner: OwnerIn,
    access: Annotated[RowAccess, Depends(Sees("questions", Scope.CARE))],
    management: ManagementIn,
    part: NewestFirst,
) -> QuestionsOut:
    """Questions of the current tenure. The access is recorded.

    Questions past their retention are deleted; their texts remain in the evidence.
    """
    await _record_and_check(access, management, owner)
    page = await management.directory.questions(owner, part)
    return QuestionsOut(questions=await access.rows(page.items, _question), next_cursor=end_of(page))
