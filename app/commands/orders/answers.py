"""Answers to the question of an order: the yes that binds, and everything else (flows.md 6, 17; safety.md 5, 6)."""

from enum import Enum, auto

from app.commands.codes import answered_by, looks_like_code
from app.commands.limits import NOT_UNDERSTOOD
from app.commands.orders.fulfilling import carry_out
from app.commands.orders.placing import OrderRequest, concerns, objection, refusal_text, wanted
from app.commands.orders.questions import ConfirmingOrder, ask, named
from app.commands.orders.records import answer_draft, closed_with_question, label
from app.commands.orders.wrong_codes import wrong_code, wrong_codes
from app.commands.parser import Said
from app.commands.registry import Answer, Fit, answer, intercept
from app.commands.replies import number_of, say
from app.commands.vocabulary import LIST_OFFERS, ORDER
from app.domain.dialogue import Arrival, ClosedAs, Question
from app.domain.messages import MessageClass, Reply
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.service_numbers import Extension
from app.domain.texts import answers, wording
from app.domain.texts import orders as texts
from app.domain.turn import Outcome, TextReceived, Turn, apply, joined
from app.domain.values import replace

# Understood as a yes only where no other question can be meant: on the order's own number (safety.md 6).
_ONE = "1"
_AFTER_THE_END = {
    OrderState.AWAITING: texts.ASKED_ANEW,
    OrderState.CONFIRMED: texts.ALREADY_CONFIRMED,
    OrderState.DECLINED: texts.ALREADY_DECLINED,
    OrderState.EXPIRED: texts.EXPIRED,
}
# The same of questions about something that she has.
_AFTER_A_CHANGE = {OrderState.DECLINED: texts.DECLINED_CHANGE, OrderState.EXPIRED: texts.EXPIRED_CHANGE}
# These go on being asked when a yes cannot be taken: she can mend what stands against it, and say yes again.
_STAY_OPEN = frozenset({OrderKind.TRIAL, OrderKind.TERMS})
_MENDABLE = frozenset({Reason.SUSPENDED, Reason.BALANCE_TOO_LOW})


class _Meant(Enum):
    """What a text can mean to the question of an order."""

    YES = auto()
    NO = auto()
    # A word for yes where only the code is one.
    NEARLY = auto()
    WRONG_CODE = auto()


def _order_of(turn: Turn, question: Question) -> Order | None:
    return turn.account.record(Order, question.state_as(ConfirmingOrder).order_id)


def _dialled(turn: Turn) -> str:
    return turn.policy.numbers.extension(turn.stimulus_as(TextReceived).dialled)


def _sent_there(turn: Turn, question: Question) -> bool:
    """Whether a text came to the question's own number; with one number for everything there is none."""
    return _dialled(turn) == question.extension and not turn.carrier.single_number


def _meaning(turn: Turn, question: Question, said: Said) -> _Meant | None:
    code, there = question.state_as(ConfirmingOrder).code, _sent_there(turn, question)
    if said.is_no:
        return _Meant.NO
    if code is None:
        return _Meant.YES if said.is_yes or (said.key == _ONE and there) else None
    if said.key == code:
        return _Meant.YES
    if said.is_yes:
        return _Meant.NEARLY
    wrong = not there and looks_like_code(said) and not answered_by(list(turn.account.questions.values()), said)
    return _Meant.WRONG_CODE if wrong else None


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
    order = _order_of(turn, question)
    text = texts.EXPIRED if order is None or order.kind is OrderKind.ORDER else texts.EXPIRED_CHANGE
    return text.say(turn.account.language, name=_name(question))


def _answered(turn: Turn, question: Question) -> str:
    order = _order_of(turn, question)
    if order is not None and order.state is OrderState.UNDELIVERABLE:
        return _undelivered(turn, order)
    of_change = _AFTER_A_CHANGE if order is not None and order.kind is not OrderKind.ORDER else {}
    text = (_AFTER_THE_END | of_change).get(order.state, texts.CLOSED) if order else texts.CLOSED
    return text.say(turn.account.language, name=_name(question))


def _about(turn: Turn, question: Question) -> str:
    return texts.ABOUT.say(turn.account.language, name=_name(question), number=number_of(turn, question))


# ---- answers


@answer(ConfirmingOrder, repeat=_repeat, expired=_expired, answered=_answered, about=_about, several=wrong_codes)
def answer_order(turn: Turn, question: Question, said: Said) -> Answer | None:
    """A yes or a no; everything else that comes to its own number was taken by ``decline_there`` before."""
    order = _order_of(turn, question)
    if order is None:
        return None
    meant = _meaning(turn, question, said)
    decides = meant in (_Meant.YES, _Meant.NO)
    if turn.account.arrival(question) is Arrival.FAILED or order.state is OrderState.UNDELIVERABLE:
        answers_it = decides or _sent_there(turn, question)
        return Answer(_too_late(turn, question, _undelivered(turn, order))) if answers_it else None
    if meant is _Meant.NO and _ran_out_since(turn, order):
        return Answer(_decline(turn, order, question))
    if not question.is_open(turn.at) or not order.waits(turn.at):
        return Answer(_too_late(turn, question, _answered(turn, question))) if decides else None
    if decides and not concerns(turn, order):
        return Answer(_left_meanwhile(turn, order, question)) if _sent_there(turn, question) else None
    return _open(turn, order, question, meant)


def _ran_out_since(turn: Turn, order: Order) -> bool:
    """Whether it ran out after she sent what is handled only now: her no counts all the same (safety.md 21)."""
    return order.state is OrderState.EXPIRED and order.expires_at is not None and turn.at <= order.expires_at


def _open(turn: Turn, order: Order, question: Question, meant: _Meant | None) -> Answer | None:
    match meant:
        case _Meant.YES:
            return Answer(_yes(turn, order, question))
        case _Meant.NO:
            return Answer(_decline(turn, order, question))
        case _Meant.WRONG_CODE:
            return Answer(wrong_code(turn, order, question))
        case _Meant.NEARLY:
            return Answer(_hint(turn, question), Fit.LOOSE)
    return None


def _too_late(turn: Turn, question: Question, text: str) -> Outcome:
    return Outcome(replies=(_reply(turn, question, text, MessageClass.REPLY),), verdict="too late")


def _undelivered(turn: Turn, order: Order) -> str:
    word = turn.catalogue.services[order.service_code].order_keyword
    again = f"{ORDER[0]}{word}" if word and order.kind is OrderKind.ORDER else LIST_OFFERS[0]
    return texts.UNDELIVERED.say(turn.account.language, name=label(turn, order), again=again)


def _hint(turn: Turn, question: Question) -> Outcome:
    """Where and how it is answered."""
    by_code = turn.carrier.single_number or question.state_as(ConfirmingOrder).code is not None
    there = answers.answer_there(turn.account.language, [_about(turn, question)])
    text = _repeat(turn, question) if by_code else there
    return Outcome(replies=(say(turn, text),), verdict=NOT_UNDERSTOOD)


def _yes(turn: Turn, order: Order, question: Question) -> Outcome:
    """A yes where it counts (safety.md 6); an attempt to hand the question over that is under way is waited for."""
    if question.state_as(ConfirmingOrder).code is not None:
        counts = turn.carrier.single_number or _dialled(turn) != Extension.FOREIGN
        return _confirm(*_arrived(turn, order, question)) if counts else _hint(turn, question)
    arrival, there = turn.account.arrival(question), _sent_there(turn, question)
    received, again = turn.stimulus_as(TextReceived), question.state_as(ConfirmingOrder).again
    # Of a question that was sent again no time is believed: ids are in the order of storing.
    is_early = question.is_stored_before(received.arrived_at) or (again and received.id < question.id)
    if is_early or not (there or _is_sole(turn, question)):
        return _hint(turn, question)
    if question.is_dated_before(received.sent_at) and not again:
        return _ask_again(turn, order, order, question, uncertain=True)
    if arrival is Arrival.UNDER_WAY:
        return Outcome(waits=True)
    if arrival is Arrival.UNKNOWN and not there:
        return _hint(turn, question)
    return _confirm(*_arrived(turn, order, question))


def _is_sole(turn: Turn, question: Question) -> bool:
    """Whether a word to the bare access number can mean nothing else: no question is open, nothing was said since."""
    open_too = (other for other in turn.account.questions.values() if other.was_open(turn.at) and not other.failed_at)
    interrupted = turn.account.limits.interrupted_by > question.id or question.id in turn.account.interrupted
    return all(other.id == question.id for other in open_too) and not interrupted


def _arrived(turn: Turn, order: Order, question: Question) -> tuple[Turn, Order, Question]:
    """An answer proves that its question arrived: it counts as handed over when she answered (safety.md 6)."""
    known = question.arrived(turn.at)
    return replace(turn, account=apply(turn.account, Outcome(questions=(known,)))), order, known


@intercept(Extension.CONFIRMATION)
def decline_there(turn: Turn, said: Said) -> Outcome | None:
    """Whatever comes to the number of an open order and is not its yes declines it; keywords are obeyed as well."""
    for question in turn.account.questions.values():
        if not isinstance(question.state, ConfirmingOrder) or not _sent_there(turn, question):
            continue
        order = _order_of(turn, question)
        then = turn.answering(question)
        if order is None or not (question.is_open(then.at) and turn.account.may_have_reached(question)):
            continue
        is_yes = _meaning(turn, question, said) is _Meant.YES
        waits = order.waits(then.at) or _ran_out_since(then, order)
        if waits and order.question_id == question.id and not is_yes:
            declines = concerns(then, order)
            return _decline(then, order, question) if declines else _left_meanwhile(then, order, question)
    return None


def _left_meanwhile(turn: Turn, order: Order, question: Question) -> Outcome:
    """She has left what she was asked about; the question is over."""
    closed = closed_with_question(turn, order, OrderState.REFUSED, Reason.SERVICE_ENDED)
    text = texts.CLOSED.say(turn.account.language, name=_name(question))
    return replace(closed, replies=(_reply(turn, question, text),), evidence=(answer_draft(turn, closed, question),))


def _decline(turn: Turn, order: Order, question: Question) -> Outcome:
    turn, order, question = _arrived(turn, order, question)
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
    """A yes is judged like a new order; what differs from what the question named is asked anew (safety.md 5)."""
    now = _as_it_would_be_now(turn, order)
    reason = objection(turn, now, at_yes=True)
    if reason is not None:
        return _refuse(turn, now if reason is Reason.BALANCE_TOO_LOW else order, order, question, reason)
    if now.kind is not order.kind or named(turn, now) != question.state_as(ConfirmingOrder).named:
        return _ask_again(turn, now, order, question)
    return carry_out(turn, order, question)


def _as_it_would_be_now(turn: Turn, order: Order) -> Order:
    """The same order with the kind and terms that it would get if it were made now."""
    held = turn.account.subscriptions.get(order.subscription_id or "")
    if order.kind is OrderKind.TRIAL and held is not None:
        return replace(order, terms=held.terms)
    if order.kind in _STAY_OPEN:
        return order
    service = turn.catalogue.services[order.service_code]
    now = wanted(turn, service, OrderRequest(order.who, order.channel))
    return replace(
        order,
        kind=now.kind,
        terms=now.terms,
        trial_days=now.trial_days,
        free_hours=now.free_hours,
        subscription_id=now.subscription_id,
    )


def _refuse(turn: Turn, judged: Order, order: Order, question: Question, reason: Reason) -> Outcome:
    reply = _reply(turn, question, refusal_text(turn, judged, reason))
    if order.kind in _STAY_OPEN and reason in _MENDABLE:
        return Outcome(replies=(reply,), verdict="refused")
    closed = closed_with_question(turn, order, OrderState.REFUSED, reason)
    return replace(closed, replies=(reply,), evidence=(answer_draft(turn, closed, question),), verdict="refused")


def _ask_again(turn: Turn, now: Order, order: Order, question: Question, *, uncertain: bool = False) -> Outcome:
    """Nothing is ordered; the order goes on with a new question, from another number.

    ``uncertain``: as her yes was dated before the question, which can be a provider's clock or zone (safety.md 34).
    """
    uncertain = uncertain or question.state_as(ConfirmingOrder).again
    again = ask(turn, now if now.kind in _STAY_OPEN else replace(now, expires_at=None), again=uncertain)
    changed = Outcome(
        questions=(question.closed(turn.now, ClosedAs.ANSWERED),),
        evidence=(answer_draft(turn, Outcome(records=(order,)), question, kind="order-asked-again"),),
        verdict="asked again",
    )
    return joined(changed, again)
