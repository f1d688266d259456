"""Data usage (CXYL), its readings, and an alert when a threshold of the plan is passed (flows.md 9)."""

from datetime import datetime, timedelta
from enum import Enum, auto

from app.commands.registry import call, command
from app.commands.replies import say
from app.commands.vocabulary import DATA_USAGE
from app.domain.account import Account, Plan
from app.domain.messages import MessageClass, Reply
from app.domain.months import first_moment, last_moment, month_of
from app.domain.preferences import PREFERENCES, Preferences
from app.domain.refusals import RefusalReason
from app.domain.texts import data_usage as texts
from app.domain.turn import Call, Outcome, Turn, refused
from app.domain.usage import DataUsage, data_plan, highest_passed
from app.domain.values import replace, value

# How far in the future a reading of data or spend may lie.
MAX_READING_LEAD = timedelta(hours=24)


class ReadingResult(Enum):
    """What became of a reading. Those from the future and of a former tenure are refused."""

    ACCEPTED = auto()
    OLDER = auto()  # than the recorded one, so it is ignored
    AHEAD = auto()
    FORMER = auto()


@value
class Reading:
    """The KB used in a month (``2026-03``, in Shanghai) until ``at`` (UTC)."""

    month: str
    used_kb: int
    at: datetime


@value
class ReadDataUsage(Call[tuple[ReadingResult, ...]]):
    """Record readings of one subscriber, in the order of arrival; return a result for each."""

    readings: tuple[Reading, ...]


def usage_of(account: Account, month: str) -> DataUsage:
    """Return the newest reading of a month; 0 KB as of its first moment if there is none."""
    start = first_moment(month)
    return account.record(DataUsage, month) or DataUsage(month, start, 0, start)


def alerts_on(account: Account, plan: Plan | None) -> bool:
    """Return the subscriber's choice; without one, True only without a data plan (flows.md 9, 17)."""
    chosen = account.record(Preferences, PREFERENCES)
    return plan is None if chosen is None else chosen.wants_data_alerts(with_plan=plan is not None)


@command(*DATA_USAGE, menu=texts.HELP, rank=30, reads=(DataUsage,))
def show_usage(turn: Turn, _argument: str) -> Outcome:
    """Reply with the usage of this month, and what the plan leaves or is exceeded by."""
    plan = data_plan(turn.subscriber)
    usage = usage_of(turn.account, month_of(turn.now))
    return Outcome(replies=(say(turn, *texts.usage(turn.account.language, plan, usage)),))


@call(ReadDataUsage, reads=(DataUsage, Preferences))
def record_readings(turn: Turn) -> Outcome:
    """Record newer readings, and alert to the highest threshold that this month's usage has newly passed."""
    subscriber = turn.account.customer
    if subscriber is None:
        return refused(RefusalReason.INVALID_MSISDN)
    plan = data_plan(subscriber)
    newest: dict[str, DataUsage] = {}
    results: list[ReadingResult] = []
    request = turn.stimulus_as(ReadDataUsage)
    for reading in request.readings:
        recorded = newest.get(reading.month) or turn.account.record(DataUsage, reading.month)
        usage = _updated_usage(turn, recorded, reading)
        results.append(_violation(turn, reading) or (ReadingResult.ACCEPTED if usage else ReadingResult.OLDER))
        if usage is not None:
            passed = highest_passed(usage.used_kb, plan, turn.policy.data_thresholds) if plan else 0
            newest[reading.month] = replace(usage, spent=max(usage.spent, passed))
    outcome = request.returning(tuple(results), Outcome(records=tuple(newest.values()), verdict="recorded"))
    this_month = newest.get(month_of(turn.now))
    if this_month is None or plan is None or not alerts_on(turn.account, plan):
        return outcome
    return replace(outcome, replies=_alert(turn, plan, this_month))


def _violation(turn: Turn, reading: Reading) -> ReadingResult | None:
    """Return why a reading is refused; None if it is not."""
    if reading.at > turn.now + MAX_READING_LEAD:
        return ReadingResult.AHEAD
    counted = min(reading.at, last_moment(reading.month))
    return None if turn.account.former_tenure(counted) is None else ReadingResult.FORMER


def _updated_usage(turn: Turn, recorded: DataUsage | None, reading: Reading) -> DataUsage | None:
    """Return the usage of a month after a reading; None if the reading changes nothing."""
    if _violation(turn, reading):
        return None
    if recorded is None:
        return DataUsage(reading.month, turn.now, reading.used_kb, reading.at)
    return recorded.with_reading(reading.used_kb, reading.at)


def _alert(turn: Turn, plan: Plan, usage: DataUsage) -> tuple[Reply, ...]:
    """Return the alert to the highest threshold passed; none if that was spent before these readings."""
    before = turn.account.record(DataUsage, usage.id)
    percent = highest_passed(usage.used_kb, plan, turn.policy.data_thresholds)
    if percent <= (before.spent if before else 0):
        return ()
    pieces = texts.threshold(turn.account.language, plan, percent, usage)
    return (say(turn, *pieces, kind=MessageClass.NOTICE),)
