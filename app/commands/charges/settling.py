"""Settle charges: take, waive or cancel them, with evidence and an event for billing (flows.md 7, 14)."""

from datetime import datetime, timedelta

from app.commands.charges.monthly_rules import first_due, violations
from app.commands.registry import timer
from app.domain import actors, sp_events
from app.domain.charges import JUST_AFTER, Charge, ChargeKind, ChargeState
from app.domain.dialogue import ClosedAs, Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.merging import merge_outcomes
from app.domain.orders import Order
from app.domain.subscriptions import Subscription
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Outcome, TimerDropped, TimerDue, TimerSet, Turn

DUE_TIMER = "fee-due"
REMINDER_TIMER = "fee-reminder"
UNREACHED_TIMER = "fee-unreached"
# When to check again whether a due charge can be taken.
_RECHECK_DELAY = timedelta(hours=1)
UNREACHED = "unreached"
_SUSPENDED = "suspended"


def settle(turn: Turn, charge: Charge, to: ChargeState, reason: str, who: str) -> Outcome:
    """Move a charge to its final state, with timers, evidence and event; the caller tells the subscriber.

    Raise ValueError if the charge cannot move to ``to``.
    """
    after = charge.moved(to, turn.at, reason)
    drops = (DUE_TIMER, REMINDER_TIMER, UNREACHED_TIMER)
    return Outcome(
        records=(after,),
        questions=_closed_questions(turn, charge, to),
        timers=timers_of_waiting_charges(turn, charge),
        dropped_timers=tuple(TimerDropped(kind, charge.id) for kind in drops),
        evidence=(evidence_of(f"fee-{to}", charge, after, who=who, reason=reason),),
        events=(sp_events.charge_settled(turn.account.msisdn, after, turn.at),),
        superseded=(charge.about,) if charge.question_id and charge.state is ChargeState.ANNOUNCED else (),
        verdict=f"fee {to}",
    )


def evidence_of(kind: str, before: Charge | None, after: Charge, **facts: Fact) -> EvidenceDraft:
    """Return the evidence of a change of a charge; ``before`` is None for a new one."""
    return EvidenceDraft(kind, after.id, {
        **facts, "service_code": after.service_code, "amount_fen": after.amount_fen, "period": after.period,
        "kind": after.kind.value, "before": before.state.value if before else None, "after": after.state.value,
        "due_at": after.due_at.isoformat(),
    })  # fmt: skip


def end_with_tenure(turn: Turn, who: str) -> Outcome:
    """Cancel all open charges of a closed number and tell billing (safety.md 1)."""
    open_charges = [charge for charge in turn.account.records_of(Charge) if charge.is_open]
    pairs = [(charge, charge.when_tenure_ends(turn.at)) for charge in open_charges]
    return Outcome(
        records=tuple(after for _, after in pairs),
        evidence=tuple(
            evidence_of("fee-cancelled", before, after, who=who, reason=after.reason) for before, after in pairs
        ),
        events=tuple(sp_events.charge_settled(turn.account.msisdn, after, turn.at) for _, after in pairs),
    )


def charges_of_month(turn: Turn, service_code: str, period: str) -> list[Charge]:
    """Return the monthly charges above 0 fen of a service and month (``2026-03``), across all subscriptions."""
    charges = (
        charge for charge in turn.account.records_of(Charge) if charge.kind is ChargeKind.MONTHLY and charge.amount_fen
    )
    return [charge for charge in charges if (charge.service_code, charge.period) == (service_code, period)]


def open_question_of(turn: Turn, charge: Charge) -> Question | None:
    """Return the question of the newest reminder, or None if it is closed."""
    question = turn.account.questions.get(charge.question_id or "")
    return question if question is not None and question.closed_at is None else None


def _closed_questions(turn: Turn, charge: Charge, to: ChargeState) -> tuple[Question, ...]:
    """Close the question of a charge that is given up; one that is taken keeps it for late disputes."""
    question = open_question_of(turn, charge)
    if question is None or to is ChargeState.CHARGED:
        return ()
    how = ClosedAs.WITHDRAWN if charge.state is ChargeState.ANNOUNCED else ClosedAs.ANSWERED
    return (question.closed(turn.now, how),)


def timers_of_waiting_charges(turn: Turn, charge: Charge) -> tuple[TimerSet, ...]:
    """Return timers to check the charges that a disputed one of the same service kept from being taken.

    There are none unless ``charge`` is disputed so far.
    """
    if charge.state is not ChargeState.DISPUTED:
        return ()
    others = [item for item in turn.account.records_of(Charge) if item.is_open and item.id != charge.id]
    return tuple(
        TimerSet(DUE_TIMER, item.id, max(turn.now, item.due_at))
        for item in others
        if item.service_code == charge.service_code and (item.needs_no_reminder or item.state is ChargeState.REMINDED)
    )


# ---- when a charge falls due


def _is_not_owed_in_suspension(charge: Charge) -> bool:
    """Return True for an open monthly charge; a disputed one waits for its decision instead."""
    return charge.is_open and charge.kind is ChargeKind.MONTHLY and charge.state is not ChargeState.DISPUTED


def cancel_charges_due_in_suspension(turn: Turn, who: str) -> Outcome:
    """Cancel charges that fell due during a suspension that ends now, even if their timers are late (safety.md 2)."""
    charges = [
        charge
        for charge in turn.account.records_of(Charge)
        if _is_not_owed_in_suspension(charge) and charge.due_at <= turn.at
    ]
    return merge_outcomes(
        Outcome(), *(settle(turn, charge, ChargeState.CANCELLED, _SUSPENDED, who) for charge in charges)
    )


@timer(DUE_TIMER, reads=(Charge, Order, Ticket))
def take_due_charge(turn: Turn) -> Outcome:
    """Take a due charge; give it up or try again later where a rule forbids it (flows.md 7; safety.md 12)."""
    charge = turn.account.record(Charge, turn.stimulus_as(TimerDue).subject)
    if charge is None or not charge.is_open:
        return Outcome(verdict="settled before")
    why = reason_to_give_up(turn, charge)
    if why is not None:
        return settle(turn, charge, *why, who=actors.TIMER)
    if not (charge.needs_no_reminder or charge.state is ChargeState.REMINDED) or _service_is_disputed(turn, charge):
        return Outcome(verdict="not taken yet")
    later = _next_attempt(turn, charge)
    if later is not None:
        return Outcome(timers=(TimerSet(DUE_TIMER, charge.id, later),), verdict="not taken yet")
    return settle(turn, charge, ChargeState.CHARGED, "due", who=actors.TIMER)


def reason_to_give_up(turn: Turn, charge: Charge) -> tuple[ChargeState, str] | None:
    """Return the final state and reason of a charge that must not be taken as things stand now; None if it may be."""
    reason = _reason_to_waive(turn, charge)
    if reason is not None:
        return ChargeState.WAIVED, reason
    if turn.account.is_suspended and _is_not_owed_in_suspension(charge):
        return ChargeState.CANCELLED, _SUSPENDED
    covering = _covering_charge(turn, charge)
    never_reminded = covering is not None and covering.reminded_at is None and not covering.is_open
    if never_reminded or (charge.state is ChargeState.DISPUTED and charge.reminded_at is None):
        return ChargeState.WAIVED, UNREACHED
    if any(ticket.due < turn.at for ticket in _open_complaints(turn, charge)):
        return ChargeState.WAIVED, "not decided in time"
    return None


def _reason_to_waive(turn: Turn, charge: Charge) -> str | None:
    """Return why a change of the subscription since the announcement makes a charge void; None if nothing does.

    A use keeps the price of its time.
    """
    subscription = turn.account.subscriptions.get(charge.subscription_id or "")
    if subscription is None:
        return None
    if charge.kind is ChargeKind.MONTHLY:
        return next((violation.reason for violation in violations(turn, charge, subscription, charge.due_at)), None)
    if ends_before(subscription, charge.due_at):
        return "the service ended before"
    return "in the plan" if subscription.in_plan and charge.amount_fen else None


def _covering_charge(turn: Turn, charge: Charge) -> Charge | None:
    """Return the charge whose reminder also covers this use, if any."""
    return turn.account.record(Charge, charge.reminded_with) if charge.reminded_with else None


def _open_complaints(turn: Turn, charge: Charge) -> list[Ticket]:
    """Return the open tickets about a use without a reminder of its own: only a complaint disputes it (flows.md 7)."""
    if charge.reminded_with is None:
        return []
    return [ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open and charge.id in ticket.charge_ids]


def ends_before(subscription: Subscription, at: datetime) -> bool:
    """Return True if a subscription ends, or has ended, before ``at`` (UTC)."""
    return subscription.ends_at is not None and subscription.ends_at < at


def _service_is_disputed(turn: Turn, charge: Charge) -> bool:
    charges = turn.account.records_of(Charge)
    return any(item.service_code == charge.service_code and item.state is ChargeState.DISPUTED for item in charges)


def _next_attempt(turn: Turn, charge: Charge) -> datetime | None:
    """Return when to try again (UTC), or None if the charge can be taken now."""
    earliest = max(charge.due_at, _free_period_end(turn, charge))
    if turn.at < earliest:
        return earliest
    if charge.window_is_open(turn.at) and charge.window_ends_at is not None:
        return charge.window_ends_at + JUST_AFTER
    covering = _covering_charge(turn, charge)
    has_dead_letter = any(
        ticket.is_open and ticket.kind is TicketKind.DEAD_LETTER for ticket in turn.account.records_of(Ticket)
    )
    covering_waits = covering is not None and covering.state is ChargeState.ANNOUNCED
    return turn.now + _RECHECK_DELAY if has_dead_letter or covering_waits or _open_complaints(turn, charge) else None


def _free_period_end(turn: Turn, charge: Charge) -> datetime:
    """Return the end of the 72 free hours of a subscription without a confirmation, else ``charge.due_at``.

    An import may have moved the start of such a subscription (safety.md 8, 11).
    """
    subscription = turn.account.subscriptions.get(charge.subscription_id or "")
    is_owed = charge.kind is ChargeKind.MONTHLY and charge.amount_fen > 0
    return first_due(subscription) if subscription and subscription.confirmed_at is None and is_owed else charge.due_at
