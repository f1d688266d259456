"""Notices before a number is suspended (flows.md 16)."""

from datetime import datetime

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text

_LOW_BALANCE = Text(
    zh="您好！截至{as_of}，您的话费余额为{balance}，已低于{limit}。为免停机，请及时充值。查询余额请发送YE到10086。",
    en="As of {as_of} your balance is {balance}, below {limit}. Please top up soon to keep your number in service. Send YE to 10086 for your balance.",
)
_OVERDRAWN = Text(
    zh="您好！截至{as_of}，您的话费余额不足，已欠费{owed}。为免停机，请及时充值。查询余额请发送YE到10086。",
    en="As of {as_of} your balance is used up and you owe {owed}. Please top up soon to keep your number in service. Send YE to 10086 for your balance.",
)
_TO_BE_SUSPENDED = Text(
    zh="您好！您的号码将于{when}停机。为免停机，请在此之前缴清费用；如已缴费，请忽略本短信。查询余额请发送YE到10086。",
    en="Your number will be suspended on {when}. To keep it in service please pay before then; if you have already paid, ignore this message. Send YE to 10086 for your balance.",
)


def low_balance(language: Language, balance_fen: int, limit_fen: int, as_of: datetime) -> str:
    """Return the notice that a prepaid balance has fallen below the limit; amounts in fen, ``as_of`` in UTC."""
    minute = wording.minute(language, as_of)
    if balance_fen < 0:
        return _OVERDRAWN.say(language, as_of=minute, owed=wording.yuan(language, -balance_fen))
    balance, limit = wording.yuan(language, balance_fen), wording.yuan(language, limit_fen)
    return _LOW_BALANCE.say(language, as_of=minute, balance=balance, limit=limit)


def to_be_suspended(language: Language, stops_at: datetime) -> str:
    """Return the notice that the number will be suspended at ``stops_at`` (UTC)."""
    return _TO_BE_SUSPENDED.say(language, when=wording.minute_of_year(language, stops_at))
