"""The question of an order: a number of its own, everything that binds in words, a code where one is asked for."""

from datetime import datetime
from typing import ClassVar

from app.commands.codes import fresh_code
from app.commands.orders.records import EXPIRY_TIMER, draft, label, order_refused
from app.commands.replies import say, shown
from app.domain.account import Subscription, Terms
from app.domain.catalogue import ConfirmMode
from app.domain.charges import AFTER
from app.domain.dialogue import Question, QuestionState
from app.domain.messages import MessageClass, Reply
from app.domain.orders import Order, OrderKind, Reason, free_number
from app.domain.service_numbers import Extension
from app.domain.texts import orders as texts
from app.domain.turn import Outcome, TimerSet, Turn
from app.domain.values import replace, value

MATTER = "order"


@value
class ConfirmingOrder(QuestionState):
    """An order waits for its yes to what the question ``named``; with a ``code``, only that is one.

    ``again``: a yes that was dated before the question was none, so that one counts that is stored after this one.
    """

    kind: ClassVar[str] = "confirming-order"
    must_reach: ClassVar[bool] = True
    order_id: str
    name: str
    named: texts.Named
    code: str | None = None
    again: bool = False

    @property
    def answer_code(self) -> str | None:
        """The order's code, where there is one."""
        return self.code


def ask(turn: Turn, order: Order, asking_reason: str | None = None, *, again: bool = False) -> Outcome:
    """Ask for her yes from a number that no other question of hers has; refused when all of those rest."""
    number = free_number(turn.account.records_of(Order), _numbers_in_use(turn), turn.now, turn.randbelow)
    if number is None:
        return order_refused(turn, order, Reason.TOO_MANY_ORDERS)
    asked_order = replace(
        order,
        question_id=next(turn.ids),
        number=number,
        code=_code(turn, order),
        expires_at=order.expires_at or turn.now + turn.policy.confirmation_window,
    )
    reply = _question_reply(turn, asked_order)
    question = _question(turn, asked_order, reply, again=again)
    return Outcome(
        replies=(reply,),
        questions=(question,),
        records=(asked_order,),
        timers=(expiry(asked_order, question.expires_at),),
        evidence=(draft("order-asked", asked_order, reason=asking_reason, asked=question.asked_text),),
        verdict="asked",
    )


def _question(turn: Turn, order: Order, reply: Reply, *, again: bool) -> Question:
    return Question(
        id=order.question_id or "",
        state=ConfirmingOrder(order.id, label(turn, order), named(turn, order), order.code, again),
        extension=reply.extension,
        asked_text=shown(reply),
        asked_at=turn.now,
        expires_at=order.expires_at or turn.now,
    )


def expiry(order: Order, expires_at: datetime) -> TimerSet:
    """What ends an order without an answer: a window includes its last instant."""
    return TimerSet(EXPIRY_TIMER, order.id, expires_at + AFTER)


def about(order: Order) -> str:
    """What its question is about, for those who are told what became of the message."""
    return f"{MATTER}:{order.id}/{order.number}"


def _numbers_in_use(turn: Turn) -> set[str]:
    asked = (question for question in turn.account.questions.values() if isinstance(question.state, ConfirmingOrder))
    speaking = (question for question in asked if question.is_open(turn.now) or question.lately_ended(turn.now))
    return {question.extension.removeprefix(Extension.CONFIRMATION) for question in speaking}


def _code(turn: Turn, order: Order) -> str | None:
    """A code where one is asked for, or where one number carries everything (safety.md 6, 7)."""
    provider = turn.catalogue.providers[order.terms.sp_code] if order.terms else None
    mode = (provider.confirm_mode if provider else None) or turn.policy.confirm_mode
    if mode is ConfirmMode.FIXED and not turn.carrier.single_number:
        return None
    return fresh_code(turn)


def _question_reply(turn: Turn, order: Order) -> Reply:
    return say(
        turn,
        _question_text(turn, order),
        extension=f"{Extension.CONFIRMATION}{order.number}",
        kind=MessageClass.CONFIRMATION,
        question_id=order.question_id,
        about=about(order),
        notify=True,
    )


def _question_text(turn: Turn, order: Order) -> str:
    language, window = turn.account.language, turn.policy.confirmation_window
    words, held = asked(turn, order), turn.account.subscriptions.get(order.subscription_id or "")
    if held is None:
        return texts.ask_order(language, words, window)
    ends_at = held.ends_at or held.trial_ends_at or turn.now
    match order.kind:
        case OrderKind.KEEP:
            return texts.ask_keep(language, words, ends_at, trial_left(held, ends_at), window)
        case OrderKind.TERMS:
            return texts.ask_terms(language, words, held.terms.price_fen, order.takes_effect_at or ends_at)
        case _:
            return texts.ask_trial(language, words, ends_at)


def trial_left(held: Subscription, at: datetime) -> datetime | None:
    """The end of the trial that a service which is kept goes back to, if that is not over at ``at``."""
    left_in_trial = held.trial_ends_at is not None and held.unsubscribed_at is not None
    return held.trial_ends_at if left_in_trial and held.trial_ends_at and held.trial_ends_at >= at else None


def named(turn: Turn, order: Order) -> texts.Named:
    """What the question names, and binds by that (safety.md 4, 5)."""
    service = turn.catalogue.services[order.service_code]
    terms = order.terms or Terms(service.price_fen, service.billing, service.sp_code, service.cancel_effect)
    held = turn.account.subscriptions.get(order.subscription_id or "")
    is_new = order.kind is OrderKind.ORDER
    by_sms = held.can_be_left_by_sms(service) if held else service.cancellable_by_sms
    return texts.Named(
        sp=turn.catalogue.providers[terms.sp_code].short_name,
        name=service.name,
        price_fen=terms.price_fen,
        billing=terms.billing,
        cancel_effect=terms.cancel_effect,
        trial_days=order.trial_days,
        had_trial=is_new and service.trial_days > 0 and not order.trial_days,
        free_hours=order.free_hours if is_new else None,
        trial_ends_at=held.trial_ends_at if held and order.kind is OrderKind.TRIAL else None,
        by_sms=by_sms,
        how_to_leave=None if by_sms else service.cancel_how,
    )


def asked(turn: Turn, order: Order) -> texts.Asked:
    """What the question says: what it names, and how it is answered."""
    return texts.Asked(named(turn, order), turn.policy.numbers.access, order.code, free_reply=turn.carrier.free_mo)
