"""Texts of ``0000``: the listing of subscriptions, and how to answer it (flows.md 5.1)."""

import re
from datetime import datetime, timedelta

from app.domain.account import Brand, Language
from app.domain.catalogue import Billing, Catalogue
from app.domain.segments import Passage
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.values import value

HELP = Text(zh="0000 查询/退订业务", en="0000 list and stop services")
_NOTHING = Text(
    zh="尊敬的{brand}客户，您好！您目前没有正在使用的增值业务。",
    en="Dear {brand} customer, you have no value-added services at present.",
)
_NOTHING_BESIDE_PLAN = Text(
    zh="尊敬的{brand}客户，您好！除套餐内包含的业务外，您目前没有正在使用的增值业务。",
    en="Dear {brand} customer, apart from your plan you have no value-added services at present.",
)
_HEAD = Text(
    zh="尊敬的{brand}客户，您好！除套餐内包含的业务外，您正在使用的业务有：",
    en="Dear {brand} customer, apart from your plan you have: ",
)
_HEAD_IN_PLAN = Text(zh="您套餐内包含的业务有：", en="Included in your plan: ")
_HEAD_IN_PLAN_ONLY = Text(
    zh="尊敬的{brand}客户，您好！您正在使用的业务均包含在套餐内：",
    en="Dear {brand} customer, all your services are included in your plan: ",
)
_OWN = Text(zh="中国移动业务：", en="China Mobile: ")
_CHARGED_FOR_SP = Text(zh="由中国移动代收费的业务：", en="Charged on behalf of others: ")
_BY_OTHER_WAY = Text(zh="不可短信退订：", en="Cannot be stopped by SMS: ")
_ENDING = Text(zh="已退订、尚未到期的业务：", en="Stopped but still running: ")
# Programs read listings: in both languages an item is a number, 、 and everything up to ；. Nowhere else is a digit
# followed by 、 . ， or a blank (flows.md 17).
_ITEM = Text(zh="{number}、{name}{price}{trial}；", en="{number}、{name} {price}{trial}；")
_PRICE_IN_PLAN = Text(zh="0元(套餐内)", en="CNY0(in plan)")
_TRIAL = Text(zh="，免费体验至{day}", en=", free trial until {day}")
_FIXED = Text(zh="{name}({price}/{unit}){how}；", en="{name}({price}/{unit}){how}；")
_FIXED_IN_PLAN = Text(zh="{name}(套餐内){how}；", en="{name}(in plan){how}；")
_HOW_ELSE = Text(zh="，{how}", en=": {how}")
_STILL_RUNS = Text(zh="{name}可用至{day}；", en="{name}: until {day}；")
_HOW = Text(
    zh="请回复序号取消对应业务，多项用逗号分隔，如{example}；",
    en="Reply with numbers to stop services, e.g. {example}; ",
)
_HOW_ALL = Text(zh="回复“全部”取消全部。", en="ALL stops all. ")
_HOW_END = Text(zh="暂不支持一次退订全部业务。", en="there is no reply that stops all. ")
_VALID = Text(zh="{window}内回复有效{free}。", en="Valid for {window}{free}. ")
_FREE_REPLY = Text(zh="，回复免费", en=", replies are free")
_STANDARD = Text(zh="以上为标准资费，实际以账单为准。", en="Standard prices; your bill prevails.")
_LIKE_AN_ITEM = re.compile(r"(?<=\d)[、，.\s]+")
_JOINED = "·"
_SHOWN_ITEM = re.compile("([0-9]+)、([^；]*)；")
_HOW_IN_PLAN = Text(zh="回复序号同样可退订。", en="Reply with numbers to stop these, too.")


@value
class Line:
    """One service in a listing. Times are UTC.

    Attributes:
        sp_short_name: the short name of the SP; None for the operator.
        price_fen: the price in fen, per month or per use as ``billing`` says.
        number: the number to answer with, from 1; None if it cannot be picked.
        ends_at: the last instant of a service that was unsubscribed; None otherwise.
        cancel_how: how to unsubscribe a service that SMS does not.
    """

    name: str
    sp_short_name: str | None
    price_fen: int
    billing: Billing
    in_plan: bool
    number: int | None = None
    trial_ends_at: datetime | None = None
    ends_at: datetime | None = None
    cancel_how: str | None = None


def label(name: str, sp_short_name: str | None) -> str:
    """Return the name of a service with its SP's short name in brackets, unless it is the operator's own."""
    return f"{name}({sp_short_name})" if sp_short_name else name


def service_label(catalogue: Catalogue, service_code: str, sp_code: str) -> str:
    """Return a service's name as subscribers see it, with its SP's unless that is the operator."""
    sp = catalogue.providers[sp_code]
    return label(catalogue.services[service_code].name, None if sp.own else sp.short_name)


def _price(language: Language, line: Line) -> str:
    if line.in_plan:
        return _PRICE_IN_PLAN.say(language)
    return wording.price(language, line.price_fen, line.billing)


def _numbered(language: Language, line: Line) -> str:
    """Return a numbered item: ``2、手机报(新华)3元/月；``."""
    name = wording.before_price(language, label(line.name, line.sp_short_name))
    trial = _TRIAL.say(language, day=wording.day(language, line.trial_ends_at)) if line.trial_ends_at else ""
    return _ITEM.say(language, number=str(line.number), name=name, price=_price(language, line), trial=trial)


def _unnumbered(language: Language, line: Line) -> str:
    """Return an item without a number: ``宽带电视(20元/月)，请到营业厅办理；``.

    Signs that would make a numbered item of what follows a digit are replaced.
    """
    name = _LIKE_AN_ITEM.sub(_JOINED, label(line.name, line.sp_short_name))
    if line.ends_at is not None:
        return _STILL_RUNS.say(language, name=name, day=wording.day(language, line.ends_at))
    how = _HOW_ELSE.say(language, how=_LIKE_AN_ITEM.sub("；", line.cancel_how)) if line.cancel_how else ""
    if line.in_plan:
        return _FIXED_IN_PLAN.say(language, name=name, how=how)
    price = wording.yuan_without_point(language, line.price_fen)
    return _FIXED.say(language, name=name, price=price, unit=wording.unit(language, line.billing), how=how)


def _section(language: Language, heading: Text, lines: list[Line]) -> list[str]:
    """Return the items, the first one joined to the heading, so that no page ends with a heading."""
    items = [(_unnumbered if line.number is None else _numbered)(language, line) for line in lines]
    if items and lines[-1].number is None and language is Language.ZH:
        # An English full stop behind a digit would make an item.
        items = wording.closed(language, items)
    return [heading.say(language) + items[0], *items[1:]] if items else []


def _body(language: Language, lines: list[Line]) -> tuple[str, ...]:
    """Return all sections."""
    picks = [line for line in lines if line.number is not None]
    rest = [line for line in lines if line.number is None]
    return (
        *_section(language, _OWN, [line for line in picks if line.sp_short_name is None]),
        *_section(language, _CHARGED_FOR_SP, [line for line in picks if line.sp_short_name is not None]),
        *_section(language, _BY_OTHER_WAY, [line for line in rest if line.ends_at is None]),
        *_section(language, _ENDING, [line for line in rest if line.ends_at is not None]),
    )


@value
class HowToAnswer:
    """The facts about answers that close a listing.

    Attributes:
        window: how long it can be answered.
        picks: the numbers that can be picked.
        all_allowed: ``全部`` is an answer.
        free_reply: replies cost nothing.
    """

    window: timedelta
    picks: tuple[int, ...]
    all_allowed: bool
    free_reply: bool


def items_in(listing: str, number: int) -> list[str]:
    """Return the items that a listing shows under a number, as a program that reads listings finds them."""
    return [found for shown, found in _SHOWN_ITEM.findall(listing) if int(shown) == number]


def example_of(picks: tuple[int, ...]) -> str:
    """Return an example of a valid answer: ``1,3``, or fewer numbers if there are no three to pick from."""
    if len(picks) == 1:
        return str(picks[0])
    return f"{picks[0]},{picks[min(2, len(picks) - 1)]}"


def _closing(language: Language, how: HowToAnswer) -> tuple[str, ...]:
    standard = _STANDARD.say(language)
    if not how.picks:
        return (standard,)
    free = _FREE_REPLY.say(language) if how.free_reply else ""
    end = (_HOW_ALL if how.all_allowed else _HOW_END).say(language)
    return (
        _HOW.say(language, example=example_of(how.picks)) + end,
        _VALID.say(language, window=wording.duration(language, how.window), free=free),
        standard,
    )


def outside_plan(language: Language, brand: Brand, lines: list[Line], how: HowToAnswer) -> Passage:
    """Return the first group: the services that are not in the plan."""
    head = _HEAD.say(language, brand=wording.BRANDS[brand].say(language))
    return Passage((head, *_body(language, lines), *_closing(language, how)))


def inside_plan(language: Language, brand: Brand, lines: list[Line], how: HowToAnswer, *, alone: bool) -> Passage:
    """Return the second group: the services in the plan.

    ``alone``: there is no first group, so this one has the greeting and the instructions.
    """
    if alone:
        greeting = _HEAD_IN_PLAN_ONLY.say(language, brand=wording.BRANDS[brand].say(language))
        closing = _closing(language, how)
    else:
        greeting = _HEAD_IN_PLAN.say(language)
        closing = (_HOW_IN_PLAN.say(language),) if any(line.number is not None for line in lines) else ()
    picks = [_numbered(language, line) for line in lines if line.number is not None]
    rest = _body(language, [line for line in lines if line.number is None])
    return Passage((greeting, *picks, *rest, *closing))


def no_services(language: Language, brand: Brand, *, beside_plan: bool = False) -> str:
    """Return that there is nothing to list; ``beside_plan``: there are services in the plan, but they are not listed."""
    text = _NOTHING_BESIDE_PLAN if beside_plan else _NOTHING
    return text.say(language, brand=wording.BRANDS[brand].say(language))
