"""Open tickets with their deadlines; commands join this to their own outcome (flows.md 12)."""

from datetime import datetime, timedelta

from app.domain.charges import Charge
from app.domain.evidence import EvidenceDraft
from app.domain.refunds import Refund
from app.domain.tickets import (
    CALL_BACK,
    FIRST_RESPONSE,
    Ticket,
    TicketKind,
    TicketState,
    ticket_number,
    tier_of,
    time_to_decide,
)
from app.domain.turn import Outcome, TimerSet, Turn, apply
from app.domain.values import value

DEADLINE_TIMER = "ticket-deadline"


@value
class OpenedTicket:
    """A new ticket and the outcome of opening it, to be joined with the reply to the subscriber."""

    ticket: Ticket
    outcome: Outcome


@value
class TicketWithRefunds:
    """A ticket with its tenure and its refunds, by their ids."""

    tenure: int
    ticket: Ticket
    refunds: tuple[Refund, ...] = ()


def ticket_after(turn: Turn, ticket: Ticket, outcome: Outcome) -> TicketWithRefunds:
    """Return a ticket as the outcome leaves it."""
    account = apply(turn.account, outcome)
    refunds = [refund for refund in account.records_of(Refund) if refund.ticket_id == ticket.id]
    refunds.sort(key=lambda refund: refund.id)
    return TicketWithRefunds(turn.subscriber.tenure, account.record(Ticket, ticket.id) or ticket, tuple(refunds))


def open_ticket(turn: Turn, kind: TicketKind, text: str, *, who: str, charge_ids: tuple[str, ...] = ()) -> OpenedTicket:
    """Open a ticket for the present subscriber.

    ``text`` is stored masked and escaped, ``who`` is the MO, agent or job that caused it. The deadlines count from
    ``turn.at``. Raise LookupError if the number has no subscriber.
    """
    customer = turn.account.customer
    if customer is None:
        raise LookupError("a ticket needs a customer")
    tier = tier_of(customer)
    first_response, whole = (
        (CALL_BACK, CALL_BACK) if kind is TicketKind.FEE_DISPUTE else (FIRST_RESPONSE, time_to_decide(tier))
    )
    start = _deadlines_start(turn, whole)
    ticket = Ticket(
        id=next(turn.ids),
        made_at=start,
        number=ticket_number(turn.randbelow),
        kind=kind,
        state=TicketState.OPEN,
        text=text,
        tier=tier,
        first_response_due=start + first_response,
        due=start + whole,
        charge_id=charge_ids[0] if charge_ids else None,
        other_charge_ids=charge_ids[1:],
    )
    draft = EvidenceDraft("ticket-opened", ticket.id, {
        "who": who, "number": ticket.number, "kind": kind.value, "text": text, "charges": charge_ids,
        "first_response_due": ticket.first_response_due.isoformat(), "due": ticket.due.isoformat(),
    })  # fmt: skip
    return OpenedTicket(ticket, Outcome(records=(ticket,), timers=deadline_timers(ticket, start), evidence=(draft,)))


def _deadlines_start(turn: Turn, whole: timedelta) -> datetime:
    """Return when the deadlines start (UTC): with the message, or now if they would be over already."""
    return turn.at if turn.at + whole > turn.now else turn.now


def deadline_timers(ticket: Ticket, at: datetime) -> tuple[TimerSet, ...]:
    """Return the timer for the next deadline or warning after ``at`` (UTC), if there is one."""
    following = ticket.next_deadline_check(at)
    return (TimerSet(DEADLINE_TIMER, ticket.id, following),) if following else ()


def charges_of(turn: Turn, ticket: Ticket) -> list[Charge]:
    """Return the charges that a ticket is about, of those that were loaded."""
    found = (turn.account.record(Charge, charge_id) for charge_id in ticket.charge_ids)
    return [charge for charge in found if charge is not None]
