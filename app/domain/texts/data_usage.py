"""Texts about data usage: what was used and left, and data alerts (flows.md 9)."""

from collections.abc import Iterable

from app.domain.account import Language, Plan
from app.domain.months import first_moment
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.usage import USED_UP, DataUsage

HELP = Text(zh="CXYL 查询流量", en="CXYL data usage")
_USED = Text(zh="截至{as_of}，您{month}已使用流量{used}。", en="As of {as_of} you have used {used} of data in {month}.")
_OF_PLAN = Text(
    zh="截至{as_of}，您{month}已使用流量{used}，套餐内共{total}，剩余{left}。",
    en="As of {as_of} you have used {used} of data in {month}; your plan includes {total}, {left} left.",
)
_OVER_PLAN = Text(
    zh="截至{as_of}，您{month}已使用流量{used}，套餐内共{total}，剩余0.00MB，已超出{over}。",
    en="As of {as_of} you have used {used} of data in {month}; your plan includes {total}, 0.00MB left, {over} over.",
)
_PASSED = Text(
    zh="流量提醒：截至{as_of}，您{month}已使用流量{used}，已达套餐内{total}的{percent}%，剩余{left}。",
    en="Data alert: as of {as_of} you have used {used} of data in {month}, {percent}% of the {total} in your plan; {left} left.",
)
_USED_UP = Text(
    zh="流量提醒：截至{as_of}，您{month}已使用流量{used}，套餐内{total}已用完。",
    en="Data alert: as of {as_of} you have used {used} of data in {month}; the {total} in your plan is used up.",
)
_PRICE_BEYOND = Text(zh="超出部分按{price}/MB收费。", en=" Data beyond the plan costs {price}/MB.")
_STANDARD_BEYOND = Text(zh="超出部分按标准资费收费。", en=" Data beyond the plan is charged at the standard rate.")
_HOW_OFF = Text(zh="关闭提醒请发送QXYLTX到10086。", en=" To stop these alerts send QXYLTX to 10086.")

# ---- data alerts on and off

_BY_THRESHOLD = Text(
    zh="当月流量用至套餐的{percents}时各提醒一次。", en=" You will be notified once a month at {percents} of your plan."
)
_TWICE_A_MONTH = Text(
    zh="每月15日和月末最后一天10时提醒您当月已用流量。",
    en=" You will be told your usage on the 15th and on the last day of each month at 10:00.",
)
_ON = Text(zh="已为您开通流量提醒，", en="Data alerts are on.")
_ON_ALREADY = Text(zh="您此前已开通流量提醒，无需重复办理。", en="Data alerts are already on.")
_OFF = Text(zh="已为您关闭流量提醒，", en="Data alerts are off.")
_OFF_ALREADY = Text(zh="您未开通流量提醒或此前已关闭，无需重复办理。", en="Data alerts are already off.")
_NO_MORE_BY_THRESHOLD = Text(
    zh="当月流量用至套餐的{percents}时不再提醒。", en=" You will no longer be notified at {percents} of your plan."
)
_NO_MORE_TWICE_A_MONTH = Text(
    zh="每月15日和月末最后一天不再提醒您已用流量。",
    en=" You will no longer be told your usage on the 15th and on the last day of the month.",
)
_HOW_ON = Text(zh="重新开通请发送KTYLTX到10086。", en=" To turn them on again send KTYLTX to 10086.")

_KB_PER_MB = 1024
_HUNDREDTHS = 100
_MB_PER_GB = 1024


def size(kb: int) -> str:
    """Return a size in KB of 1024 bytes as ``53.50MB``, or from 1 GB as ``1.50GB``; halves are rounded up."""
    return (
        f"{_rounded(kb, _KB_PER_MB)}MB"
        if kb < _KB_PER_MB * _MB_PER_GB
        else f"{_rounded(kb, _KB_PER_MB * _MB_PER_GB)}GB"
    )


def _rounded(kb: int, unit: int) -> str:
    hundredths = (2 * kb * _HUNDREDTHS + unit) // (2 * unit)
    return f"{hundredths // _HUNDREDTHS}.{hundredths % _HUNDREDTHS:02d}"


def usage(language: Language, plan: Plan | None, read: DataUsage) -> tuple[str, ...]:
    """Return the usage of a month, in pieces; with a plan also what is left or beyond it."""
    facts = _facts(language, read, plan)
    if plan is None:
        return (_USED.say(language, **facts),)
    if read.used_kb <= plan.data_kb:
        return (_OF_PLAN.say(language, **facts),)
    return (_OVER_PLAN.say(language, **facts, over=size(read.used_kb - plan.data_kb)), _beyond(language, plan))


def threshold(language: Language, plan: Plan, percent: int, read: DataUsage) -> tuple[str, ...]:
    """Return the alert for a threshold in percent, in pieces; from 100 also the price beyond the plan."""
    facts = _facts(language, read, plan)
    off = _HOW_OFF.say(language)
    if percent >= USED_UP:
        return (_USED_UP.say(language, **facts), _beyond(language, plan), off)
    return (_PASSED.say(language, **facts, percent=str(percent)), off)


def on_fifteenth_and_last(language: Language, read: DataUsage) -> tuple[str, ...]:
    """Return the report that customers without a data plan get twice a month, in pieces."""
    return (*usage(language, None, read), _HOW_OFF.say(language))


def turned_on(language: Language, percents: Iterable[int] | None, *, already: bool) -> tuple[str, ...]:
    """Return that alerts are on, in pieces: at ``percents`` of the plan, or twice a month if that is None."""
    kind = _TWICE_A_MONTH.say(language) if percents is None else _BY_THRESHOLD.say(language, percents=_list(percents))
    return ((_ON_ALREADY if already else _ON).say(language) + kind, _HOW_OFF.say(language))


def turned_off(language: Language, percents: Iterable[int] | None, *, already: bool) -> tuple[str, ...]:
    """Return that alerts are off, in pieces; ``percents`` as in ``turned_on``."""
    kind = (
        _NO_MORE_TWICE_A_MONTH.say(language)
        if percents is None
        else _NO_MORE_BY_THRESHOLD.say(language, percents=_list(percents))
    )
    return ((_OFF_ALREADY if already else _OFF).say(language) + kind, _HOW_ON.say(language))


def _list(percents: Iterable[int]) -> str:
    return "/".join(f"{percent}%" for percent in percents)


def _beyond(language: Language, plan: Plan) -> str:
    price = plan.overage_fen_per_mb
    if price is None:
        return _STANDARD_BEYOND.say(language)
    return _PRICE_BEYOND.say(language, price=wording.yuan(language, price))


def _facts(language: Language, read: DataUsage, plan: Plan | None) -> dict[str, str]:
    facts = {
        "as_of": wording.minute(language, read.read_at),
        "month": wording.month(language, first_moment(read.id)),
        "used": size(read.used_kb),
    }
    if plan is not None:
        facts |= {"total": size(plan.data_kb), "left": size(max(0, plan.data_kb - read.used_kb))}
    return facts
