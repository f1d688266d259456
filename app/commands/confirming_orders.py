"""Answers to the question of an order: the yes that binds, and everything else (flows.md 6, 17; safety.md 5, 6)."""

from app.commands.order_questions import ConfirmingOrder, ask
from app.commands.order_records import answer_draft, closed_with_question
from app.commands.ordering import Asking, concerns, objection, refusal_text, wanted
from app.commands.parser import Said
from app.commands.registry import Answer, Fit, answer, beside
from app.commands.speech import number_of, say
from app.commands.starting import carry_out
from app.domain.dialogue import ClosedAs, Question
from app.domain.messages import MessageClass, Reply
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.service_numbers import Extension
from app.domain.texts import orders as texts
from app.domain.texts import wording
from app.domain.turn import Outcome, TextReceived, Turn, joined
from app.domain.values import replace

# Understood as a yes only where no other question can be meant: on the order's own number (safety.md 6).
_ONE = "1"
_AFTER_THE_END = {
    OrderState.AWAITING: texts.ASKED_ANEW,
    OrderState.CONFIRMED: texts.ALREADY_CONFIRMED,
    OrderState.DECLINED: texts.ALREADY_DECLINED,
    OrderState.EXPIRED: texts.EXPIRED,
}
# These go on being asked when a yes cannot be taken: she can mend what stands against it, and say yes again.
_STAY_OPEN = frozenset({OrderKind.TRIAL, OrderKind.TERMS})
_MENDABLE = frozenset({Reason.SUSPENDED, Reason.BALANCE_TOO_LOW})


def _order_of(turn: Turn, question: Question) -> Order | None:
    return turn.account.record(Order, question.state_as(ConfirmingOrder).order_id)


def _sent_there(turn: Turn, question: Question) -> bool:
    """Whether a text came to the question's own number; with one number for everything there is none."""
    dialled = turn.policy.numbers.extension(turn.stimulus_as(TextReceived).dialled)
    return dialled == question.extension and not turn.carrier.single_number


def _is_yes(turn: Turn, question: Question, said: Said) -> bool:
    code = question.state_as(ConfirmingOrder).code
    if code is not None:
        return said.key == code
    return said.is_yes or (said.key == _ONE and _sent_there(turn, question))


def _reply(turn: Turn, question: Question, text: str, kind: MessageClass = MessageClass.RESULT) -> Reply:
    return say(turn, text, extension=question.extension, kind=kind)


# ---- what is said of a question


def _name(question: Question) -> str:
    return question.state_as(ConfirmingOrder).name


def _repeat(turn: Turn, question: Question) -> str:
    language = turn.account.language
    yes = texts.yes_word(language, question.state_as(ConfirmingOrder).code)
    return texts.REPEAT.say(language, name=_name(question), yes=yes)


def _expired(turn: Turn, question: Question) -> str:
    return texts.EXPIRED.say(turn.account.language, name=_name(question))


def _answered(turn: Turn, question: Question) -> str:
    order = _order_of(turn, question)
    text = _AFTER_THE_END.get(order.state, texts.CLOSED) if order else texts.CLOSED
    return text.say(turn.account.language, name=_name(question))


def _about(turn: Turn, question: Question) -> str:
    return texts.ABOUT.say(turn.account.language, name=_name(question), number=number_of(turn, question))


# ---- answers


@answer(ConfirmingOrder, repeat=_repeat, expired=_expired, answered=_answered, about=_about)
def answer_order(turn: Turn, question: Question, said: Said) -> Answer | None:
    """A yes or a no; everything else that comes to its own number was taken by ``decline_there`` before."""
    order = _order_of(turn, question)
    is_yes = _is_yes(turn, question, said)
    if order is None or not (is_yes or said.is_no):
        wants_code = said.is_yes and question.is_open(turn.at)
        hint = _reply(turn, question, _repeat(turn, question), MessageClass.REPLY)
        return Answer(Outcome(replies=(hint,)), Fit.LOOSE) if order and wants_code else None
    if not question.is_open(turn.at) or not order.waits(turn.at):
        late = _reply(turn, question, _answered(turn, question), MessageClass.REPLY)
        return Answer(Outcome(replies=(late,), verdict="too late"))
    if not concerns(turn, order):
        return Answer(_left_meanwhile(turn, order, question)) if _sent_there(turn, question) else None
    return Answer(_confirm(turn, order, question) if is_yes else _decline(turn, order, question))


@beside(Extension.CONFIRMATION)
def decline_there(turn: Turn, said: Said) -> Outcome | None:
    """Whatever comes to the number of an open order and is not its yes declines it; keywords are obeyed as well."""
    for question in turn.account.questions.values():
        if not isinstance(question.state, ConfirmingOrder) or not _sent_there(turn, question):
            continue
        order = _order_of(turn, question)
        if order is None or not (question.is_open(turn.at) and question.can_be_answered(turn.at)):
            continue
        if order.waits(turn.at) and order.question_id == question.id and not _is_yes(turn, question, said):
            declines = concerns(turn, order)
            return _decline(turn, order, question) if declines else _left_meanwhile(turn, order, question)
    return None


def _left_meanwhile(turn: Turn, order: Order, question: Question) -> Outcome:
    """She has left what she was asked about; the question is over."""
    closed = closed_with_question(turn, order, OrderState.REFUSED, Reason.SERVICE_ENDED)
    text = texts.CLOSED.say(turn.account.language, name=_name(question))
    return replace(closed, replies=(_reply(turn, question, text),), evidence=(answer_draft(turn, closed, question),))


def _decline(turn: Turn, order: Order, question: Question) -> Outcome:
    closed = closed_with_question(turn, order, OrderState.DECLINED)
    text = _declined_text(turn, order, question)
    return replace(closed, replies=(_reply(turn, question, text),), evidence=(answer_draft(turn, closed, question),))


def _declined_text(turn: Turn, order: Order, question: Question) -> str:
    language = turn.account.language
    held = turn.account.subscriptions.get(order.subscription_id or "")
    text = texts.DECLINED_AS[order.kind]
    if held is None:
        return text.say(language, name=_name(question))
    ends_at = order.takes_effect_at or held.ends_at or held.trial_ends_at or turn.at
    return text.say(language, name=_name(question), end=wording.day(language, ends_at))


def _confirm(turn: Turn, order: Order, question: Question) -> Outcome:
    """A yes is judged like a new order; what changed since she was asked is asked about again (safety.md 5)."""
    now = _as_it_would_be_now(turn, order)
    reason = objection(turn, now, at_yes=True)
    if reason is not None:
        return _refuse(turn, now if reason is Reason.BALANCE_TOO_LOW else order, order, question, reason)
    if replace(now, subscription_id=order.subscription_id) != order:
        return _ask_again(turn, now, order, question)
    return carry_out(turn, order, question)


def _as_it_would_be_now(turn: Turn, order: Order) -> Order:
    """The same order with the kind and terms that it would get if it were made now."""
    if order.kind in _STAY_OPEN:
        return order
    service = turn.catalogue.services[order.service_code]
    now = wanted(turn, service, Asking(order.who, order.channel))
    return replace(
        order, kind=now.kind, terms=now.terms, trial_days=now.trial_days, subscription_id=now.subscription_id
    )


def _refuse(turn: Turn, judged: Order, order: Order, question: Question, reason: Reason) -> Outcome:
    reply = _reply(turn, question, refusal_text(turn, judged, reason))
    if order.kind in _STAY_OPEN and reason in _MENDABLE:
        return Outcome(replies=(reply,), verdict="refused")
    closed = closed_with_question(turn, order, OrderState.REFUSED, reason)
    return replace(closed, replies=(reply,), evidence=(answer_draft(turn, closed, question),), verdict="refused")


def _ask_again(turn: Turn, now: Order, order: Order, question: Question) -> Outcome:
    """Nothing is ordered; the order goes on with a new question, from another number."""
    again = ask(turn, replace(now, expires_at=None))
    changed = Outcome(
        questions=(question.closed(turn.now, ClosedAs.ANSWERED),),
        evidence=(answer_draft(turn, Outcome(records=(order,)), question, kind="order-asked-again"),),
        verdict="asked again",
    )
    return joined(changed, again)
