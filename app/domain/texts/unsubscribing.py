"""Texts about unsubscribing: for each service the day and what is still charged (flows.md 5.2, 5.3)."""

from app.domain.account import Language
from app.domain.texts.wording import Text

HELP = Text(zh="QX+业务代码 退订业务", en="QX+keyword stop a service")
ENDED_FREE = Text(
    zh="{name}已退订，立即生效，72小时内退订，不收费；",
    en="{name} was stopped at once, free of charge within 72 hours; ",
)
ENDED_TRIAL = Text(
    zh="{name}已退订，立即生效，体验期内不收费；",
    en="{name} was stopped at once, free of charge during its trial; ",
)
ENDED_IN_PLAN = Text(
    zh="{name}(套餐内)已于{day}退订，立即生效；",
    en="{name} (in plan) was stopped at once on {day}; ",
)
ENDED = Text(
    zh="{name}已于{day}退订，立即生效，不再收费；",
    en="{name} was stopped at once on {day}, nothing more is charged; ",
)
ENDS_WITHIN_24H = Text(
    zh="{name}已退订，24小时内({minute}前)停止，不再收费；",
    en="{name} was stopped and ends within 24 hours, by {minute}; nothing more is charged; ",
)
ENDS_MONTH = Text(
    zh="{name}已退订，可用至{day}，当月费用{fee}照常收取，次月起不再收费；",
    en="{name} was stopped and runs until {day}; this month's {fee} is still charged, nothing after that; ",
)
ENDED_OWING = Text(
    zh="{name}已于{day}退订，立即生效；",
    en="{name} was stopped at once on {day}; ",
)
ENDS_WITHIN_24H_OWING = Text(
    zh="{name}已退订，24小时内({minute}前)停止；",
    en="{name} was stopped and ends within 24 hours, by {minute}; ",
)
ENDS_WITHIN_24H_PER_USE = Text(
    zh="{name}已退订，24小时内({minute}前)停止，期间使用仍按{price}收费；",
    en="{name} was stopped and ends within 24 hours, by {minute}; what you use until then is still charged at {price}; ",
)
ENDS_MONTH_PAID = Text(
    zh="{name}已退订，可用至{day}，当月费用{fee}已收取，次月起不再收费；",
    en="{name} was stopped and runs until {day}; this month's {fee} was already charged, nothing after that; ",
)
ENDS_PER_USE = Text(
    zh="{name}已退订，可用至{day}，期间使用仍按{price}收费；",
    en="{name} was stopped and runs until {day}; what you use until then is still charged at {price}; ",
)
ENDS_FREE = Text(
    zh="{name}已退订，可用至{day}，期间不收费；",
    en="{name} was stopped and runs until {day}, free of charge; ",
)
ALREADY_ENDED = Text(
    zh="{name}此前已退订，无需重复办理；",
    en="{name} was already stopped; ",
)
ALREADY_ENDING = Text(
    zh="{name}此前已退订，可用至{day}；",
    en="{name} was already stopped and runs until {day}; ",
)
UNDER_CONTRACT = Text(
    zh="{name}在合约期内(至{day})，不能退订；",
    en="{name} is under contract until {day} and cannot be stopped; ",
)
_BY_OTHER_WAY = Text(
    zh="{name}不可短信退订，{how}；",
    en="{name} cannot be stopped by SMS: {how}; ",
)
_BY_OTHER_WAY_UNKNOWN = Text(
    zh="{name}不可短信退订；",
    en="{name} cannot be stopped by SMS; ",
)
_WARNING = Text(zh="{name}：{warning}。", en="{name}: {warning}. ")
_GUESSED = Text(zh="您是否要退订{name}？", en="Did you mean {name}? ")
ASK_WARNED = Text(
    zh="确定退订{names}请回复Y，保留请回复N。",
    en="To stop {names} reply Y, to keep reply N.",
)
ASK_ALL = Text(
    zh="您将退订以下{count}项业务：",
    en="You are about to stop these {count} services: ",
)
ASK_ALL_HOW = Text(
    zh="。确认全部退订请回复“是”，保留请回复“否”。",
    en=". Reply YES to stop them all, NO to keep them.",
)
MANY = Text(zh="{first}等{count}项业务", en="{first} and the others, {count} services in all")
IN_PLAN_MARK = Text(zh="(套餐内)", en=" (in plan)")
KEPT = Text(
    zh="好的，已为您保留{names}，未作任何更改。",
    en="OK: {names} kept, nothing was changed.",
)
ALL_DONE = Text(
    zh="清单中的业务此前均已退订，无需重复办理。",
    en="All services in the list were already stopped.",
)
ALL_SWITCHED_OFF = Text(
    zh="请回复要退订的业务序号，多项用逗号分隔，如{example}。未作任何更改。",
    en="Please reply with the numbers of the services to stop, separated by commas, e.g. {example}. Nothing was changed.",
)
NO_SUCH_SERVICE = Text(
    zh="您没有订购业务代码或名称为{word}的业务，未作任何更改。查询和退订请发送0000。",
    en="You have no service with the keyword or name {word}; nothing was changed. Send 0000 to see and stop your services.",
)
NO_SUCH_KEYWORD = Text(
    zh="您没有订购该业务代码或名称对应的业务，未作任何更改。查询和退订请发送0000。",
    en="You have no service with that keyword or name; nothing was changed. Send 0000 to see and stop your services.",
)
NUMBER_WITHOUT_LISTING = Text(
    zh="序号以业务清单为准，未作任何更改。请先发送0000查询业务，再回复序号退订。",
    en="Numbers refer to a list of your services; nothing was changed. Send 0000 first, then reply with a number.",
)
NO_KEYWORD = Text(
    zh="请在QX后加上业务代码或业务名称，如QXCL。也可发送0000按序号退订。",
    en="Please add the service's keyword or name after QX, e.g. QXCL, or send 0000 and reply with a number.",
)
NOT_HELD = Text(
    zh="您未订购{name}，无需退订。查询请发送0000。",
    en="You do not have {name}, so there is nothing to stop. Send 0000 to see your services.",
)
MORE = Text(zh="查询请发送0000。", en="Send 0000 to see your services.")
BY_AGENT = Text(zh="您好！客服人员已为您办理退订：", en="Done for you by our staff: ")


def by_other_way(language: Language, name: str, how: str | None) -> str:
    """Return that a service cannot be unsubscribed by SMS, and how it can be, if that is known."""
    if not how:
        return _BY_OTHER_WAY_UNKNOWN.say(language, name=name)
    return _BY_OTHER_WAY.say(language, name=name, how=how)


def warning(language: Language, name: str, words: str | None) -> str:
    """Return the cancel warning of a service; without one, that the service was guessed from an inexact name."""
    if not words:
        return _GUESSED.say(language, name=name)
    return _WARNING.say(language, name=name, warning=words.rstrip("。. "))
