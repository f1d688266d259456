"""Tickets, refunds and spam reports as staff see them, and what staff decide (http-api.md)."""

from enum import StrEnum
from functools import partial

from sqlalchemy import Connection

from app.commands.tickets.complaints import AgentComplaint
from app.db import records, spam
from app.db.session import Database
from app.db.spam import SpamCount
from app.db.types import to_micros
from app.domain.refunds import Refund
from app.domain.tickets import Ticket, TicketKind, TicketState
from app.domain.turn import Stimulus
from app.domain.values import value
from app.services.management.owners import OwnerFilter, PageRequest, page_of
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns

_MAX_REFUNDS = 100


class TicketSort(StrEnum):
    """In which order, if not the oldest first; ``deadline``: the earliest one that is still to be met."""

    DEADLINE = "deadline"


@value
class TicketFilter:
    """Which tickets, and in which order; a field that is None does not matter."""

    state: TicketState | None = None
    kind: TicketKind | None = None
    breached: bool | None = None
    warned: bool | None = None
    number: str | None = None
    sort: TicketSort | None = None


@value
class TicketRead:
    """A ticket, whose it is, and what was given back with it."""

    msisdn: str
    tenure: int
    ticket: Ticket
    refunds: tuple[Refund, ...] = ()

    def place(self, sort: TicketSort | None) -> str:
        """Where it stands in a list: the cursor of what comes behind it."""
        return f"{to_micros(self.ticket.deadline)}.{self.ticket.id}" if sort else self.ticket.id


@value
class RefundRead:
    """An entry of the ledger, and whose it is."""

    msisdn: str
    tenure: int
    refund: Refund


class Tickets:
    """Reads tickets and carries out what staff do with them."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def page(self, wanted: TicketFilter, owner: OwnerFilter | None, part: PageRequest) -> list[TicketRead]:
        """Tickets of one customer or of all, oldest first, without their refunds."""
        return await self._database.read(partial(_page, wanted=wanted, owner=owner, part=part))

    async def refunds(self, owner: OwnerFilter, part: PageRequest) -> list[RefundRead]:
        """What was given back to a customer, by charge."""
        found = await self._database.read(partial(page_of, kind=Refund, equal={}, owner=owner, part=part))
        return [RefundRead(item.msisdn, item.tenure, item.record) for item in found if isinstance(item.record, Refund)]

    async def one(self, ticket_id: str, *, former: bool) -> TicketRead:
        """One ticket; RefusedError (404) where there is none, or only a former customer's."""
        return await self._database.read(partial(_one, ticket_id=ticket_id, former=former))

    async def open_for(self, msisdn: str, complaint: AgentComplaint) -> TicketRead:
        """A complaint that an agent took down; RefusedError for nobody's number or an unknown charge."""
        outcome = await self._turns.carry_out(msisdn, complaint)
        opened = next(record for record in outcome.records if isinstance(record, Ticket))
        return await self.one(opened.id, former=False)

    async def decide(self, ticket_id: str, decision: Stimulus) -> TicketRead:
        """Carry out what staff decided; the ticket afterwards. RefusedError where it cannot be done."""
        found = await self.one(ticket_id, former=False)
        await self._turns.carry_out(found.msisdn, decision)
        return await self.one(ticket_id, former=False)

    async def spam_counts(self, number: str | None, after: str | None, limit: int) -> list[SpamCount]:
        """How often each number was reported."""
        return await self._database.read(lambda connection: spam.counts(connection, number, after=after, limit=limit))


def _page(
    connection: Connection, *, wanted: TicketFilter, owner: OwnerFilter | None, part: PageRequest
) -> list[TicketRead]:
    names = ("state", "kind", "breached", "warned", "number")
    equal = {name: wanted_value for name in names if (wanted_value := getattr(wanted, name)) is not None}
    by = records.deadline if wanted.sort else None
    found = page_of(connection, kind=Ticket, equal=equal, owner=owner, part=part, by=by)
    return [TicketRead(item.msisdn, item.tenure, item.record) for item in found if isinstance(item.record, Ticket)]


def _one(connection: Connection, *, ticket_id: str, former: bool) -> TicketRead:
    found = records.find(connection, Ticket, ticket_id, former=former)
    if found is None or not isinstance(found.record, Ticket):
        raise RefusedError(404, "There is no ticket with this id.")
    paid = records.page(connection, Refund, {"ticket_id": ticket_id}, after=None, limit=_MAX_REFUNDS)
    refunds = tuple(item.record for item in paid if isinstance(item.record, Refund))
    return TicketRead(found.msisdn, found.tenure, found.record, refunds)
