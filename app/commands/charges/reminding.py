"""Fee reminders: sent from 10086901, tried again until the network takes one, given up after 72 hours.

flows.md 7; safety.md 12.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from app.commands.charges.matching import what
from app.commands.charges.settling import (
    DUE_TIMER,
    REMINDER_TIMER,
    UNREACHED,
    UNREACHED_TIMER,
    evidence_of,
    question_of,
    settled,
)
from app.commands.registry import on_outcome, timer
from app.commands.replies import say, shown
from app.commands.ticketing import open_ticket
from app.domain import charges
from app.domain.charges import AFTER, Charge, ChargeKind, ChargeState, window_end
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import fees as texts
from app.domain.tickets import TicketKind
from app.domain.turn import DeliveryOutcome, MessageOutcome, Outcome, TimerDropped, TimerDue, TimerSet, Turn, joined
from app.domain.values import replace, value

# After a refusal it is tried again so much later, by day.
_AGAIN = timedelta(hours=1)
# For so long at least a reminder can be handed over and be true: the first, and one that comes after others.
_TO_HAND_OVER, _TO_HAND_OVER_LATE = timedelta(minutes=5), timedelta(minutes=30)


@value
class DisputingCharge(QuestionState):
    """A fee of which she was told, and the code that doubts it."""

    kind: ClassVar[str] = "doubting-fee"
    must_reach: ClassVar[bool] = True
    charge_id: str
    code: str

    @property
    def answer_code(self) -> str | None:
        """The code of the fee."""
        return self.code


def expected_at(turn: Turn, charge: Charge) -> datetime:
    """When a reminder that is made now can reach her: in the morning, unless it may go at any hour (flows.md 15)."""
    morning = turn.policy.quiet_hours.release(turn.now)
    return turn.now if charge.any_hour or turn.now < charge.asked_due_at < morning else morning


def not_before_window(turn: Turn, charge: Charge) -> datetime:
    """When it may fall due: not before the window of a reminder that is made now is over, also if it comes late."""
    latest = expected_at(turn, charge) + (_TO_HAND_OVER_LATE if charge.tries else _TO_HAND_OVER)
    return max(charge.due_at, _window_end(turn, latest) + AFTER)


def _valid_until(turn: Turn, charge: Charge, at: datetime) -> datetime:
    """Until when a reminder for a moment may be handed over: what it says of the day of its fee is true until then.

    What the day did not bring waits for the next one, unless it may go at any hour.
    """
    quiet = turn.policy.quiet_hours
    latest = charge.due_at - AFTER - turn.policy.fee_window
    if _window_end(turn, latest) >= charge.due_at:
        # A window that begins in the night before is not over then.
        latest = quiet.nightfall(latest - timedelta(days=1))
    by_day = quiet.release(at) == at
    return min(latest, quiet.nightfall(at)) if by_day and not charge.any_hour else latest


def _window_end(turn: Turn, handed_over_at: datetime) -> datetime:
    return window_end(handed_over_at, turn.policy.fee_window, turn.policy.quiet_hours)


def remind(turn: Turn, announced: Charge) -> Outcome:
    """Send a reminder, with a question of its own; its window begins when the network has taken it."""
    question_id, at = next(turn.ids), expected_at(turn, announced)
    due_at = not_before_window(turn, announced)
    charge = replace(announced, tries=announced.tries + 1, question_id=question_id, due_at=due_at)
    reply = say(
        turn,
        _text(turn, charge, at),
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
    before = question_of(turn, announced)
    replaced = (before.closed(turn.now, ClosedAs.REPLACED),) if before else ()
    return Outcome(
        replies=(reply,),
        records=(charge,),
        questions=(*replaced, question),
        timers=(TimerSet(UNREACHED_TIMER, charge.id, charge.made_at + charges.UNREACHED),),
        superseded=(announced.about,) if before else (),
        verdict="reminding",
    )


def _text(turn: Turn, charge: Charge, at: datetime) -> str:
    language = turn.account.language
    return texts.reminder(
        language,
        what(turn, charge),
        per_use=charge.kind is ChargeKind.PER_USE,
        due=charge.due_at,
        window=texts.window(language, at, _window_end(turn, at), turn.policy.fee_window),
        code=charge.code or "",
        free=turn.carrier.free_mo,
    )


@on_outcome("charge")
def hear_of_reminder(turn: Turn) -> Outcome:
    """The network took a reminder, or would not have it."""
    news = MessageOutcome.of(turn.stimulus_as(TimerDue))
    charge = next((item for item in turn.account.records_of(Charge) if item.about == news.about), None)
    if charge is None or charge.state is not ChargeState.ANNOUNCED:
        return Outcome(verdict="noted")
    if news.what is DeliveryOutcome.TAKEN:
        return reminded(turn, charge) or Outcome(verdict="waiting for the rest of it")
    again = turn.policy.quiet_hours.release(turn.now if _time_is_over(turn, charge) else turn.now + _AGAIN)
    return Outcome(timers=(TimerSet(REMINDER_TIMER, charge.id, again),), verdict="to be tried again")


def _time_is_over(turn: Turn, charge: Charge) -> bool:
    """Whether it failed as it would not have been true any more, and not because the network refused it."""
    question = question_of(turn, charge)
    if question is None:
        return False
    return turn.now >= _valid_until(turn, charge, turn.policy.quiet_hours.release(question.asked_at))


def reminded(turn: Turn, charge: Charge) -> Outcome | None:
    """The window opens with the hand-over of the whole reminder; None as long as the network has not taken it."""
    question = question_of(turn, charge)
    if question is None or question.handed_over_at is None or charge.state is not ChargeState.ANNOUNCED:
        return None
    after = charge.reminded(question.handed_over_at, _window_end(turn, question.handed_over_at))
    return joined(
        windows_run(turn, [(charge, after)]),
        Outcome(
            dropped_timers=(TimerDropped(REMINDER_TIMER, charge.id), TimerDropped(UNREACHED_TIMER, charge.id)),
            evidence=(evidence_of("fee-reminded", charge, after, asked=question.asked_text),),
            verdict="reminded",
        ),
    )


def windows_run(turn: Turn, moved: Iterable[tuple[Charge, Charge]]) -> Outcome:
    """Fees whose windows run until another moment, with their questions and when they fall due."""
    pairs = [(question_of(turn, before), after) for before, after in moved]
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


@timer(REMINDER_TIMER)
def remind_again(turn: Turn) -> Outcome:
    """The reminder before this one was not taken."""
    charge = turn.account.record(Charge, turn.stimulus_as(TimerDue).subject)
    if charge is None or charge.state is not ChargeState.ANNOUNCED:
        return Outcome(verdict="nothing to remind of")
    return remind(turn, charge)


@timer(UNREACHED_TIMER)
def give_up(turn: Turn) -> Outcome:
    """Nobody could remind her for 72 hours: nothing is taken, and staff are told (safety.md 12)."""
    charge = turn.account.record(Charge, turn.stimulus_as(TimerDue).subject)
    if charge is None or charge.state is not ChargeState.ANNOUNCED:
        return Outcome(verdict="reached")
    waived = settled(turn, charge, ChargeState.WAIVED, UNREACHED, who="timer")
    text = texts.UNREACHED.say(turn.account.language, what=what(turn, charge))
    ticket = open_ticket(turn, TicketKind.UNREACHED, text, who="timer", charge_ids=(charge.id,))
    return joined(waived, ticket.outcome)
