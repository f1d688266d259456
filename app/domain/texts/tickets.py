"""Texts about complaints and other tickets (flows.md 12)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.tickets import Ticket, TicketKind

HELP = Text(zh="TS+投诉内容 投诉", en="TS+text make a complaint")
HELP_STATE = Text(zh="CXTS 查询投诉进度", en="CXTS complaint status")
_ASK = Text(
    zh="请在{window}内直接回复您要投诉的内容，如“多收了我的费用”。",
    en="What is your complaint about? Please reply within {window}, for example: I was charged too much.",
)
REPEAT = Text(
    zh="抱歉，未能识别您的回复，投诉未受理。请直接回复您要投诉的内容，如“多收了我的费用”。",
    en="Sorry, we did not understand that; no complaint was recorded. Please reply with what it is about, for example: I was charged too much.",
)
EXPIRED = Text(
    zh="您未在时限内回复投诉内容，本次投诉未受理。投诉请发送TS+投诉内容，如“TS多收了我的费用”。",
    en="You did not say in time what your complaint is about; none was recorded. Please send TS and your complaint.",
)
ABOUT = Text(zh="投诉请发送TS+投诉内容至{number}", en="for a complaint: send TS and its text to {number}")
NONE = Text(
    zh="您目前没有处理中的投诉。投诉请发送TS+投诉内容。",
    en="You have no open complaints. To make one send TS and your complaint.",
)
INCOMPLETE = Text(zh="{text}(短信未收全)", en="{text} (part of this never arrived)")
_OPENED = Text(
    zh="您的投诉已受理，工单号{number}。我们将在{first}内(不晚于{first_due})首次答复，{whole}内(不晚于{due})处理完毕。{fees}查询进度请发送CXTS。",
    en="Your complaint was received, ticket {number}. First answer within {first} (by {first_due}), resolved within {whole} (by {due}). {fees}Send CXTS to check its status.",
)
_FEES = Text(
    zh="涉及费用：{fees}；如到期未有结论，已收取的先行退还。",
    en="Fees concerned: {fees}; what was charged will be refunded if nothing is decided by then. ",
)
_FEE = Text(zh="{name}{amount}", en="{name}: {amount}")
_LINE = Text(
    zh="工单{number}({kind}，{day}受理)：{state}；",
    en="Ticket {number} ({kind}, {day}): {state}; ",
)
_KINDS = {
    TicketKind.COMPLAINT: Text(zh="投诉", en="complaint"),
    TicketKind.FEE_DISPUTE: Text(zh="费用疑问", en="disputed fee"),
    TicketKind.UNREACHED: Text(zh="提醒未送达", en="undelivered reminder"),
    TicketKind.DEAD_LETTER: Text(zh="短信未能处理", en="unprocessed message"),
    TicketKind.UNANSWERED: Text(zh="短信送达结果不明", en="message that may not have arrived"),
}
_WAITING = Text(zh="处理中，不晚于{due}处理完毕", en="in progress, to be resolved by {due}")
_OVERDUE = Text(zh="已超过时限，正在加急处理", en="overdue, being handled with priority")
UNANSWERED = Text(
    zh="短信{message}送达结果不明，短信通道未返回结果，请核实。",
    en="It is not known whether message {message} arrived: the carrier gave no answer. Please look into it.",
)
STATE_OPENING = Text(zh="您的工单进度如下：", en="Your open tickets: ")
FIRST_RESPONSE = Text(zh="关于您的工单{number}，现答复如下：{message}", en="About your ticket {number}: {message}")
SPAM_RECEIVED = Text(
    zh="您举报的信息已收到并记录，感谢您的支持。",
    en="Your report was received and recorded. Thank you.",
)
SPAM_WITHOUT_NUMBER = Text(
    zh="您举报的信息已收到并记录。为便于核实，请按“号码*内容”的格式发送被举报的号码和内容。",
    en="Your report was received and recorded. So that we can follow it up, please send it in the format number*content.",
)
_RESOLVED = Text(zh="您的工单{number}已处理完毕。", en="Your ticket {number} has been resolved. ")
_RESOLVED_SAYING = Text(
    zh="您的工单{number}已处理完毕：{message}", en="Your ticket {number} has been resolved: {message}"
)


def ask(language: Language, window: timedelta) -> str:
    """Return the question what the complaint is about; ``window`` is how long it can be answered."""
    return _ASK.say(language, window=wording.duration(language, window))


def fee(language: Language, name: str, fen: int) -> str:
    """Return a fee of ``fen`` for a service, as ``opened`` lists it."""
    amount = wording.yuan_without_point(language, fen)
    return _FEE.say(language, name=wording.before_price(language, name), amount=amount)


def opened(language: Language, ticket: Ticket, fees: Iterable[str]) -> str:
    """Return the number and deadlines of a new complaint, with the fees that it is about."""
    named = wording.names(language, fees)
    return _OPENED.say(
        language,
        number=ticket.number,
        first=wording.duration(language, ticket.first_response_due - ticket.made_at),
        first_due=wording.minute(language, ticket.first_response_due),
        whole=wording.duration(language, ticket.due - ticket.made_at),
        due=wording.minute(language, ticket.due),
        fees=_FEES.say(language, fees=named) if named else "",
    )


def state(language: Language, ticket: Ticket, at: datetime) -> str:
    """Return the state of a ticket at ``at`` (UTC), as one line of ``CXTS``."""
    overdue = ticket.due <= at
    words = (_OVERDUE if overdue else _WAITING).say(language, due=wording.minute(language, ticket.due))
    return _LINE.say(
        language,
        number=ticket.number,
        kind=_KINDS[ticket.kind].say(language),
        day=wording.day(language, ticket.made_at),
        state=words,
    )


def resolved(language: Language, number: str, message: str | None) -> str:
    """Return that a ticket was decided, with the agent's message if there is one."""
    if message is None:
        return _RESOLVED.say(language, number=number)
    return _RESOLVED_SAYING.say(language, number=number, message=wording.sentence(language, message))
