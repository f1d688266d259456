"""Texts for MOs that answer nothing, come too late or are ambiguous, and the menu (flows.md 3)."""

from collections.abc import Iterable

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text

HELP = Text(zh="10086 指令帮助", en="10086 this menu")
MENU = Text(zh="您可发送以下指令：{commands}。", en="You can send: {commands}.")
NOT_UNDERSTOOD = Text(
    zh="抱歉，未能识别您的短信，未作任何更改。您可发送以下指令：{commands}。",
    en="Sorry, we did not understand that; nothing was changed. You can send: {commands}.",
)
INCOMPLETE = Text(
    zh="抱歉，您的短信未收全，未作任何更改。请重新发送。",
    en="Sorry, your message arrived incomplete, so nothing was changed. Please send it again.",
)
LISTING_EXPIRED = Text(
    zh="您回复的业务清单已超时失效，未作任何更改。请发送0000重新查询。",
    en="That list has expired; nothing was changed. Send 0000 for a new one.",
)
LISTING_FAILED = Text(
    zh="上一条业务清单短信未完整送达，未作任何更改。请发送0000重新查询。",
    en="The last list did not reach you in full, so nothing was changed. Send 0000 for a new one.",
)
LISTING_REPLACED = Text(
    zh="您回复的是此前的业务清单，未作任何更改。请按最新清单回复，或发送0000重新查询。",
    en="You replied to an earlier list; nothing was changed. Reply to the latest one, or send 0000.",
)
UNSUBSCRIBE_FAILED = Text(
    zh="上一条退订确认短信未完整送达，未作任何更改。请发送0000重新查询。",
    en="Our last question did not reach you in full, so nothing was changed. Send 0000 for a new list.",
)
UNSUBSCRIBE_EXPIRED = Text(
    zh="退订确认已超时失效，未作任何更改。请发送0000重新查询。",
    en="Your confirmation came too late; nothing was changed. Send 0000 for a new list.",
)
UNSUBSCRIBE_ANSWERED = Text(
    zh="此前已按您的回复办理，无需重复回复。查询请发送0000。",
    en="Your earlier reply has already been processed. Send 0000 to see your services.",
)
_SEVERAL_QUESTIONS = Text(
    zh="您有多条短信待回复，未作任何更改。请分别回复至对应号码：{questions}。",
    en="Several messages await your reply; nothing was changed. Please reply to the right number: {questions}.",
)
_ANSWER_THERE = Text(
    zh="您的回复未生效，未作任何更改。请回复至对应号码：{questions}。",
    en="Your reply had no effect; nothing was changed. Please reply to the right number: {questions}.",
)
ABOUT_LISTING = Text(zh="业务清单请回复至{number}", en="for the list of services: {number}")
ABOUT_UNSUBSCRIBE = Text(zh="退订{names}请回复至{number}", en="to stop {names}: {number}")
REPEAT_LISTING = Text(
    zh="抱歉，未能识别您的回复，未作任何更改。请回复业务序号，如{example}；重新查询请发送0000。",
    en="Sorry, we did not understand that; nothing was changed. Reply with numbers from the list, e.g. {example}, or send 0000 for a new one.",
)
REPEAT_UNSUBSCRIBE = Text(
    zh="抱歉，未能识别您的回复，未作任何更改。退订{names}请回复Y，保留请回复N。重新查询请发送0000。",
    en="Sorry, we did not understand that; nothing was changed. To stop {names} reply Y, to keep reply N. Send 0000 for a new list.",
)
WRONG_NUMBERS = Text(
    zh="清单中没有序号{wrong}，未作任何更改。请回复清单中的序号，多项用逗号分隔，如{example}。",
    en="The list has no number {wrong}; nothing was changed. Reply with numbers from the list, separated by commas, e.g. {example}.",
)
NOT_A_CUSTOMER = Text(
    zh="您好！您的号码非本网号码，无法为您办理业务。如有疑问请咨询您的运营商。",
    en="Your number is not on our network, so we cannot help. Please contact your own operator.",
)
TOO_MANY = Text(
    zh="您发送短信过于频繁，查询请稍后再试；退订等请求将于1分钟后为您办理。",
    en="You have sent too many messages. Please try queries later; requests to stop a service will be processed in a minute.",
)
TRY_LATER = Text(
    zh="抱歉，您的短信暂时未能处理，未作任何更改，请稍后再试。",
    en="Sorry, we could not handle your message and nothing was changed. Please try again later.",
)


def several_questions(language: Language, questions: Iterable[str]) -> str:
    """Return the reply to an MO that answers several open questions; ``questions`` name each with its service number."""
    return _SEVERAL_QUESTIONS.say(language, questions=wording.matters(language, questions))


def answer_there(language: Language, questions: Iterable[str]) -> str:
    """Return the reply to an answer sent to the wrong number; ``questions`` name what it may answer, with its number."""
    return _ANSWER_THERE.say(language, questions=wording.matters(language, questions))
