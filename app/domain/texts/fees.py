"""Texts about charges: reminders, disputes and their results (flows.md 7, 17; safety.md 12-14)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text

_WHAT = Text(zh="{name}{fee}", en="{name} {fee}")
_OF_MONTH = Text(zh="{month}{name}", en="{name} ({month})")
_AMOUNT_OF_MONTH = Text(zh="{month}费用{fee}", en="{fee} ({month})")
_REMINDER_MONTHLY = Text(
    zh="尊敬的客户，您好！您的{what}(包月费)将于{due}起扣收。如有疑问，请在{window}回复{code}{free}，72小时内专人回电，期间不扣收；不回复则到期扣收。",
    en="Dear customer, {what} (monthly fee) will be charged from {due}. To dispute it reply {code} {window}{free}: "
    "we call you within 72 hours and charge nothing meanwhile. If you do not reply, it is charged.",
)
_REMINDER_USE = Text(
    zh="尊敬的客户，您好！您点播的{what}将于{due}起扣收。如有疑问，请在{window}回复{code}{free}，本次免收；不回复则到期扣收。其他疑问请发送TS+内容，72小时内专人回电。",
    en="Dear customer, your use of {what} will be charged from {due}. To dispute it reply {code} {window}{free} "
    "and it is free. For any other question send TS and the question: we call you within 72 hours.",
)
_WITHIN = Text(zh="{length}内", en="within {length}")
_UNTIL = Text(zh="{minute}前", en="by {minute}")
_FREE_REPLY = Text(zh="(回复免费)", en=" (free reply)")
REPEAT = Text(
    zh="抱歉，未能识别您的回复，未作任何更改。对{what}有疑问，请回复{code}；退订业务请发送0000。",
    en="Sorry, we did not understand that; nothing was changed. To dispute {what} reply {code}. To stop services send 0000.",
)
ABOUT = Text(zh="对{what}有疑问请回复{code}至{number}", en="to dispute {what}: {code} to {number}")
_SEVERAL = Text(
    zh="您有多笔费用待确认，未作任何更改。请在{window}内回复有疑问的费用对应的数字：",
    en="Several fees await your reply; nothing was changed. Within {window} reply with the code of the fee you dispute: ",
)
_SEVERAL_ONE = Text(zh="{what}请回复{code}；", en="{what}: {code}; ")
DISPUTED = Text(
    zh="您对{what}的疑问已受理，工单号{number}，{due}前(72小时内)专人回电，期间不扣收。",
    en="Your dispute of {what} is registered as ticket {number}: we call you by {due} (within 72 hours). It is not charged meanwhile.",
)
WAIVED_USE = Text(
    zh="您对{what}的疑问已受理，本次费用免收。",
    en="Your dispute of {what} is accepted: it is free, nothing is charged.",
)
ALREADY_DISPUTED = Text(
    zh="您对{what}的疑问此前已受理，工单号{number}，{due}前专人回电，期间不扣收，无需重复回复。",
    en="Your dispute of {what} is already registered as ticket {number}: we call you by {due}. It is not charged meanwhile.",
)
ALREADY_FREE = Text(zh="{what}已免收，无需重复回复。", en="{what} is already free; there is nothing more to do.")
ALREADY_UPHELD = Text(
    zh="您对{what}的疑问此前已答复，工单号{number}。如仍有疑问，请发送TS+内容到10086。",
    en="Your dispute of {what} has already been answered, ticket {number}. If you still disagree, send TS and the reason to 10086.",
)
LATE = Text(
    zh="您对{what}的疑问已超过回复时限，已转为投诉受理，工单号{number}，将于{due}前答复。退订请发送0000。",
    en="The time to dispute {what} has passed. We have taken it up as complaint {number} and will answer by {due}. To stop services send 0000.",
)
LATE_AGAIN = Text(
    zh="您对{what}的疑问已超过回复时限，此前已转为投诉受理，工单号{number}，将于{due}前答复。",
    en="The time to dispute {what} has passed. It is already taken up as complaint {number}; we will answer by {due}.",
)
CANCELLED = Text(
    zh="经核实，{what}不应收取，已为您取消该笔费用。",
    en="We have checked: {what} is not due, the fee is cancelled. ",
)
UPHELD_TAKEN = Text(
    zh="经核实，{what}计费无误，已正常扣收。",
    en="We have checked: {what} is due and was charged. ",
)
UPHELD_DUE = Text(
    zh="经核实，{what}计费无误，将于{due}起扣收。",
    en="We have checked: {what} is due and will be charged from {due}. ",
)
LAPSED = Text(
    zh="很抱歉，我们未能按时答复您对{what}的疑问，该笔费用已为您免收。",
    en="We are sorry: we did not answer your dispute of {what} in time, so it is free and will not be charged.",
)

UNREACHED = Text(
    zh="{what}的扣费提醒72小时内未能送达，费用已免收，请核实该号码。",
    en="The reminder of {what} could not be delivered for 72 hours; the fee was waived. Please check this number.",
)

# ---- disputed in time, but handled after it was charged

REFUNDED_USE = Text(zh="{what}已退还。", en="{what} was refunded.")
REFUNDED_DISPUTED = Text(
    zh="您对{what}的疑问已受理，已扣收的费用已退还，工单号{number}，将于{due}前答复您。",
    en="Your dispute of {what} is registered as ticket {number} and the fee was refunded: we will answer by {due}.",
)

# ---- unsubscribing

WAIVED_ON_UNSUBSCRIBE = Text(zh="待扣的{fee}不再扣收；", en="the announced fee of {fee} is not charged; ")
CANCELLED_ON_UNSUBSCRIBE = Text(
    zh="您有疑问的{fee}不再扣收，我们仍会按时回电；",
    en="the disputed fee of {fee} is not charged, and we still call you; ",
)
STILL_CHARGED = Text(zh="此前的{fee}将于{day}照常收取；", en="the earlier fee of {fee} is still charged on {day}; ")
REFUNDED = Text(zh="已收取的{fee}将退还；", en="the {fee} already charged will be refunded; ")

STILL_UNDER_CONTRACT = Text(zh="该业务仍在合约期内，未退订。", en="The service is under contract and was not stopped.")


def of_month(language: Language, name: str, month: str | None) -> str:
    """Return the name of a service with the month of the fee, if there is one."""
    return _OF_MONTH.say(language, name=name, month=month) if month else name


def amount(language: Language, fen: int, month: str | None) -> str:
    """Return an amount in fen with its month, for a text that named the service before: ``03月费用3元``."""
    fee = wording.yuan(language, fen)
    return _AMOUNT_OF_MONTH.say(language, fee=fee, month=month) if month else fee


def describe(language: Language, name: str, fen: int) -> str:
    """Return a charge in a few words: ``03月手机报(新华)3元``; ``fen`` is its amount."""
    return _WHAT.say(language, name=wording.before_price(language, name), fee=wording.yuan(language, fen))


def window(language: Language, expected_at: datetime, ends_at: datetime, length: timedelta) -> str:
    """Return how long a charge can be disputed: the length of its window, or its end if the night makes it longer.

    ``expected_at`` (UTC) is when the reminder is expected to arrive; ``ends_at`` is UTC, too.
    """
    if ends_at - expected_at <= length:
        return _WITHIN.say(language, length=wording.duration(language, length))
    return _UNTIL.say(language, minute=wording.minute(language, ends_at))


def reminder(language: Language, what: str, *, per_use: bool, due: datetime, window: str, code: str, free: bool) -> str:
    """Return the reminder of a charge.

    ``what`` comes from ``describe``, ``window`` from ``window``; ``due`` (UTC) is when the charge is taken, ``free`` says
    that replies cost nothing.
    """
    text = _REMINDER_USE if per_use else _REMINDER_MONTHLY
    note = _FREE_REPLY.say(language) if free else ""
    return text.say(language, what=what, due=wording.minute(language, due), window=window, code=code, free=note)


def several_fees(language: Language, fees: Iterable[tuple[str, str]], window: timedelta) -> tuple[str, ...]:
    """Return the reply to a dispute that fits several charges, in pieces; ``fees`` are descriptions and codes.

    They can be disputed for another ``window``.
    """
    heading = _SEVERAL.say(language, window=wording.duration(language, window))
    lines = [_SEVERAL_ONE.say(language, what=fee, code=code) for fee, code in fees]
    return (heading, *wording.closed(language, lines))
