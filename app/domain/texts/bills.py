"""Texts about balance, spend, points and bills; each states the time of its figures (flows.md 10)."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.account import Language, Payment
from app.domain.bills import Bill, Spend
from app.domain.months import first_moment, last_moment
from app.domain.texts import wording
from app.domain.texts.wording import Text

HELP_BALANCE = Text(zh="YE 查询余额", en="YE balance")
HELP_SPEND = Text(zh="HF 查询当月话费", en="HF spending this month")
HELP_POINTS = Text(zh="JF 查询积分", en="JF points")
HELP_BILL = Text(zh="ZD 查询账单", en="ZD bill")
_BALANCES = {
    Payment.PREPAID: Text(zh="截至{as_of}，您的话费余额为{amount}。", en="As of {as_of} your balance is {amount}."),
    Payment.POSTPAID: Text(
        zh="截至{as_of}，您的账户余额为{amount}，当月话费将于出账后从账户扣除。",
        en="As of {as_of} your account balance is {amount}; this month's charges will be deducted once the bill is issued.",
    ),
}
_OWED = Text(
    zh="截至{as_of}，您的账户余额为0元，欠费{amount}。", en="As of {as_of} your balance is CNY0 and you owe {amount}."
)
_SPENT = Text(zh="截至{as_of}，您{month}话费为{amount}。", en="As of {as_of} you have spent {amount} in {month}.")
_NO_SPEND = Text(
    zh="截至{as_of}，暂无您{month}的话费数据，请稍后再查。",
    en="As of {as_of} there are no figures for {month} yet. Please try again later.",
)
_POINTS = Text(zh="截至{as_of}，您的积分为{points}分。", en="As of {as_of} you have {points} points.")
_BILL = Text(zh="您{month}的账单(截至{day})合计{total}", en="Your bill for {month} (up to {day}) is {total}")
_FIRST_ITEM = Text(zh="：{name}{amount}", en=": {name} {amount}")
_ITEM = Text(zh="；{name}{amount}", en="; {name} {amount}")
_END = Text(zh="。", en=".")
_NO_BILL = Text(zh="截至{as_of}，暂无您{month}的账单。", en="As of {as_of} there is no bill for {month}.")
_CLOSED_ONLY = Text(
    zh="截至{as_of}，仅支持查询最近5个月的已出账单，",
    en="As of {as_of} only bills of the last five closed months can be shown. ",
)
_CAN_BE_ASKED = Text(zh="可查询：{months}，如发送ZD#{newest}。", en="Available: {months}; send e.g. ZD#{newest}.")


def balance(language: Language, payment: Payment, amount_fen: int, as_of: datetime) -> str:
    """Return the balance, or the debt if ``amount_fen`` is negative; ``as_of`` is UTC."""
    text, shown = (_OWED, -amount_fen) if amount_fen < 0 else (_BALANCES[payment], amount_fen)
    return text.say(language, as_of=wording.minute(language, as_of), amount=wording.yuan(language, shown))


def spend(language: Language, spent: Spend) -> str:
    """Return what a month has cost so far."""
    return _SPENT.say(
        language,
        as_of=wording.minute(language, spent.counted_at),
        month=wording.month(language, first_moment(spent.id)),
        amount=wording.yuan(language, spent.amount_fen),
    )


def no_spend(language: Language, month: str, as_of: datetime) -> str:
    """Return that billing has reported nothing of a month (``2026-03``) yet; ``as_of`` is UTC."""
    named = wording.month(language, first_moment(month))
    return _NO_SPEND.say(language, as_of=wording.minute(language, as_of), month=named)


def points(language: Language, count: int, as_of: datetime) -> str:
    """Return the points as of a time (UTC)."""
    return _POINTS.say(language, as_of=wording.minute(language, as_of), points=str(count))


def bill(language: Language, found: Bill) -> tuple[str, ...]:
    """Return a bill with its items, in pieces for ``paginate``."""
    month, day = first_moment(found.id), wording.day(language, last_moment(found.id))
    head = _BILL.say(
        language,
        month=wording.month_of_year(language, month),
        day=day,
        total=wording.yuan(language, found.total_fen),
    )
    items = [
        (_ITEM if index else _FIRST_ITEM).say(
            language, name=wording.before_price(language, item.name), amount=wording.yuan(language, item.amount_fen)
        )
        for index, item in enumerate(found.items)
    ]
    pieces = [head, *items]
    return (*pieces[:-1], pieces[-1] + _END.say(language))


def no_bill(language: Language, month: str, months: Sequence[str], as_of: datetime) -> tuple[str, ...]:
    """Return the text for a month without a bill, in pieces; ``months`` are those with one, newest first."""
    named = wording.month_of_year(language, first_moment(month))
    text = _NO_BILL.say(language, as_of=wording.minute(language, as_of), month=named)
    return (text, *_can_be_asked(language, months)) if months else (text,)


def closed_months_only(language: Language, months: Sequence[str], as_of: datetime) -> tuple[str, ...]:
    """Return the text for a month that cannot be asked for, in pieces."""
    return (_CLOSED_ONLY.say(language, as_of=wording.minute(language, as_of)), *_can_be_asked(language, months))


def _can_be_asked(language: Language, months: Sequence[str]) -> tuple[str, ...]:
    plain = [month.replace("-", "") for month in months]
    return (_CAN_BE_ASKED.say(language, months=wording.names(language, plain), newest=plain[0]),)
