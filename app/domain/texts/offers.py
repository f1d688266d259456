"""Texts of ``1111``: the services on offer, and how to order one (flows.md 4, 6)."""

from datetime import timedelta

from app.domain.account import Language
from app.domain.catalogue import Billing
from app.domain.texts import wording
from app.domain.texts.listing import label
from app.domain.texts.wording import Text
from app.domain.values import value

HELP = Text(zh="1111 查询可订购业务", en="1111 services on offer")
NOTHING = Text(
    zh="目前没有可订购的业务。查询和退订请发送0000。",
    en="There is nothing to order at present. Send 0000 for your services.",
)
_HEAD = Text(zh="您好！可订购的业务有：", en="On offer: ")
# The same form as in a 0000 listing, for the same programs (flows.md 17).
_ITEM = Text(zh="{number}、{name}{price}{trial}；", en="{number}、{name} {price}{trial}；")
_TRIAL = Text(zh="，先免费体验{days}天", en=", after a {days}-day free trial")
_HOW = Text(zh="请回复序号订购，如{example}；", en="Reply with a number to order, e.g. {example}; ")
_ASKED_AGAIN = Text(zh="您确认后才会开通。", en="it starts only after you confirm. ")
_VALID = Text(zh="{window}内回复有效{free}。", en="Valid for {window}{free}. ")
_FREE_REPLY = Text(zh="，回复免费", en=", replies are free")
EXPIRED = Text(
    zh="您回复的可订购业务清单已超时失效，未作任何更改。请发送1111重新查询。",
    en="That list of offers has expired; nothing was changed. Send 1111 for a new one.",
)
FAILED = Text(
    zh="上一条可订购业务清单短信未完整送达，未作任何更改。请发送1111重新查询。",
    en="The last list of offers did not reach you in full, so nothing was changed. Send 1111 for a new one.",
)
WRONG_NUMBER = Text(
    zh="可订购业务清单中没有序号{wrong}，未作任何更改。请回复清单中的一个序号，如{example}。",
    en="The list of offers has no number {wrong}; nothing was changed. Reply with one of its numbers, e.g. {example}.",
)
REPEAT = Text(
    zh="抱歉，未能识别您的回复，未作任何更改。订购请回复一个业务序号，如{example}；重新查询请发送1111。",
    en="Sorry, we did not understand that; nothing was changed. To order reply with one number from the list, e.g. {example}, or send 1111 for a new one.",
)
ABOUT = Text(zh="订购请发送{example}至{number}", en="to order: send {example} to {number}")


@value
class Offer:
    """A service in the listing of offers.

    ``number`` counts from 1, ``price_fen`` is in fen, ``trial_days`` in days; ``sp_short_name`` is None for the
    operator's own services.
    """

    number: int
    name: str
    sp_short_name: str | None
    price_fen: int
    billing: Billing
    trial_days: int


def offers(language: Language, lines: list[Offer], window: timedelta, *, free_reply: bool) -> tuple[str, ...]:
    """Return the listing of offers in pieces; ``window`` is how long it can be answered."""
    items = [_item(language, line) for line in lines]
    free = _FREE_REPLY.say(language) if free_reply else ""
    return (
        _HEAD.say(language) + items[0],
        *items[1:],
        _HOW.say(language, example=str(lines[0].number)) + _ASKED_AGAIN.say(language),
        _VALID.say(language, window=wording.duration(language, window), free=free),
    )


def _item(language: Language, line: Offer) -> str:
    return _ITEM.say(
        language,
        number=str(line.number),
        name=wording.before_price(language, label(line.name, line.sp_short_name)),
        price=wording.price(language, line.price_fen, line.billing),
        trial=_TRIAL.say(language, days=str(line.trial_days)) if line.trial_days else "",
    )
