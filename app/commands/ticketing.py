"""Tickets: opening one, with its deadlines, as a part of what a turn causes (flows.md 12)."""

from datetime import datetime, timedelta

from app.domain.charges import Charge
from app.domain.evidence import EvidenceDraft
from app.domain.tickets import (
    CALL_BACK,
    FIRST_RESPONSE,
    Ticket,
    TicketKind,
    TicketState,
    handled_within,
    ticket_number,
    tier_of,
)
from app.domain.turn import Outcome, TimerSet, Turn
from app.domain.values import value

DEADLINE_TIMER = "ticket-deadline"


@value
class Opened:
    """A new ticket, and what opening it causes: to be joined with what the customer is told of it."""

    ticket: Ticket
    outcome: Outcome


def open_ticket(turn: Turn, kind: TicketKind, text: str, *, who: str, charge_ids: tuple[str, ...] = ()) -> Opened:
    """Open a ticket of the present customer; ``text`` is kept masked and escaped, ``who`` is the MO, agent or job.

    The deadlines run from when it happened. LookupError for a number that is nobody's.
    """
    customer = turn.account.customer
    if customer is None:
        raise LookupError("a ticket needs a customer")
    tier = tier_of(customer)
    first, whole = (CALL_BACK, CALL_BACK) if kind is TicketKind.FEE_DISPUTE else (FIRST_RESPONSE, handled_within(tier))
    start = _start(turn, whole)
    ticket = Ticket(
        id=next(turn.ids),
        made_at=start,
        number=ticket_number(turn.randbelow),
        kind=kind,
        state=TicketState.OPEN,
        text=text,
        tier=tier,
        first_response_due=start + first,
        due=start + whole,
        charge_id=charge_ids[0] if charge_ids else None,
        other_charge_ids=charge_ids[1:],
    )
    draft = EvidenceDraft("ticket-opened", ticket.id, {
        "who": who, "number": ticket.number, "kind": kind.value, "text": text, "charges": charge_ids,
        "first_response_due": ticket.first_response_due.isoformat(), "due": ticket.due.isoformat(),
    })  # fmt: skip
    return Opened(ticket, Outcome(records=(ticket,), timers=watching(ticket, start), evidence=(draft,)))


def _start(turn: Turn, whole: timedelta) -> datetime:
    """When her time began; a message that was so long on the way that all of it is over begins it anew."""
    return turn.at if turn.at + whole > turn.now else turn.now


def watching(ticket: Ticket, at: datetime) -> tuple[TimerSet, ...]:
    """The timer for the deadline, or the warning of one, that comes next after ``at``."""
    following = ticket.watch_next(at)
    return (TimerSet(DEADLINE_TIMER, ticket.id, following),) if following else ()


def charges_of(turn: Turn, ticket: Ticket) -> list[Charge]:
    """The fees that a ticket is about."""
    found = (turn.account.record(Charge, charge_id) for charge_id in ticket.charge_ids)
    return [charge for charge in found if charge is not None]
