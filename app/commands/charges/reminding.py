"""Send charge reminders from 10086901; retry until the network takes one, give up after 72 hours.

(flows.md 7; safety.md 12)
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from app.commands.charges.labels import describe
from app.commands.charges.settling import (
    DUE_TIMER,
    REMINDER_TIMER,
    UNREACHED,
    UNREACHED_TIMER,
    evidence_of,
    open_question_of,
    settle,
)
from app.commands.registry import on_outcome, timer
from app.commands.replies import say, shown
from app.commands.ticketing import open_ticket
from app.domain import actors, charges
from app.domain.charges import JUST_AFTER, Charge, ChargeKind, ChargeState, window_end
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.matters import DeliveryOutcome, MatterKind, MessageOutcome
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import fees as texts
from app.domain.tickets import TicketKind
from app.domain.turn import (
    Outcome,
    TimerDropped,
    TimerDue,
    TimerSet,
    Turn,
)
from app.domain.values import replace, value

# How long after a refusal by the network a reminder is sent again, outside quiet hours.
_RETRY_DELAY = timedelta(hours=1)
# The due date allows this long for handing over a first reminder, and a repeated one.
_HAND_OVER_TIME, _RETRY_HAND_OVER_TIME = timedelta(minutes=5), timedelta(minutes=30)


@value
class DisputingCharge(QuestionState):
    """The question of a reminder: the charge, and the four-digit code that disputes it."""

    kind: ClassVar[str] = "doubting-fee"
    must_reach: ClassVar[bool] = True
    charge_id: str
    code: str

    @property
    def answer_code(self) -> str | None:
        """The code that disputes the charge."""
        return self.code


def reminder_expected_at(turn: Turn, charge: Charge) -> datetime:
    """Return when a reminder made now is sent (UTC): after quiet hours unless it may go at any hour (flows.md 15)."""
    morning = turn.policy.quiet_hours.release(turn.now)
    return turn.now if charge.any_hour or turn.now < charge.asked_due_at < morning else morning


def earliest_due_at(turn: Turn, charge: Charge) -> datetime:
    """Return the due time (UTC), after the dispute window of a reminder made now, with time for a late hand-over."""
    latest = reminder_expected_at(turn, charge) + (_RETRY_HAND_OVER_TIME if charge.tries else _HAND_OVER_TIME)
    return max(charge.due_at, _window_end(turn, latest) + JUST_AFTER)


def _valid_until(turn: Turn, charge: Charge, at: datetime) -> datetime:
    """Return until when (UTC) a reminder sent at ``at`` may be handed over, as the due date in its text holds.

    One sent by day expires at nightfall at the latest, to be made anew in the morning, unless it may go at any hour.
    """
    quiet = turn.policy.quiet_hours
    latest = charge.due_at - JUST_AFTER - turn.policy.fee_window
    if _window_end(turn, latest) >= charge.due_at:
        # A window that begins at night would end after the due date, so the hand-over must come before nightfall.
        latest = quiet.next_start(latest - timedelta(days=1))
    by_day = quiet.release(at) == at
    return min(latest, quiet.next_start(at)) if by_day and not charge.any_hour else latest


def _window_end(turn: Turn, handed_over_at: datetime) -> datetime:
    return window_end(handed_over_at, turn.policy.fee_window, turn.policy.quiet_hours)


def remind(turn: Turn, announced: Charge) -> Outcome:
    """Send a reminder with a new question; the dispute window opens when the network takes it."""
    question_id, at = next(turn.ids), reminder_expected_at(turn, announced)
    due_at = earliest_due_at(turn, announced)
    charge = replace(announced, tries=announced.tries + 1, question_id=question_id, due_at=due_at)
    reply = say(
        turn,
        _reminder_text(turn, charge, at),
        extension=Extension.FEES,
        kind=MessageClass.NOTICE,
        question_id=question_id,
        about=charge.about,
        notify=True,
        any_hour=at == turn.now,
        valid_until=_valid_until(turn, charge, at),
    )
    question = Question(
        id=question_id,
        state=DisputingCharge(charge.id, charge.code or ""),
        extension=Extension.FEES,
        asked_text=shown(reply),
        asked_at=turn.now,
        expires_at=max(turn.now, charge.made_at + charges.UNREACHED) + turn.policy.fee_window,
    )
    earlier = open_question_of(turn, announced)
    replaced = (earlier.closed(turn.now, ClosedAs.REPLACED),) if earlier else ()
    return Outcome(
        replies=(reply,),
        records=(charge,),
        questions=(*replaced, question),
        timers=(TimerSet(UNREACHED_TIMER, charge.id, charge.made_at + charges.UNREACHED),),
        superseded=(announced.about,) if earlier else (),
        verdict="reminding",
    )


def _reminder_text(turn: Turn, charge: Charge, at: datetime) -> str:
    language = turn.account.language
    return texts.reminder(
        language,
        describe(turn, charge),
        per_use=charge.kind is ChargeKind.PER_USE,
        due=charge.due_at,
        window=texts.window(language, at, _window_end(turn, at), turn.policy.fee_window),
        code=charge.code or "",
        free=turn.provider.free_mo,
    )


@on_outcome(MatterKind.CHARGE, reads=(Charge,))
def record_reminder_outcome(turn: Turn) -> Outcome:
    """Open the dispute window if the network took the whole reminder; schedule another one if it did not."""
    delivery = MessageOutcome.parse(turn.stimulus_as(TimerDue).data)
    charge = next((item for item in turn.account.records_of(Charge) if item.about == delivery.about), None)
    if charge is None or charge.state is not ChargeState.ANNOUNCED:
        return Outcome(verdict="noted")
    if delivery.what is DeliveryOutcome.TAKEN:
        return open_window(turn, charge) or Outcome(verdict="waiting for the rest of it")
    retry_at = turn.policy.quiet_hours.release(turn.now if _has_expired(turn, charge) else turn.now + _RETRY_DELAY)
    return Outcome(timers=(TimerSet(REMINDER_TIMER, charge.id, retry_at),), verdict="to be tried again")


def _has_expired(turn: Turn, charge: Charge) -> bool:
    """Return True if the reminder failed because its validity ended, not because the network refused it."""
    question = open_question_of(turn, charge)
    if question is None:
        return False
    return turn.now >= _valid_until(turn, charge, turn.policy.quiet_hours.release(question.asked_at))


def open_window(turn: Turn, charge: Charge) -> Outcome | None:
    """Open the dispute window at the hand-over of the whole reminder; return None if that is still to come."""
    question = open_question_of(turn, charge)
    if question is None or question.handed_over_at is None or charge.state is not ChargeState.ANNOUNCED:
        return None
    after = charge.reminded(question.handed_over_at, _window_end(turn, question.handed_over_at))
    return merge_outcomes(
        move_windows(turn, [(charge, after)]),
        Outcome(
            dropped_timers=(TimerDropped(REMINDER_TIMER, charge.id), TimerDropped(UNREACHED_TIMER, charge.id)),
            evidence=(evidence_of("fee-reminded", charge, after, asked=question.asked_text),),
            verdict="reminded",
        ),
    )


def move_windows(turn: Turn, moved: Iterable[tuple[Charge, Charge]]) -> Outcome:
    """Record charges with moved windows, given as pairs before and after, with their questions and due timers."""
    pairs = [(open_question_of(turn, before), after) for before, after in moved]
    return Outcome(
        records=tuple(after for _, after in pairs),
        questions=tuple(
            replace(question, expires_at=after.window_ends_at)
            for question, after in pairs
            if question and after.window_ends_at
        ),
        timers=tuple(TimerSet(DUE_TIMER, after.id, after.due_at) for _, after in pairs),
        verdict="reminded",
    )


@timer(REMINDER_TIMER, reads=(Charge,))
def remind_again(turn: Turn) -> Outcome:
    """Send a reminder again after the network took none."""
    charge = turn.account.record(Charge, turn.stimulus_as(TimerDue).subject)
    if charge is None or charge.state is not ChargeState.ANNOUNCED:
        return Outcome(verdict="nothing to remind of")
    return remind(turn, charge)


@timer(UNREACHED_TIMER, reads=(Charge,))
def waive_unreached(turn: Turn) -> Outcome:
    """Waive a charge whose reminder the network did not take for 72 hours, and open a ticket (safety.md 12)."""
    charge = turn.account.record(Charge, turn.stimulus_as(TimerDue).subject)
    if charge is None or charge.state is not ChargeState.ANNOUNCED:
        return Outcome(verdict="reached")
    waived = settle(turn, charge, ChargeState.WAIVED, UNREACHED, who=actors.TIMER)
    text = texts.UNREACHED.say(turn.account.language, what=describe(turn, charge))
    ticket = open_ticket(turn, TicketKind.UNREACHED, text, who=actors.TIMER, charge_ids=(charge.id,))
    return merge_outcomes(waived, ticket.outcome)
