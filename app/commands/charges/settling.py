"""What becomes of a fee in the end: taken, waived or cancelled, with evidence and billing's event (flows.md 7, 14)."""

from datetime import datetime, timedelta

from app.commands.charges.monthly import first_due, violations
from app.commands.registry import timer
from app.domain.account import Subscription
from app.domain.charges import AFTER, Charge, ChargeKind, ChargeState
from app.domain.dialogue import ClosedAs, Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import EventDraft, Outcome, TimerDropped, TimerDue, TimerSet, Turn, joined

DUE_TIMER = "fee-due"
REMINDER_TIMER = "fee-reminder"
UNREACHED_TIMER = "fee-unreached"
# How soon it is looked again whether a fee that is held back can be taken.
_HELD_BACK = timedelta(hours=1)
UNREACHED = "unreached"
_SUSPENDED = "suspended"


def settled(turn: Turn, charge: Charge, to: ChargeState, reason: str, who: str) -> Outcome:
    """The charge in its final state, and all that follows but a word to the customer."""
    after = charge.moved(to, turn.at, reason)
    drops = (DUE_TIMER, REMINDER_TIMER, UNREACHED_TIMER)
    return Outcome(
        records=(after,),
        questions=_closed(turn, charge, to),
        timers=others_go_on(turn, charge),
        dropped_timers=tuple(TimerDropped(kind, charge.id) for kind in drops),
        evidence=(evidence_of(f"fee-{to}", charge, after, who=who, reason=reason),),
        events=(event_of(turn, after),),
        superseded=(charge.about,) if charge.question_id and charge.state is ChargeState.ANNOUNCED else (),
        verdict=f"fee {to}",
    )


def evidence_of(kind: str, before: Charge | None, after: Charge, **facts: Fact) -> EvidenceDraft:
    """A change of a charge, as the chain keeps it."""
    return EvidenceDraft(kind, after.id, {
        **facts, "service_code": after.service_code, "amount_fen": after.amount_fen, "period": after.period,
        "kind": after.kind.value, "before": before.state.value if before else None, "after": after.state.value,
        "due_at": after.due_at.isoformat(),
    })  # fmt: skip


def event_of(turn: Turn, charge: Charge) -> EventDraft:
    """What billing is told of a charge in its final state."""
    data: dict[str, Fact] = {
        "charge_id": charge.id, "msisdn": turn.account.msisdn, "service_code": charge.service_code,
        "kind": charge.kind.value, "amount_fen": charge.amount_fen, "period": charge.period,
        "state": charge.state.value, "reason": charge.reason, "at": turn.at.isoformat(),
    }  # fmt: skip
    return EventDraft("billing", f"charge.{charge.state}", data)


def end_with_tenure(turn: Turn, who: str) -> Outcome:
    """The number is given up: open fees are cancelled, and billing is told (safety.md 1)."""
    open_fees = [charge for charge in turn.account.records_of(Charge) if charge.is_open]
    pairs = [(charge, charge.when_tenure_ends(turn.at)) for charge in open_fees]
    return Outcome(
        records=tuple(after for _, after in pairs),
        evidence=tuple(
            evidence_of("fee-cancelled", before, after, who=who, reason=after.reason) for before, after in pairs
        ),
        events=tuple(event_of(turn, after) for _, after in pairs),
    )


def charges_of_month(turn: Turn, service_code: str, period: str) -> list[Charge]:
    """Her monthly fees of a service for a month that cost something, whichever subscription they were for."""
    fees = (fee for fee in turn.account.records_of(Charge) if fee.kind is ChargeKind.MONTHLY and fee.amount_fen)
    return [fee for fee in fees if (fee.service_code, fee.period) == (service_code, period)]


def question_of(turn: Turn, charge: Charge) -> Question | None:
    """The question of its newest reminder, if it can still be answered."""
    question = turn.account.questions.get(charge.question_id or "")
    return question if question is not None and question.closed_at is None else None


def _closed(turn: Turn, charge: Charge, to: ChargeState) -> tuple[Question, ...]:
    """Nothing more is asked of a fee that is given up; of one that is taken, a doubt comes late."""
    question = question_of(turn, charge)
    if question is None or to is ChargeState.CHARGED:
        return ()
    how = ClosedAs.WITHDRAWN if charge.state is ChargeState.ANNOUNCED else ClosedAs.ANSWERED
    return (question.closed(turn.now, how),)


def others_go_on(turn: Turn, charge: Charge) -> tuple[TimerSet, ...]:
    """While a fee is disputed no further one of its service is taken: they are looked at again when it is decided."""
    if charge.state is not ChargeState.DISPUTED:
        return ()
    others = [item for item in turn.account.records_of(Charge) if item.is_open and item.id != charge.id]
    return tuple(
        TimerSet(DUE_TIMER, item.id, max(turn.now, item.due_at))
        for item in others
        if item.service_code == charge.service_code and (item.is_silent or item.state is ChargeState.REMINDED)
    )


# ---- when it falls due


def _is_not_owed_in_suspension(charge: Charge) -> bool:
    """One that is in doubt waits for its decision, as nothing is taken before."""
    return charge.is_open and charge.kind is ChargeKind.MONTHLY and charge.state is not ChargeState.DISPUTED


def cancel_charges_due_in_suspension(turn: Turn, who: str) -> Outcome:
    """She is active again: what fell due meanwhile is cancelled, also where its timer is late (safety.md 2)."""
    fees = [fee for fee in turn.account.records_of(Charge) if _is_not_owed_in_suspension(fee) and fee.due_at <= turn.at]
    return joined(Outcome(), *(settled(turn, fee, ChargeState.CANCELLED, _SUSPENDED, who) for fee in fees))


@timer(DUE_TIMER)
def fall_due(turn: Turn) -> Outcome:
    """Take a fee, if it was reminded and nobody doubts it; else give it up or look again (flows.md 7; safety.md 12)."""
    charge = turn.account.record(Charge, turn.stimulus_as(TimerDue).subject)
    if charge is None or not charge.is_open:
        return Outcome(verdict="settled before")
    why = given_up(turn, charge)
    if why is not None:
        return settled(turn, charge, *why, who="timer")
    if not (charge.is_silent or charge.state is ChargeState.REMINDED) or _disputed(turn, charge):
        return Outcome(verdict="not taken yet")
    later = _later(turn, charge)
    if later is not None:
        return Outcome(timers=(TimerSet(DUE_TIMER, charge.id, later),), verdict="not taken yet")
    return settled(turn, charge, ChargeState.CHARGED, "due", who="timer")


def given_up(turn: Turn, charge: Charge) -> tuple[ChargeState, str] | None:
    """Why it is not taken at all, as it is judged now: what she has, her suspension, what she was told."""
    reason = _not_owed(turn, charge)
    if reason is not None:
        return ChargeState.WAIVED, reason
    if turn.account.is_suspended and _is_not_owed_in_suspension(charge):
        return ChargeState.CANCELLED, _SUSPENDED
    told = _told_with(turn, charge)
    never_told = told is not None and told.reminded_at is None and not told.is_open
    if never_told or (charge.state is ChargeState.DISPUTED and charge.reminded_at is None):
        return ChargeState.WAIVED, UNREACHED
    if any(ticket.due < turn.at for ticket in _complaints(turn, charge)):
        return ChargeState.WAIVED, "not decided in time"
    return None


def _not_owed(turn: Turn, charge: Charge) -> str | None:
    """What has changed of her service since it was announced; a use is owed for what it cost at its time."""
    held = turn.account.subscriptions.get(charge.subscription_id or "")
    if held is None:
        return None
    if charge.kind is ChargeKind.MONTHLY:
        return next((violation.reason for violation in violations(turn, charge, held, charge.due_at)), None)
    if ended_before(held, charge.due_at):
        return "the service ended before"
    return "in the plan" if held.in_plan and charge.amount_fen else None


def _told_with(turn: Turn, charge: Charge) -> Charge | None:
    return turn.account.record(Charge, charge.reminded_with) if charge.reminded_with else None


def _complaints(turn: Turn, charge: Charge) -> list[Ticket]:
    """The doubts of a use that nobody was told of: they come by TS (flows.md 7)."""
    if charge.reminded_with is None:
        return []
    return [ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open and charge.id in ticket.charge_ids]


def ended_before(held: Subscription, at: datetime) -> bool:
    """Whether a service has ended, or will have, before that moment."""
    return held.ends_at is not None and held.ends_at < at


def _disputed(turn: Turn, charge: Charge) -> bool:
    fees = turn.account.records_of(Charge)
    return any(item.service_code == charge.service_code and item.state is ChargeState.DISPUTED for item in fees)


def _later(turn: Turn, charge: Charge) -> datetime | None:
    """When to look again, if it cannot be taken now."""
    earliest = max(charge.due_at, _free_until(turn, charge))
    if turn.at < earliest:
        return earliest
    if charge.window_is_open(turn.at) and charge.window_ends_at is not None:
        return charge.window_ends_at + AFTER
    told = _told_with(turn, charge)
    unread = any(ticket.is_open and ticket.kind is TicketKind.DEAD_LETTER for ticket in turn.account.records_of(Ticket))
    waiting = told is not None and told.state is ChargeState.ANNOUNCED
    return turn.now + _HELD_BACK if unread or waiting or _complaints(turn, charge) else None


def _free_until(turn: Turn, charge: Charge) -> datetime:
    """The end of her 72 hours where nobody asked her: an import may have moved her beginning (safety.md 8, 11)."""
    held = turn.account.subscriptions.get(charge.subscription_id or "")
    is_owed = charge.kind is ChargeKind.MONTHLY and charge.amount_fen > 0
    return first_due(held) if held and held.confirmed_at is None and is_owed else charge.due_at
