"""YE, HF, JF and ZD: balance, this month's spend, points and bills (flows.md 10)."""

import re
from datetime import datetime

from app.commands.accounts.data_usage import CLOCKS_DIFFER, UNKNOWN
from app.commands.registry import Takes, call, command
from app.commands.replies import say
from app.commands.tenures import tenure_violation
from app.commands.vocabulary import BALANCE, BILL, POINTS, SPEND
from app.domain.bills import Bill, BillItem, Spend
from app.domain.months import closed_months, first_moment, last_moment, month_of
from app.domain.names import bill_item_violation
from app.domain.texts import bills as texts
from app.domain.turn import Outcome, Stimulus, Turn, refused
from app.domain.values import value

_MONTHS_SHOWN = 5
# 202602, 2026-02, 2026年2月.
_MONTH = re.compile(r"(\d{4})(?:(\d\d)|\D(\d\d?)\D?)")
_YEAR, _DIGITS, _APART = 1, 2, 3


@value
class RecordBill(Stimulus):
    """The bill of a month (``2026-02``); it replaces one that came before."""

    month: str
    items: tuple[BillItem, ...]


@value
class RecordSpend(Stimulus):
    """What a month (``2026-03``) has cost so far; ``at`` is UTC."""

    month: str
    amount_fen: int
    at: datetime


# ---- what she asks


@command(*BALANCE, menu=texts.HELP_BALANCE, rank=40, reads=())
def show_balance(turn: Turn, _argument: str) -> Outcome:
    """What she has, or owes."""
    subscriber = turn.subscriber
    text = texts.balance(turn.account.language, subscriber.payment, subscriber.balance_fen, turn.now)
    return Outcome(replies=(say(turn, text),))


@command(*SPEND, menu=texts.HELP_SPEND, rank=50, reads=(Spend,))
def show_spend(turn: Turn, _argument: str) -> Outcome:
    """What this month has cost so far; where billing said nothing yet, nothing as of its first moment."""
    month = month_of(turn.now)
    start = first_moment(month)
    spent = turn.account.record(Spend, month) or Spend(month, start, 0, start)
    return Outcome(replies=(say(turn, texts.spend(turn.account.language, spent)),))


@command(*POINTS, menu=texts.HELP_POINTS, rank=60, reads=())
def show_points(turn: Turn, _argument: str) -> Outcome:
    """Her points."""
    return Outcome(replies=(say(turn, texts.points(turn.account.language, turn.subscriber.points, turn.now)),))


@command(*BILL, takes=Takes.ARGUMENTS, menu=texts.HELP_BILL, rank=70, reads=(Bill,))
def show_bill(turn: Turn, argument: str) -> Outcome:
    """The bill of one of the last five closed months; without a month that of the last one."""
    language, months = turn.account.language, closed_months(turn.now, _MONTHS_SHOWN)
    month = _month_in(argument) if argument.strip() else months[0]
    if month not in months:
        pieces = texts.closed_months_only(language, months, turn.now)
    elif found := turn.account.record(Bill, month):
        pieces = texts.bill(language, found)
    else:
        pieces = texts.no_bill(language, month, months, turn.now)
    return Outcome(replies=(say(turn, *pieces),))


def _month_in(argument: str) -> str | None:
    found = _MONTH.fullmatch("".join(argument.split()))
    return f"{found[_YEAR]}-{int(found[_DIGITS] or found[_APART]):02}" if found else None


# ---- what billing says


@call(RecordBill, reads=(Bill,))
def record_bill(turn: Turn) -> Outcome:
    """Keep a bill."""
    if turn.account.customer is None:
        return refused(422, UNKNOWN)
    given = turn.stimulus_as(RecordBill)
    violation = next((violation for item in given.items if (violation := bill_item_violation(item.name))), None)
    if violation:
        return refused(422, f"items: a name {violation}.")
    former = tenure_violation(turn.account, "month", last_moment(given.month))
    if former is not None:
        return refused(422, former)
    return Outcome(records=(Bill(given.month, turn.now, given.items),), verdict="recorded")


@call(RecordSpend, reads=(Spend,))
def record_spend(turn: Turn) -> Outcome:
    """Keep what is newer than what is known."""
    given = turn.stimulus_as(RecordSpend)
    if turn.account.customer is None:
        return refused(422, UNKNOWN)
    if given.at > turn.now + CLOCKS_DIFFER:
        return refused(422, "at: lies in the future.")
    violation = tenure_violation(turn.account, "at", min(given.at, last_moment(given.month)))
    if violation is not None:
        return refused(422, violation)
    held = turn.account.record(Spend, given.month)
    if held is not None and given.at < held.counted_at:
        return Outcome(verdict="older")
    return Outcome(records=(Spend(given.month, turn.now, given.amount_fen, given.at),), verdict="accepted")
