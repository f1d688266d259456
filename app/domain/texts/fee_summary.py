"""Texts about the monthly fee summary (flows.md 8)."""

from datetime import datetime

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text

HELP = Text(zh="DZXXSF 开通信息费月度提醒", en="DZXXSF monthly fee reminder")
ON = Text(
    zh="已为您开通信息费月度提醒，每月1日免费告知您上月信息费。关闭请发送QXXXSF。",
    en="The monthly fee reminder is on: on the 1st we tell you, free of charge, what your services cost last month. Send QXXXSF to turn it off.",
)
ON_ALREADY = Text(
    zh="您此前已开通信息费月度提醒，无需重复办理。关闭请发送QXXXSF。",
    en="The monthly fee reminder is already on. Send QXXXSF to turn it off.",
)
OFF = Text(
    zh="已为您关闭信息费月度提醒。重新开通请发送DZXXSF。",
    en="The monthly fee reminder is off. Send DZXXSF to turn it on again.",
)
OFF_ALREADY = Text(
    zh="您未开通信息费月度提醒，无需关闭。开通请发送DZXXSF。",
    en="The monthly fee reminder is already off. Send DZXXSF to turn it on.",
)
_NOTHING = Text(
    zh="尊敬的客户，您好！您{month}的信息费为0元。关闭本提醒请发送QXXXSF。",
    en="Dear customer, your services cost CNY0 in {month}. Send QXXXSF to stop this reminder.",
)
_TOTAL = Text(
    zh="尊敬的客户，您好！您{month}的信息费共{total}，其中：",
    en="Dear customer, your services cost {total} in {month}: ",
)
_ITEM = Text(zh="{name}{fee}；", en="{name}: {fee}; ")
_END = Text(
    zh="退订业务请发送0000，关闭本提醒请发送QXXXSF。", en="Send 0000 to stop services or QXXXSF to stop this reminder."
)


def summary(language: Language, month: datetime, items: list[tuple[str, int]]) -> tuple[str, ...]:
    """Return the summary of the month that ``month`` (UTC) lies in, in pieces; ``items`` are names and amounts in fen."""
    name = wording.month(language, month)
    if not items:
        return (_NOTHING.say(language, month=name),)
    total = wording.yuan(language, sum(fen for _, fen in items))
    named = [(wording.before_price(language, name), wording.yuan(language, fen)) for name, fen in items]
    lines = [_ITEM.say(language, name=item, fee=fee) for item, fee in named]
    return (_TOTAL.say(language, month=name, total=total), *wording.closed(language, lines), _END.say(language))
