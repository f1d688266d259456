"""Balance (YE), spend of the month (HF), points (JF) and bills (ZD), and their reports by billing (flows.md 10)."""

import re
from datetime import datetime

from app.commands.accounts.data_usage import MAX_READING_LEAD
from app.commands.registry import Takes, call, command
from app.commands.replies import say
from app.commands.tenures import tenure_violation
from app.commands.vocabulary import BALANCE, BILL, POINTS, SPEND
from app.domain.bills import Bill, BillItem, Spend
from app.domain.months import closed_months, last_moment, month_of
from app.domain.names import bill_item_violation
from app.domain.refusals import RefusalReason
from app.domain.texts import bills as texts
from app.domain.turn import Call, Outcome, Turn, refused
from app.domain.values import value

_MONTHS_SHOWN = 5
# 202602, 2026-02, 2026年2月.
_MONTH = re.compile(r"(\d{4})(?:(\d\d)|\D(\d\d?)\D?)")
_YEAR, _DIGITS, _APART = 1, 2, 3


@value
class RecordBill(Call[None]):
    """Record the bill of a month (``2026-02``, in Shanghai); it replaces an earlier one."""

    month: str
    items: tuple[BillItem, ...]


@value
class RecordSpend(Call[None]):
    """Record what a month (``2026-03``, in Shanghai) has cost until ``at`` (UTC), in fen."""

    month: str
    amount_fen: int
    at: datetime


# ---- commands of the subscriber


@command(*BALANCE, menu=texts.HELP_BALANCE, rank=40, reads=())
def show_balance(turn: Turn, _argument: str) -> Outcome:
    """Reply with the balance, or the debt."""
    subscriber = turn.subscriber
    text = texts.balance(turn.account.language, subscriber.payment, subscriber.balance_fen, turn.now)
    return Outcome(replies=(say(turn, text),))


@command(*SPEND, menu=texts.HELP_SPEND, rank=50, reads=(Spend,))
def show_spend(turn: Turn, _argument: str) -> Outcome:
    """Reply with the spend of this month, or that billing has reported none yet."""
    language, month = turn.account.language, month_of(turn.now)
    spent = turn.account.record(Spend, month)
    text = texts.spend(language, spent) if spent else texts.no_spend(language, month, turn.now)
    return Outcome(replies=(say(turn, text),))


@command(*POINTS, menu=texts.HELP_POINTS, rank=60, reads=())
def show_points(turn: Turn, _argument: str) -> Outcome:
    """Reply with the points."""
    return Outcome(replies=(say(turn, texts.points(turn.account.language, turn.subscriber.points, turn.now)),))


@command(*BILL, takes=Takes.ARGUMENTS, menu=texts.HELP_BILL, rank=70, reads=(Bill,))
def show_bill(turn: Turn, argument: str) -> Outcome:
    """Reply with the bill of one of the last five closed months; the last one if no month is given."""
    language, months = turn.account.language, closed_months(turn.now, _MONTHS_SHOWN)
    month = _month_in(argument) if argument.strip() else months[0]
    if month not in months:
        pieces = texts.closed_months_only(language, months, turn.now)
    elif found := turn.account.record(Bill, month):
        pieces = texts.bill(language, found)
    else:
        with_bill = [item for item in months if turn.account.record(Bill, item)]
        pieces = texts.no_bill(language, month, with_bill, turn.now)
    return Outcome(replies=(say(turn, *pieces),))


def _month_in(argument: str) -> str | None:
    found = _MONTH.fullmatch("".join(argument.split()))
    return f"{found[_YEAR]}-{int(found[_DIGITS] or found[_APART]):02}" if found else None


# ---- calls of billing


@call(RecordBill, reads=())
def record_bill(turn: Turn) -> Outcome:
    """Record a bill."""
    if turn.account.customer is None:
        return refused(RefusalReason.INVALID_MSISDN)
    report = turn.stimulus_as(RecordBill)
    violation = next((violation for item in report.items if (violation := bill_item_violation(item.name))), None)
    if violation:
        return refused(RefusalReason.INVALID, f"items: a name {violation}.")
    former = tenure_violation(turn.account, "month", last_moment(report.month))
    if former is not None:
        return refused(RefusalReason.INVALID, former)
    return Outcome(records=(Bill(report.month, turn.now, report.items),), verdict="recorded")


@call(RecordSpend, reads=(Spend,))
def record_spend(turn: Turn) -> Outcome:
    """Record a spend, unless a newer one is on record."""
    report = turn.stimulus_as(RecordSpend)
    if turn.account.customer is None:
        return refused(RefusalReason.INVALID_MSISDN)
    if report.at > turn.now + MAX_READING_LEAD:
        return refused(RefusalReason.INVALID, "at: lies in the future.")
    violation = tenure_violation(turn.account, "at", min(report.at, last_moment(report.month)))
    if violation is not None:
        return refused(RefusalReason.INVALID, violation)
    recorded = turn.account.record(Spend, report.month)
    if recorded is not None and report.at < recorded.counted_at:
        return Outcome(verdict="older")
    return Outcome(records=(Spend(report.month, turn.now, report.amount_fen, report.at),), verdict="accepted")
