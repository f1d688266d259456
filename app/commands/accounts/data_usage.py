"""CXYL, and what readings of data usage bring: thresholds of the plan, each told once a month (flows.md 9)."""

from datetime import datetime, timedelta

from app.commands.registry import call, command
from app.commands.replies import say
from app.commands.vocabulary import DATA_USAGE
from app.domain.account import Account, Plan
from app.domain.messages import MessageClass, Reply
from app.domain.months import first_moment, last_moment, month_of
from app.domain.preferences import PREFERENCES, Preferences
from app.domain.texts import data_usage as texts
from app.domain.turn import Outcome, Refusal, Stimulus, Turn
from app.domain.usage import DataUsage, data_plan, highest_passed
from app.domain.values import replace, value

# How far the clock of the system that counts may be ahead of ours.
CLOCKS_DIFFER = timedelta(hours=24)
# What the verdict has in place of a reading that is refused: it is of the future, or of a former customer.
AHEAD = "ahead"
FORMER = "former"
UNKNOWN = "msisdn: no such subscriber; create it with PUT /api/v1/subscribers/{msisdn}."


@value
class Reading:
    """A cumulative reading of a month (``2026-03``), in KB; ``at`` is UTC."""

    month: str
    used_kb: int
    at: datetime


@value
class ReadDataUsage(Stimulus):
    """Readings of one subscriber, in the order in which they came; the verdict has a word for each of them."""

    readings: tuple[Reading, ...]


def usage_of(account: Account, month: str) -> DataUsage:
    """The newest reading of a month; without one, nothing as of its first moment."""
    start = first_moment(month)
    return account.record(DataUsage, month) or DataUsage(month, start, 0, start)


def alerts_on(account: Account, plan: Plan | None) -> bool:
    """Whether she is told: as she chose, else only without a plan (flows.md 9, 17)."""
    chosen = account.record(Preferences, PREFERENCES)
    return plan is None if chosen is None else chosen.wants_data_alerts(with_plan=plan is not None)


@command(*DATA_USAGE, menu=texts.HELP, rank=30, reads=(DataUsage,))
def show_usage(turn: Turn, _argument: str) -> Outcome:
    """Say what was used this month, and of her plan what is left or beyond."""
    plan = data_plan(turn.subscriber)
    read = usage_of(turn.account, month_of(turn.now))
    return Outcome(replies=(say(turn, *texts.usage(turn.account.language, plan, read)),))


@call(ReadDataUsage, reads=(DataUsage, Preferences))
def take_readings(turn: Turn) -> Outcome:
    """Keep what is newer than what is known; of the thresholds passed by it the highest is told, once a month."""
    subscriber = turn.account.customer
    if subscriber is None:
        return Outcome(refusal=Refusal(422, UNKNOWN), verdict="unknown")
    plan = data_plan(subscriber)
    newest: dict[str, DataUsage] = {}
    words: list[str] = []
    for reading in turn.stimulus_as(ReadDataUsage).readings:
        held = newest.get(reading.month) or turn.account.record(DataUsage, reading.month)
        read = _after(turn, held, reading)
        words.append(_violation(turn, reading) or ("accepted" if read else "older"))
        if read is not None:
            passed = highest_passed(read.used_kb, plan, turn.policy.data_thresholds) if plan else 0
            newest[reading.month] = replace(read, spent=max(read.spent, passed))
    outcome = Outcome(records=tuple(newest.values()), verdict=" ".join(words))
    this_month = newest.get(month_of(turn.now))
    if this_month is None or plan is None or not alerts_on(turn.account, plan):
        return outcome
    return replace(outcome, replies=_alert(turn, plan, this_month))


def _violation(turn: Turn, reading: Reading) -> str | None:
    """Why a reading is refused, in a word."""
    if reading.at > turn.now + CLOCKS_DIFFER:
        return AHEAD
    counted = min(reading.at, last_moment(reading.month))
    return None if turn.account.former_tenure(counted) is None else FORMER


def _after(turn: Turn, held: DataUsage | None, reading: Reading) -> DataUsage | None:
    """The usage of a month after a reading; None if that changes nothing."""
    if _violation(turn, reading):
        return None
    if held is None:
        return DataUsage(reading.month, turn.now, reading.used_kb, reading.at)
    return held.with_reading(reading.used_kb, reading.at)


def _alert(turn: Turn, plan: Plan, read: DataUsage) -> tuple[Reply, ...]:
    """What is told of this month's usage: the highest threshold, if it was not spent before these readings."""
    before = turn.account.record(DataUsage, read.id)
    percent = highest_passed(read.used_kb, plan, turn.policy.data_thresholds)
    if percent <= (before.spent if before else 0):
        return ()
    pieces = texts.threshold(turn.account.language, plan, percent, read)
    return (say(turn, *pieces, kind=MessageClass.NOTICE),)
