"""Texts about orders, trials and new terms: questions, and replies to their answers (flows.md 6)."""

from datetime import datetime, timedelta

from app.domain.account import Language
from app.domain.catalogue import Billing, CancelEffect
from app.domain.orders import OrderKind
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.values import value

HELP = Text(zh="KT+业务代码 订购业务", en="KT+keyword order a service")


@value
class QuotedTerms:
    """The terms that a question names, stored with it as JSON; nothing else becomes binding (safety.md 4, 5).

    Attributes:
        sp: the name of the SP.
        price_fen: the price in fen, per month or per use as ``billing`` says.
        trial_days: the length of the free trial in days; 0 without one.
        had_trial: the service has a trial, but this subscriber had it already.
        free_hours: unsubscribing within 72 hours is free of charge; None if the question is not about a new order.
        trial_ends_at: the end of a running trial (UTC).
        by_sms: it can be unsubscribed by SMS; otherwise ``how_to_leave`` says how.
    """

    sp: str
    name: str
    price_fen: int
    billing: Billing
    cancel_effect: CancelEffect
    trial_days: int = 0
    had_trial: bool = False
    free_hours: bool | None = None
    trial_ends_at: datetime | None = None
    by_sms: bool = True
    how_to_leave: str | None = None


@value
class ConfirmationQuestion:
    """The contents of a question.

    ``access`` is the number to unsubscribe at, ``code`` the code that confirms it (None: the word for yes does), and
    ``free_reply`` says that replies cost nothing.
    """

    named: QuotedTerms
    access: str
    code: str | None = None
    free_reply: bool = False


_ORDER = Text(
    zh="尊敬的客户，您好！您将订购{sp}的{name}业务，{price}，{trial}{effect}{hours}。请在{window}内回复{yes}确认订购，回复其他内容或不回复则不订购{free}。{leave}。",
    en="Dear customer, you are about to order {name} from {sp}, {price}, {trial}{effect}{hours}. Reply {yes} within {window} to order; any other reply, or none, means no{free}. {leave}.",
)
_TRIAL = Text(
    zh="尊敬的客户，您好！您免费体验的{sp}的{name}业务将于{end}到期。继续使用的资费为{price}，{effect}。请在到期前回复{yes}确认，回复其他内容或不回复则到期停止，不收费{free}。{leave}。",
    en="Dear customer, your free trial of {name} from {sp} ends on {end}. To continue at {price}, {effect}, reply {yes} before then; with any other reply, or none, it stops then, free of charge{free}. {leave}.",
)
_KEEP = Text(
    zh="尊敬的客户，您好！您已退订{sp}的{name}业务，将于{end}停止。继续使用的资费为{price}，当月费用不重复收取，{trial}{effect}。请在{window}内回复{yes}确认保留，回复其他内容或不回复则到期停止{free}。{leave}。",
    en="Dear customer, {name} from {sp}, which you stopped, runs until {end}. To keep it at {price}, this month not charged twice, {trial}{effect}, reply {yes} within {window}; with any other reply, or none, it stops then{free}. {leave}.",
)
_TERMS = Text(
    zh="尊敬的客户，您好！您使用的{sp}的{name}业务自{end}起资费调整：现{old}，调整后{price}，{effect}。请在此前回复{yes}同意，回复其他内容或不回复则届时停止，不再收费{free}。{leave}。",
    en="Dear customer, the terms of {name} from {sp} change on {end}: now {old}, then {price}, {effect}. Reply {yes} before then to agree; with any other reply, or none, it stops then and nothing more is charged{free}. {leave}.",
)
_YES = Text(zh="“是”", en="YES")
_YES_CODE = Text(zh="验证码{code}", en="the code {code}")
_FREE = Text(zh="，回复免费", en=", replies are free")
_TRIAL_FIRST = Text(
    zh="先免费体验{days}天，期满前再次征询您，未确认则到期停止、不收费，",
    en="after a free trial of {days} days (we ask again before it ends: without your yes it stops, free of charge), ",
)
_NO_TRIAL = Text(zh="您已体验过，不再免费体验，", en="without a free trial, as you have had one, ")
_FREE_HOURS = Text(zh="，72小时内退订免费", en=", free if stopped within 72 hours")
_NO_FREE_HOURS = Text(
    zh="，您近期订购过，72小时内退订不再免费", en=", not free if stopped within 72 hours, as you ordered it recently"
)
_TRIAL_LEFT = Text(
    zh="免费体验至{end}，期满前再次征询您，未确认则到期停止、不收费，",
    en="free until {end} (we ask again before then: without your yes it stops, free of charge), ",
)
_EFFECTS = {
    CancelEffect.IMMEDIATE: Text(
        zh="无合约期，可随时退订，退订立即生效", en="no contract, stops at once whenever you ask"
    ),
    CancelEffect.WITHIN_24H: Text(
        zh="无合约期，可随时退订，退订24小时内生效", en="no contract, stops within 24 hours whenever you ask"
    ),
    CancelEffect.MONTH_END: Text(
        zh="无合约期，可随时退订，退订后可用至月底{charged}",
        en="no contract, can be stopped at any time, runs to the end of that month{charged}",
    ),
}
_MONTH_IS_CHARGED = Text(zh="(当月照常收费)", en=" (still charged)")
_LEAVE = Text(zh="退订发送0000到{access}", en="To stop it send 0000 to {access}")
_LEAVE_ELSE = Text(zh="退订方式：{how}", en="To stop it: {how}")
_NOT_BY_SMS = Text(zh="不可短信退订", en="It cannot be stopped by SMS")


def _facts(language: Language, asked: ConfirmationQuestion) -> dict[str, str]:
    named = asked.named
    charged = _MONTH_IS_CHARGED.say(language) if named.billing is Billing.MONTHLY else ""
    return {
        "sp": named.sp,
        "name": named.name,
        "price": wording.price(language, named.price_fen, named.billing),
        "effect": _EFFECTS[named.cancel_effect].say(language, charged=charged),
        "yes": _YES_CODE.say(language, code=asked.code) if asked.code else _YES.say(language),
        "free": _FREE.say(language) if asked.free_reply else "",
        "leave": how_to_unsubscribe(language, asked),
    }


def _trial_of(language: Language, named: QuotedTerms) -> str:
    if named.trial_days:
        return _TRIAL_FIRST.say(language, days=str(named.trial_days))
    return _NO_TRIAL.say(language) if named.had_trial else ""


def ask_order(language: Language, asked: ConfirmationQuestion, window: timedelta) -> str:
    """Return the question whether to start a service; ``window`` is how long it can be answered."""
    hours = _FREE_HOURS if asked.named.free_hours else _NO_FREE_HOURS
    return _ORDER.say(
        language, **_facts(language, asked), trial=_trial_of(language, asked.named), hours=hours.say(language),
        window=wording.duration(language, window),
    )  # fmt: skip


def ask_trial(language: Language, asked: ConfirmationQuestion, ends_at: datetime) -> str:
    """Return the question whether to continue after a trial that ends at ``ends_at`` (UTC)."""
    return _TRIAL.say(language, **_facts(language, asked), end=wording.minute(language, ends_at))


def ask_keep(
    language: Language,
    asked: ConfirmationQuestion,
    ends_at: datetime,
    trial_ends_at: datetime | None,
    window: timedelta,
) -> str:
    """Return the question whether to keep an unsubscribed service that still runs (times are UTC)."""
    trial = _TRIAL_LEFT.say(language, end=wording.day(language, trial_ends_at)) if trial_ends_at else ""
    return _KEEP.say(
        language, **_facts(language, asked), trial=trial, end=wording.day(language, ends_at),
        window=wording.duration(language, window),
    )  # fmt: skip


def ask_terms(language: Language, asked: ConfirmationQuestion, old_fen: int, takes_effect_at: datetime) -> str:
    """Return the question whether to agree to new terms; ``old_fen`` is the price so far, times are UTC."""
    return _TERMS.say(
        language, **_facts(language, asked), old=wording.price(language, old_fen, asked.named.billing),
        end=wording.minute(language, takes_effect_at),
    )  # fmt: skip


# ---- replies to a yes

ORDERED = Text(
    zh="您已成功订购{name}，{day}起生效，资费{price}。{free}{leave}。",
    en="You have ordered {name} at {price}, starting {day}. {free}{leave}.",
)
ORDERED_TRIAL = Text(
    zh="您已成功订购{name}，{day}起生效，免费体验至{end}，此后资费{price}，届时需您再次确认。{free}{leave}。",
    en="You have ordered {name}, starting {day}, free until {end}, then {price} if you confirm again. {free}{leave}.",
)
GOES_ON = Text(
    zh="您已确认继续使用{name}，免费体验至{end}，此后资费{price}。{leave}。",
    en="You are continuing {name}: free until {end}, then {price}. {leave}.",
)
KEPT = Text(
    zh="已为您保留{name}，资费{price}，已收取的当月费用不重复收取。{leave}。",
    en="You are keeping {name} at {price}; this month is not charged twice. {leave}.",
)
TERMS_AGREED = Text(
    zh="您已同意{name}的新资费，自{end}起资费为{price}。{leave}。",
    en="You have agreed to the new terms of {name}: {price} from {end}. {leave}.",
)


_STOP_FREE = Text(zh="72小时内退订免费。", en="Stopping it within 72 hours is free. ")


def free_hours(language: Language) -> str:
    """Return that unsubscribing within 72 hours is free of charge."""
    return _STOP_FREE.say(language)


def how_to_unsubscribe(language: Language, asked: ConfirmationQuestion) -> str:
    """Return how to unsubscribe the service."""
    named = asked.named
    if named.by_sms:
        return _LEAVE.say(language, access=asked.access)
    if named.how_to_leave:
        return _LEAVE_ELSE.say(language, how=named.how_to_leave.rstrip("。. "))
    return _NOT_BY_SMS.say(language)


# ---- replies to a no

_DECLINED = Text(zh="好的，您未订购{name}，不收费。", en="OK: {name} was not ordered and nothing is charged.")
_DECLINED_TRIAL = Text(
    zh="好的，{name}将于{end}体验期满后停止，不收费。",
    en="OK: {name} stops when its trial ends on {end}, free of charge.",
)
_DECLINED_KEEP = Text(
    zh="好的，未作任何更改，{name}仍将于{end}停止。",
    en="OK: nothing was changed, {name} still stops on {end}.",
)
_DECLINED_TERMS = Text(
    zh="好的，您未同意新资费，{name}将于{end}停止，此后不再收费。",
    en="OK: you declined the new terms, {name} stops on {end} and nothing is charged after that.",
)
DECLINED_AS = {
    OrderKind.ORDER: _DECLINED,
    OrderKind.TRIAL: _DECLINED_TRIAL,
    OrderKind.KEEP: _DECLINED_KEEP,
    OrderKind.TERMS: _DECLINED_TERMS,
}
TERMS_ENDED = Text(
    zh="您好！因您未确认{name}的新资费，该业务已于{end}停止，不再收费。",
    en="You did not agree to the new terms of {name}: it was stopped on {end} and nothing more is charged.",
)

# ---- answers that are late, repeated or wrong

EXPIRED = Text(
    zh="本次确认已超时失效，未为您办理{name}，不收费。如需订购请发送1111。",
    en="That confirmation came too late: {name} was not processed and nothing is charged. To order send 1111.",
)
ALREADY_CONFIRMED = Text(
    zh="您此前已确认{name}，无需重复回复。查询请发送0000。",
    en="You have already confirmed {name}. Send 0000 to see your services.",
)
ALREADY_DECLINED = Text(
    zh="您此前未确认{name}，未订购，不收费。如需订购请发送1111。",
    en="You did not confirm {name} earlier, so it was not ordered. To order send 1111.",
)
ASKED_ANEW = Text(
    zh="{name}的订购内容已变更，未为您办理，请回复最新的确认短信。",
    en="The order for {name} has changed, so nothing was ordered: please reply to our latest message about it.",
)
EXPIRED_CHANGE = Text(
    zh="本次确认已超时失效，{name}按此前通知处理，未作任何更改。查询请发送0000。",
    en="That confirmation came too late: {name} proceeds as we told you before; nothing was changed. Send 0000 to see your services.",
)
DECLINED_CHANGE = Text(
    zh="您此前未确认{name}，该业务按此前通知处理，未作任何更改。查询请发送0000。",
    en="You did not confirm {name} earlier: it proceeds as we told you; nothing was changed. Send 0000 to see your services.",
)
CLOSED = Text(
    zh="{name}的确认已失效，未作任何更改。如需订购请发送1111。",
    en="That confirmation of {name} is no longer valid; nothing was changed. To order send 1111.",
)
UNDELIVERED = Text(
    zh="{name}的确认短信此前未能送达，未为您办理，不收费。如需订购请发送{again}。",
    en="Our question about {name} could not be delivered, so nothing was done and nothing is charged. To order send {again}.",
)
WRONG_CODE = Text(
    zh="验证码有误，{name}未确认，未作任何更改。请回复确认短信中的验证码。",
    en="That code is wrong: {name} is not confirmed and nothing was changed. Reply with the code in our message.",
)
WRONG_CODES = Text(
    zh="验证码多次有误，{name}的确认已失效，未订购，不收费。如需订购请发送1111。",
    en="Too many wrong codes: {name} was not ordered and nothing is charged. To order send 1111.",
)
REPEAT = Text(
    zh="抱歉，未能识别您的回复，未作任何更改。确认{name}请回复{yes}，如不需要请回复“否”。",
    en="Sorry, we did not understand that; nothing was changed. To confirm {name} reply {yes}, otherwise reply NO.",
)
ABOUT = Text(zh="确认{name}请回复至{number}", en="to confirm {name}: {number}")


def yes_word(language: Language, code: str | None) -> str:
    """Return what confirms an order. It does not contain the code, which only the question shows."""
    return _CODE_OF_QUESTION.say(language) if code else _YES.say(language)


_CODE_OF_QUESTION = Text(zh="确认短信中的验证码", en="the code in our message")

# ---- orders that name no service

NO_KEYWORD = Text(
    zh="请在KT后加上业务代码，如KTCL。查询可订购业务请发送1111。",
    en="Please add the service's keyword after KT, e.g. KTCL, or send 1111 for available services.",
)
NO_SUCH_SERVICE = Text(
    zh="业务代码{word}不存在，未作任何更改。查询可订购业务请发送1111。",
    en="No service has the keyword {word}; nothing was changed. Send 1111 for available services.",
)
NO_SUCH_KEYWORD = Text(
    zh="该业务代码不存在，未作任何更改。查询可订购业务请发送1111。",
    en="No service has that keyword; nothing was changed. Send 1111 for available services.",
)
