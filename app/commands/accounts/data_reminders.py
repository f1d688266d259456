"""Data alerts on (KTYLTX) and off (QXYLTX), and reminders twice a month without a data plan (flows.md 9)."""

from app.commands.accounts.data_usage import alerts_on, usage_of
from app.commands.registry import command, subscriber_changed, timer
from app.commands.replies import say
from app.commands.vocabulary import DATA_ALERTS_OFF, DATA_ALERTS_ON
from app.domain.account import Subscriber
from app.domain.evidence import EvidenceDraft
from app.domain.messages import MessageClass
from app.domain.months import last_reading_day, month_of, next_reading_day
from app.domain.preferences import PREFERENCES, Preferences
from app.domain.texts import data_usage as texts
from app.domain.turn import Outcome, TextReceived, TimerDropped, TimerDue, TimerSet, Turn
from app.domain.usage import DataUsage, data_plan
from app.domain.values import replace

REMINDER_TIMER = "data-reminder"


@command(*DATA_ALERTS_ON, reads=(Preferences,))
def turn_on(turn: Turn, _argument: str) -> Outcome:
    """Turn data alerts on; thresholds that were passed before are not reported."""
    return _choose(turn, wanted=True)


@command(*DATA_ALERTS_OFF, kept=True, reads=(Preferences,))
def turn_off(turn: Turn, _argument: str) -> Outcome:
    """Turn data alerts off."""
    return _choose(turn, wanted=False)


def _choose(turn: Turn, *, wanted: bool) -> Outcome:
    plan = data_plan(turn.subscriber)
    before = turn.account.record(Preferences, PREFERENCES) or Preferences(PREFERENCES, turn.now)
    text = texts.turned_on if wanted else texts.turned_off
    percents = turn.policy.data_thresholds if plan else None
    pieces = text(turn.account.language, percents, already=alerts_on(turn.account, plan) is wanted)
    if before.data_alerts is wanted:
        return Outcome(replies=(say(turn, *pieces),), verdict="as before")
    received = turn.stimulus_as(TextReceived)
    draft = EvidenceDraft("preference", "data_alerts", {
        "who": received.actor, "asked": None, "answer": received.shown_text,
        "before": before.data_alerts, "after": wanted,
    })  # fmt: skip
    return Outcome(
        replies=(say(turn, *pieces, kind=MessageClass.RESULT),),
        records=(replace(before, data_alerts=wanted),),
        evidence=(draft,),
        verdict="data alerts on" if wanted else "data alerts off",
    )


# ---- reminders twice a month


@subscriber_changed
def set_reminder(turn: Turn, before: Subscriber | None, after: Subscriber) -> Outcome:
    """Set the reminder's timer for a subscriber without a data plan, and drop it once there is one."""
    same = before is not None and before.tenure == after.tenure
    had = before is not None and same and data_plan(before) is None
    has = data_plan(after) is None
    if has and not had:
        return Outcome(timers=(TimerSet(REMINDER_TIMER, REMINDER_TIMER, next_reading_day(turn.now)),))
    if had and not has:
        return Outcome(dropped_timers=(TimerDropped(REMINDER_TIMER, REMINDER_TIMER),))
    return Outcome()


@timer(REMINDER_TIMER, reads=(DataUsage, Preferences))
def remind(turn: Turn) -> Outcome:
    """Send the usage of the month. After downtime one message is sent for the last day that was missed."""
    subscriber = turn.account.customer
    if subscriber is None or data_plan(subscriber) is not None:
        return Outcome(verdict="has a plan")
    due = turn.stimulus_as(TimerDue)
    outcome = Outcome(timers=(TimerSet(REMINDER_TIMER, due.subject, next_reading_day(turn.now)),), verdict="not wanted")
    if not alerts_on(turn.account, None):
        return outcome
    usage = usage_of(turn.account, month_of(last_reading_day(turn.now)))
    pieces = texts.on_fifteenth_and_last(turn.account.language, usage)
    return replace(outcome, replies=(say(turn, *pieces, kind=MessageClass.NOTICE),), verdict="told")
