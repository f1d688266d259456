"""Routes for tickets: list them, open complaints, respond, decide and refund (flows.md 12, 17)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, model_validator

from app.commands.ticketing import TicketWithRefunds
from app.commands.tickets.complaints import AgentComplaint
from app.commands.tickets.resolving import DecideRefund, RefundRequest, Resolve, RespondFirst
from app.domain import actors
from app.domain.ids import PATTERN
from app.domain.refunds import Refund, RefundPart, RefundPolicy, SecondHalf
from app.domain.tickets import Decision, TicketKind, TicketState
from app.domain.turn import Call
from app.domain.values import replace
from app.services.management.tickets import TicketFilter, TicketRead, Tickets, TicketSort
from app.services.management.tokens import Scope
from app.services.paging import PageRequest, SortOrder
from app.web.access import Private, RowAccess, Sees
from app.web.answers import answer
from app.web.bodies import Body, Words
from app.web.dependencies import ManagementIn
from app.web.numbers import Number
from app.web.paging import NextCursor, end_of, timed_paging
from app.web.problem_codes import Code
from app.web.problems import ProblemError
from app.web.times import ShanghaiTime
from app.web.words import TierWord

router = APIRouter(prefix="/tickets", tags=["tickets"])
Reader = Annotated[RowAccess, Depends(Sees("ticket", Scope.READ, Scope.CARE))]
MessageText = Annotated[Words, Field(min_length=1, max_length=500)]


class ComplaintBody(Body):
    """A complaint that an agent records for a customer."""

    msisdn: Number
    text: MessageText
    charge_id: str | None = Field(
        default=None, max_length=200, description="the charge that it is about; default: those that the text names"
    )


class FirstResponseBody(Body):
    """The text that the customer gets by SMS."""

    message: MessageText


class RefundBody(Body):
    """How a fee is refunded."""

    policy: RefundPolicy = Field(
        description="double: the operator's error, twice the fee. principal: the fee now, the same again when confirmed"
    )
    charge_id: str | None = Field(default=None, max_length=200)

    @model_validator(mode="after")
    def _check_charge_id(self) -> "RefundBody":
        if self.policy is not RefundPolicy.NONE and not self.charge_id:
            raise ValueError("charge_id must name the charge that is given back")
        return self


class ResolveBody(Body):
    """The decision, the text that the customer gets, and a refund."""

    decision: Decision = Field(
        description="cancelled: no open fee of the service is owed, and the service ends. upheld: the fee is due. "
        "done: anything else"
    )
    message: MessageText | None = None
    refund: RefundBody | None = None


class RefundOut(BaseModel):
    """An entry of the refund ledger. A principal has a ``second_half``: waiting until ``decide_by``, paid or closed."""

    charge_id: str
    part: RefundPart
    amount_fen: int
    at: ShanghaiTime
    who: str
    second_half: SecondHalf | None = None
    decide_by: ShanghaiTime | None = None


class TicketOut(BaseModel):
    """A ticket with its deadlines. ``number`` is the short number to read out."""

    id: str
    number: str
    kind: TicketKind
    state: TicketState
    msisdn: str
    text: Private = None
    tier: TierWord
    made_at: ShanghaiTime
    warned: bool = Field(description="true if four fifths of the time to a deadline passed without action")
    breached: bool = Field(description="true if a deadline passed without action")
    first_response_due: ShanghaiTime
    first_response_at: ShanghaiTime | None = None
    responded_by: str | None = None
    due: ShanghaiTime
    charge_ids: list[str] = Field(description="the charges that it is about")
    decision: Decision | None = None
    resolved_at: ShanghaiTime | None = None
    resolved_by: str | None = None


class TicketDetailOut(TicketOut):
    """A ticket with its refunds."""

    refunds: list[RefundOut]


class TicketsOut(BaseModel):
    """Tickets, oldest first or earliest deadline first."""

    tickets: list[TicketOut]
    next_cursor: NextCursor


def _fields(found: TicketRead) -> dict[str, object]:
    """Return the fields of a ticket in an answer that are not those of ``Ticket``."""
    return {"msisdn": found.msisdn, "resolved_by": found.ticket.who}


def ticket_out(found: TicketRead) -> TicketOut:
    """Return a ticket for an answer, without its refunds."""
    return answer(TicketOut, found.ticket, **_fields(found))


def refund_out(entry: Refund) -> RefundOut:
    """Return a refund for an answer."""
    return answer(RefundOut, entry, at=entry.made_at, decide_by=entry.decide_by if entry.is_open else None)


def _detail(found: TicketRead) -> TicketDetailOut:
    refunds = list(map(refund_out, found.refunds))
    return answer(TicketDetailOut, found.ticket, **_fields(found), refunds=refunds)


async def _ticket_filter(
    state: TicketState | None = None,
    kind: TicketKind | None = None,
    breached: bool | None = None,  # noqa: FBT001  a query parameter
    warned: bool | None = None,  # noqa: FBT001  a query parameter
    number: Annotated[str | None, Query(pattern="^[A-Za-z0-9]{8}$", description="the short number of a ticket")] = None,
) -> TicketFilter:
    return TicketFilter(state, kind, breached, warned, number and number.upper())


TicketFilterIn = Annotated[TicketFilter, Depends(_ticket_filter)]
TicketSortIn = Annotated[TicketSort | None, Query(description="earliest deadline first; default: oldest first")]


async def _ticket_pages(
    part: Annotated[PageRequest, Depends(timed_paging(SortOrder.ASC, rf"^([0-9]{{1,18}}\.)?{PATTERN}$"))],
    sort: TicketSortIn = None,
) -> PageRequest:
    if part.after is not None and ("." in part.after) != (sort is not None):
        raise ProblemError(
            Code.INVALID_CURSOR, "cursor: this is not one of a list in this order; leave it away to begin anew."
        )
    return part


@router.get("", summary="Tickets, oldest first or by deadline", response_model_exclude_none=True)
async def list_tickets(
    access: Annotated[RowAccess, Depends(Sees("tickets", Scope.READ, Scope.CARE))],
    management: ManagementIn,
    wanted: TicketFilterIn,
    part: Annotated[PageRequest, Depends(_ticket_pages)],
    sort: TicketSortIn = None,
) -> TicketsOut:
    """Tickets of present customers, with scope ``admin`` also of former ones.

    Texts and whole numbers are shown only with a reason. ``state=open&sort=deadline`` lists what staff should work on
    next. A search by ``number`` counts as an access to one customer.
    """
    if wanted.number:
        access.require_reason()
    page = await management.tickets.page(wanted, None, replace(part, former=access.former), sort)
    shown = (
        [await access.row(item, ticket_out) for item in page.items]
        if wanted.number
        else await access.rows(page.items, ticket_out)
    )
    return TicketsOut(tickets=shown, next_cursor=end_of(page))


@router.post("", status_code=201, summary="Record a complaint", response_model_exclude_none=True)
async def create_ticket(
    given: ComplaintBody, access: Annotated[RowAccess, Depends(Sees("complaint", Scope.CARE))], management: ManagementIn
) -> TicketDetailOut:
    """Opens the same ticket as ``TS``. The customer gets its number and deadlines by SMS."""
    await access.record(given.msisdn)
    complaint = AgentComplaint(actors.agent(access.who), given.text, given.charge_id)
    return await access.row(await management.tickets.open_for(given.msisdn, complaint), _detail)


@router.get("/{ticket_id}", summary="One ticket with its refunds", response_model_exclude_none=True)
async def get_ticket(ticket_id: str, access: Reader, management: ManagementIn) -> TicketDetailOut:
    """The ticket's present state. The access is recorded."""
    return await access.row(await management.tickets.one(ticket_id, former=access.former), _detail)


async def _decide(
    access: RowAccess, tickets: Tickets, ticket_id: str, decision: Call[TicketWithRefunds]
) -> TicketDetailOut:
    """Record the access with its reason, then carry out the decision."""
    found = await tickets.one(ticket_id, former=False)
    await access.record(found.msisdn, found.tenure)
    return await access.row(await tickets.decide(found.msisdn, decision), _detail)


@router.post(
    "/{ticket_id}/first-response", summary="Send the first response to a customer", response_model_exclude_none=True
)
async def send_first_response(
    ticket_id: str,
    given: FirstResponseBody,
    access: Annotated[RowAccess, Depends(Sees("first-response", Scope.CARE))],
    management: ManagementIn,
) -> TicketDetailOut:
    """The message goes to the customer by SMS, between 07:00 and 22:00 Asia/Shanghai."""
    return await _decide(
        access, management.tickets, ticket_id, RespondFirst(actors.agent(access.who), ticket_id, given.message)
    )


@router.post("/{ticket_id}/resolve", summary="Decide a ticket", response_model_exclude_none=True)
async def resolve_ticket(
    ticket_id: str,
    given: ResolveBody,
    access: Annotated[RowAccess, Depends(Sees("resolve", Scope.CARE))],
    management: ManagementIn,
) -> TicketDetailOut:
    """The decision is final. The customer is notified by SMS.

    422 for the refund of a fee that was not taken, 409 for one that was refunded before. ``policy: none`` or ``upheld``
    closes a waiting second half.
    """
    refund = RefundRequest(given.refund.policy, given.refund.charge_id) if given.refund else None
    decision = Resolve(actors.agent(access.who), ticket_id, given.decision, given.message, refund)
    return await _decide(access, management.tickets, ticket_id, decision)


@router.post(
    "/{ticket_id}/refund/confirm", summary="Pay the second half of a principal", response_model_exclude_none=True
)
async def confirm_refund(
    ticket_id: str, access: Annotated[RowAccess, Depends(Sees("refund", Scope.CARE))], management: ManagementIn
) -> TicketDetailOut:
    """Confirms that it was the operator's error. Without a decision it is paid after 3 days, too."""
    return await _decide(
        access, management.tickets, ticket_id, DecideRefund(actors.agent(access.who), ticket_id, confirmed=True)
    )


@router.post(
    "/{ticket_id}/refund/close", summary="Close a principal without its second half", response_model_exclude_none=True
)
async def close_refund(
    ticket_id: str, access: Annotated[RowAccess, Depends(Sees("refund", Scope.CARE))], management: ManagementIn
) -> TicketDetailOut:
    """The customer keeps the principal."""
    return await _decide(
        access, management.tickets, ticket_id, DecideRefund(actors.agent(access.who), ticket_id, confirmed=False)
    )
