"""Tickets, refunds and spam reports in the management API, and the decisions of staff (http-api.md, management API)."""

from enum import StrEnum
from functools import partial

from sqlalchemy import Connection

from app.commands.ticketing import TicketWithRefunds
from app.commands.tickets.complaints import AgentComplaint
from app.db import records, spam
from app.db.record_tables import OwnedRecord
from app.db.session import Database
from app.db.spam import SpamCount
from app.db.types import to_micros
from app.domain.refunds import Refund
from app.domain.refusals import RefusalReason
from app.domain.tickets import Ticket, TicketKind, TicketState
from app.domain.turn import Call
from app.domain.values import value
from app.services.management.owners import OwnerFilter, RecordFilter, page_of, record_id
from app.services.paging import Page, PageRequest, Part
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns

__all__ = ["RefundRead", "SpamCount", "TicketFilter", "TicketRead", "TicketSort", "Tickets"]

_MAX_REFUNDS = 100


class TicketSort(StrEnum):
    """An order of tickets other than oldest first; ``deadline``: by the earliest deadline that is still to be met."""

    DEADLINE = "deadline"


@value
class TicketFilter(RecordFilter):
    """Which tickets a list contains; None matches every value.

    ``number`` is the ticket's short number; ``breached`` means that a deadline passed,
    ``warned`` that four fifths of it did.
    """

    state: TicketState | None = None
    kind: TicketKind | None = None
    breached: bool | None = None
    warned: bool | None = None
    number: str | None = None


@value
class TicketRead:
    """A ticket with its owner and its refunds."""

    msisdn: str
    tenure: int
    ticket: Ticket
    refunds: tuple[Refund, ...] = ()


@value
class RefundRead:
    """A refund (an entry of the ledger) with its owner."""

    msisdn: str
    tenure: int
    refund: Refund


class Tickets:
    """Reads tickets, refunds and counts of spam reports; carries out decisions of staff."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def page(
        self, wanted: TicketFilter, owner: OwnerFilter | None, part: PageRequest, sort: TicketSort | None = None
    ) -> Page[TicketRead]:
        """Return tickets, without their refunds, oldest first or as ``sort`` says; ``owner`` None: of all customers."""
        by, cursor_of = (records.deadline, _deadline_cursor) if sort else (None, record_id)
        page = await self._database.read(
            partial(page_of, kind=Ticket, wanted=wanted, owner=owner, part=part, by=by, cursor_of=cursor_of)
        )
        return page.map(_ticket_of)

    async def refunds(self, owner: OwnerFilter, part: PageRequest) -> Page[RefundRead]:
        """Return a customer's refunds, by id."""
        page = await self._database.read(partial(page_of, kind=Refund, wanted=RecordFilter(), owner=owner, part=part))
        return page.map(_refund_of)

    async def one(self, ticket_id: str, *, former: bool) -> TicketRead:
        """Return a ticket with its refunds. Raise RefusedError if there is none.

        A former customer's ticket is found only with ``former``.
        """
        return await self._database.read(partial(_one, ticket_id=ticket_id, former=former))

    async def open_for(self, msisdn: str, complaint: AgentComplaint) -> TicketRead:
        """Open a ticket for a complaint that an agent recorded.

        Raise RefusedError for a number without a subscriber or an unknown charge.
        """
        return _read(msisdn, await self._turns.carry_out(msisdn, complaint))

    async def decide(self, msisdn: str, decision: Call[TicketWithRefunds]) -> TicketRead:
        """Carry out a decision on a ticket of ``msisdn`` and return the ticket. Raise RefusedError if that fails."""
        return _read(msisdn, await self._turns.carry_out(msisdn, decision))

    async def spam_counts(self, number: str | None, part: PageRequest) -> Page[SpamCount]:
        """Return how often each number was reported as a sender of spam, or only ``number``."""
        found = await self._database.read(lambda connection: spam.counts(connection, number, part.one_more()))
        return Page.of(found, part.limit, lambda item: item.id)


def _read(msisdn: str, found: TicketWithRefunds) -> TicketRead:
    return TicketRead(msisdn, found.tenure, found.ticket, found.refunds)


def _ticket_of(found: OwnedRecord) -> TicketRead:
    if not isinstance(found.record, Ticket):
        raise TypeError("not a ticket")
    return TicketRead(found.msisdn, found.tenure, found.record)


def _refund_of(found: OwnedRecord) -> RefundRead:
    if not isinstance(found.record, Refund):
        raise TypeError("not a refund")
    return RefundRead(found.msisdn, found.tenure, found.record)


def _deadline_cursor(found: OwnedRecord) -> str:
    ticket = _ticket_of(found).ticket
    return f"{to_micros(ticket.deadline)}.{ticket.id}"


def _one(connection: Connection, *, ticket_id: str, former: bool) -> TicketRead:
    found = records.find(connection, Ticket, ticket_id, former=former)
    if found is None or not isinstance(found.record, Ticket):
        raise RefusedError(RefusalReason.UNKNOWN, "There is no ticket with this id.")
    paid = records.page(connection, Refund, {"ticket_id": ticket_id}, Part(_MAX_REFUNDS))
    refunds = tuple(item.record for item in paid if isinstance(item.record, Refund))
    return TicketRead(found.msisdn, found.tenure, found.record, refunds)
