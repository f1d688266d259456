"""Tickets' deadlines: a warning at 80 %, a breach after (flows.md 12), and then the customer is in the right.

One timer a ticket, set anew for what comes next.
"""

from datetime import timedelta

from app.commands.charges import refunding
from app.commands.registry import timer
from app.commands.ticketing import DEADLINE_TIMER, charges_of, watching
from app.commands.tickets import charge_decisions
from app.domain.charges import AFTER, Charge
from app.domain.evidence import EvidenceDraft
from app.domain.texts import refunds as texts
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Outcome, TimerDue, TimerSet, Turn, joined

# How often a fee that a breached complaint is about, and that may still be taken, is looked at.
_AGAIN = timedelta(hours=1)


@timer(DEADLINE_TIMER)
def watch(turn: Turn) -> Outcome:
    """A deadline, or the warning of one, has come."""
    ticket = turn.account.record(Ticket, turn.stimulus_as(TimerDue).subject)
    if ticket is None or not ticket.is_open:
        return Outcome(verdict="nothing to watch")
    seen = ticket.watched(turn.at)
    noted = Outcome(records=(seen,), timers=watching(seen, turn.at), verdict="ticket watched")
    if seen.breached and not ticket.breached:
        payload = {"who": "timer", "number": seen.number, "due": seen.due.isoformat()}
        noted = joined(noted, Outcome(evidence=(EvidenceDraft("ticket-breached", seen.id, payload),)))
    if seen.due > turn.at:
        return noted
    return joined(noted, _in_her_favour(turn, seen))


def _in_her_favour(turn: Turn, ticket: Ticket) -> Outcome:
    """Nobody decided in time."""
    match ticket.kind:
        case TicketKind.COMPLAINT:
            return _principal_at_once(turn, ticket)
        case TicketKind.FEE_DISPUTE:
            return _not_taken(turn, ticket)
        case _:
            return Outcome()


def _not_taken(turn: Turn, ticket: Ticket) -> Outcome:
    """The fee in doubt is waived (flows.md 7)."""
    return _lapsed(turn, [charge for charge in charges_of(turn, ticket) if charge.is_open])


def _lapsed(turn: Turn, charges: list[Charge]) -> Outcome:
    given_up = [charge_decisions.lapse(turn, charge, who="timer") for charge in charges]
    if not given_up:
        return Outcome()
    sentences = [sentence for decided in given_up for sentence in decided.sentences]
    waived = [decided.outcome for decided in given_up]
    return joined(refunding.told(turn, *sentences), *waived)


def _principal_at_once(turn: Turn, ticket: Ticket) -> Outcome:
    """The fees that she complained of go back; one that is not taken yet does so as soon as it is (safety.md 14)."""
    about = charges_of(turn, ticket)
    # A use of which nobody told her could be doubted by this complaint only, so it was not taken yet.
    untold = [charge for charge in about if charge.is_open and charge.reminded_with is not None]
    charges = [charge for charge in about if charge not in untold]
    due = [charge for charge in charges if refunding.can_be_given_back(turn, charge)]
    why = "the complaint was not decided in time"
    given = [refunding.give_back_principal(turn, charge, who="timer", why=why, ticket_id=ticket.id) for charge in due]
    taken_at = [charge.due_at + AFTER for charge in charges if charge.is_open]
    later = [moment if moment > turn.at else turn.at + _AGAIN for moment in taken_at]
    again = Outcome(timers=tuple(TimerSet(DEADLINE_TIMER, ticket.id, moment) for moment in sorted(later)[:1]))
    again = joined(again, _lapsed(turn, untold))
    if not given:
        return again
    sentences = [refunding.said(turn, texts.PRINCIPAL, charge) for charge in due]
    return joined(again, *given, _told_of_delay(turn, ticket, *sentences))


def _told_of_delay(turn: Turn, ticket: Ticket, *sentences: str) -> Outcome:
    return refunding.told(turn, texts.NOT_DECIDED.say(turn.account.language, number=ticket.number), *sentences)
