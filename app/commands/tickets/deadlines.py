"""Watch the deadlines of tickets: warn at 80 %, record a breach, then decide for the subscriber (flows.md 12).

Each ticket has one timer, set again for its next deadline or warning.
"""

from datetime import timedelta

from app.commands.charges import refunding
from app.commands.registry import timer
from app.commands.ticketing import DEADLINE_TIMER, charges_of, deadline_timers
from app.commands.tickets import charge_decisions
from app.domain import actors
from app.domain.charges import JUST_AFTER, Charge
from app.domain.evidence import EvidenceDraft
from app.domain.merging import merge_outcomes
from app.domain.refunds import Refund
from app.domain.texts import refunds as texts
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Outcome, TimerDue, TimerSet, Turn

# How often an overdue charge of a breached complaint is checked until it is settled.
_RECHECK_DELAY = timedelta(hours=1)


@timer(DEADLINE_TIMER, reads=(Charge, Refund, Ticket))
def check_deadline(turn: Turn) -> Outcome:
    """Record a warning or breach that has come, and decide a ticket whose deadline has passed."""
    ticket = turn.account.record(Ticket, turn.stimulus_as(TimerDue).subject)
    if ticket is None or not ticket.is_open:
        return Outcome(verdict="nothing to watch")
    updated = ticket.with_deadlines_checked(turn.at)
    outcome = Outcome(records=(updated,), timers=deadline_timers(updated, turn.at), verdict="ticket watched")
    if updated.breached and not ticket.breached:
        payload = {"who": actors.TIMER, "number": updated.number, "due": updated.due.isoformat()}
        outcome = merge_outcomes(outcome, Outcome(evidence=(EvidenceDraft("ticket-breached", updated.id, payload),)))
    if updated.due > turn.at:
        return outcome
    return merge_outcomes(outcome, _decide_for_subscriber(turn, updated))


def _decide_for_subscriber(turn: Turn, ticket: Ticket) -> Outcome:
    """Decide a ticket for the subscriber, as nobody did in time."""
    match ticket.kind:
        case TicketKind.COMPLAINT:
            return _refund_named_charges(turn, ticket)
        case TicketKind.FEE_DISPUTE:
            return _waive_disputed_charges(turn, ticket)
        case _:
            return Outcome()


def _waive_disputed_charges(turn: Turn, ticket: Ticket) -> Outcome:
    """Waive the disputed charge (flows.md 7)."""
    return _lapse_charges(turn, [charge for charge in charges_of(turn, ticket) if charge.is_open])


def _lapse_charges(turn: Turn, charges: list[Charge]) -> Outcome:
    decisions = [charge_decisions.lapse(turn, charge, who=actors.TIMER) for charge in charges]
    if not decisions:
        return Outcome()
    sentences = [sentence for decided in decisions for sentence in decided.sentences]
    waived = [decided.outcome for decided in decisions]
    return merge_outcomes(refunding.notice(turn, *sentences), *waived)


def _refund_named_charges(turn: Turn, ticket: Ticket) -> Outcome:
    """Refund the charges that a complaint names; check those not taken yet again after they are due (safety.md 14)."""
    named = charges_of(turn, ticket)
    # A use without its own reminder can only be disputed by this complaint, so it was not taken yet.
    unreminded = [charge for charge in named if charge.is_open and charge.reminded_with is not None]
    charges = [charge for charge in named if charge not in unreminded]
    refundable = [charge for charge in charges if refunding.is_refundable(turn, charge)]
    why = "the complaint was not decided in time"
    refunds = [
        refunding.refund_principal(turn, charge, who=actors.TIMER, why=why, ticket_id=ticket.id)
        for charge in refundable
    ]
    taken_at = [charge.due_at + JUST_AFTER for charge in charges if charge.is_open]
    later = [moment if moment > turn.at else turn.at + _RECHECK_DELAY for moment in taken_at]
    again = Outcome(timers=tuple(TimerSet(DEADLINE_TIMER, ticket.id, moment) for moment in sorted(later)[:1]))
    again = merge_outcomes(again, _lapse_charges(turn, unreminded))
    if not refunds:
        return again
    sentences = [refunding.refund_sentence(turn, texts.PRINCIPAL, charge) for charge in refundable]
    return merge_outcomes(again, *refunds, _delay_notice(turn, ticket, *sentences))


def _delay_notice(turn: Turn, ticket: Ticket, *sentences: str) -> Outcome:
    return refunding.notice(turn, texts.NOT_DECIDED.say(turn.account.language, number=ticket.number), *sentences)
