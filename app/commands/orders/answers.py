"""Answers to the question of an order (flows.md 6, 17; safety.md 5, 6).

A yes confirms the order; a no, or any other text to the question's number, declines it.
"""

from enum import Enum, auto

from app.commands.codes import looks_like_code, questions_with_code
from app.commands.limits import not_understood
from app.commands.orders.fulfilling import fulfil
from app.commands.orders.placing import OrderRequest, new_order, reason_to_refuse, refusal_text, still_applies
from app.commands.orders.question_texts import (
    about_text,
    closed_text,
    expired_text,
    name_shown,
    repeat_text,
    undelivered_text,
)
from app.commands.orders.questions import ConfirmingOrder, ask, named_terms, order_asked_by
from app.commands.orders.records import answer_evidence, close_by_answer
from app.commands.orders.wrong_codes import count_wrong_code, count_wrong_codes
from app.commands.parser import Said
from app.commands.question_handlers import TOO_LATE, Answer, Fit, TimedQuestionHandler
from app.commands.registry import answer, intercept
from app.commands.replies import say
from app.domain.dialogue import Arrival, ClosedAs, Question
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass, Reply
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.service_numbers import Extension
from app.domain.texts import answers, wording
from app.domain.texts import orders as texts
from app.domain.turn import AwaitHandOver, Outcome, TextReceived, Turn, apply
from app.domain.values import replace

# 1 is a yes only at the order's own number, where no other question can be meant (safety.md 6).
_ONE = "1"
# Questions of these kinds stay open when a yes is refused for a temporary reason: the subscriber can remove the reason
# and say yes again.
_STAY_OPEN = frozenset({OrderKind.TRIAL, OrderKind.TERMS})
_TEMPORARY = frozenset({Reason.SUSPENDED, Reason.BALANCE_TOO_LOW})


class _Meaning(Enum):
    """What a text means as an answer to the question of an order."""

    YES = auto()
    NO = auto()
    # A word for yes, where only the code confirms.
    YES_WITHOUT_CODE = auto()
    WRONG_CODE = auto()


def _dialled_extension(turn: Turn) -> str:
    return turn.policy.numbers.extension(turn.stimulus_as(TextReceived).dialled)


def _sent_to_its_number(turn: Turn, question: Question) -> bool:
    """Return True if the text was sent to the question's own number; a single-number provider has none."""
    return _dialled_extension(turn) == question.extension and not turn.provider.single_number


def _meaning(turn: Turn, question: Question, said: Said) -> _Meaning | None:
    code, at_its_number = question.state_as(ConfirmingOrder).code, _sent_to_its_number(turn, question)
    if said.is_no:
        return _Meaning.NO
    if code is None:
        return _Meaning.YES if said.is_yes or (said.key == _ONE and at_its_number) else None
    if said.key == code:
        return _Meaning.YES
    if said.is_yes:
        return _Meaning.YES_WITHOUT_CODE
    if at_its_number or not looks_like_code(said) or questions_with_code(list(turn.account.questions.values()), said):
        return None
    return _Meaning.WRONG_CODE


def _reply(turn: Turn, question: Question, text: str, kind: MessageClass = MessageClass.RESULT) -> Reply:
    return say(turn, text, extension=question.extension, kind=kind)


@answer(ConfirmingOrder)
class OrderHandler(TimedQuestionHandler):
    """Reads a yes, a no or a wrong code.

    ``decline_at_its_number`` has taken every other text to the question's own number before.
    """

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        """Confirm, decline, or count a wrong code, if the question can still be answered."""
        order = order_asked_by(turn, question)
        if order is None:
            return None
        meaning = _meaning(turn, question, said)
        decides = meaning in (_Meaning.YES, _Meaning.NO)
        if turn.account.arrival(question) is Arrival.FAILED or order.state is OrderState.UNDELIVERABLE:
            answers_it = decides or _sent_to_its_number(turn, question)
            return Answer(_too_late(turn, question, undelivered_text(turn, order))) if answers_it else None
        if meaning is _Meaning.NO and _expired_after_sending(turn, order):
            return Answer(_decline(turn, order, question))
        if not question.is_open(turn.at) or not order.waits(turn.at):
            return Answer(_too_late(turn, question, closed_text(turn, question))) if decides else None
        if decides and not still_applies(turn, order):
            return Answer(_close_as_ended(turn, order, question)) if _sent_to_its_number(turn, question) else None
        return _answer_open(turn, order, question, meaning)

    def repeat(self, turn: Turn, question: Question) -> str:
        """Return how to confirm the order."""
        return repeat_text(turn, question)

    def expired(self, turn: Turn, question: Question) -> str:
        """Return that the time to confirm is over."""
        return expired_text(turn, question)

    def answered(self, turn: Turn, question: Question) -> str:
        """Return how the order ended."""
        return closed_text(turn, question)

    def about(self, turn: Turn, question: Question) -> str:
        """Return the order and the number to answer."""
        return about_text(turn, question)

    def several(self, turn: Turn, questions: tuple[Question, ...], said: Said) -> Outcome | None:
        """Count a wrong code for each order."""
        return count_wrong_codes(turn, questions, said)


def _expired_after_sending(turn: Turn, order: Order) -> bool:
    """Return True if the order expired after the text was sent and before it is handled.

    A no then still counts (safety.md 21).
    """
    return order.state is OrderState.EXPIRED and order.expires_at is not None and turn.at <= order.expires_at


def _answer_open(turn: Turn, order: Order, question: Question, meaning: _Meaning | None) -> Answer | None:
    match meaning:
        case _Meaning.YES:
            return Answer(_take_yes(turn, order, question))
        case _Meaning.NO:
            return Answer(_decline(turn, order, question))
        case _Meaning.WRONG_CODE:
            return Answer(count_wrong_code(turn, order, question))
        case _Meaning.YES_WITHOUT_CODE:
            return Answer(_hint(turn, question), Fit.LOOSE)
    return None


def _too_late(turn: Turn, question: Question, text: str) -> Outcome:
    return Outcome(replies=(_reply(turn, question, text, MessageClass.REPLY),), verdict=TOO_LATE)


def _hint(turn: Turn, question: Question) -> Outcome:
    """Say where and how to answer the question."""
    by_code = turn.provider.single_number or question.state_as(ConfirmingOrder).code is not None
    where = answers.answer_there(turn.account.language, [about_text(turn, question)])
    text = repeat_text(turn, question) if by_code else where
    return not_understood(say(turn, text))


def _take_yes(turn: Turn, order: Order, question: Question) -> Outcome | AwaitHandOver:
    """Confirm the order if the yes counts where and when it was sent, else say where to answer (safety.md 6).

    A yes dated before the question is asked for again. While an attempt to hand the question over is under way, the
    message waits for its result.
    """
    if question.state_as(ConfirmingOrder).code is not None:
        counts = turn.provider.single_number or _dialled_extension(turn) != Extension.FOREIGN
        return _confirm(*_with_arrival(turn, order, question)) if counts else _hint(turn, question)
    arrival, at_its_number = turn.account.arrival(question), _sent_to_its_number(turn, question)
    received, again = turn.stimulus_as(TextReceived), question.state_as(ConfirmingOrder).again
    # After a second question no timestamp is trusted. Ids are in the order of storing.
    is_early = question.is_stored_before(received.arrived_at) or (again and received.id < question.id)
    if is_early or not (at_its_number or _is_only_question(turn, question)):
        return _hint(turn, question)
    if question.is_dated_before(received.sent_at) and not again:
        return _ask_again(turn, order, order, question, uncertain=True)
    if arrival is Arrival.UNDER_WAY:
        return AwaitHandOver()
    if arrival is Arrival.UNKNOWN and not at_its_number:
        return _hint(turn, question)
    return _confirm(*_with_arrival(turn, order, question))


def _is_only_question(turn: Turn, question: Question) -> bool:
    """Return True if a yes to the bare access number can mean this question only.

    No other question may be open, and no other text may have gone out from that number since.
    """
    open_questions = (
        other for other in turn.account.questions.values() if other.was_open(turn.at) and not other.failed_at
    )
    interrupted = turn.account.limits.interrupted_by > question.id or question.id in turn.account.interrupted
    return all(other.id == question.id for other in open_questions) and not interrupted


def _with_arrival(turn: Turn, order: Order, question: Question) -> tuple[Turn, Order, Question]:
    """Return the arguments with the question marked as handed over when it was answered.

    An answer proves that its question arrived (safety.md 6).
    """
    arrived = question.arrived(turn.at)
    return replace(turn, account=apply(turn.account, Outcome(questions=(arrived,)))), order, arrived


@intercept(Extension.CONFIRMATION)
def decline_at_its_number(turn: Turn, said: Said) -> Outcome | None:
    """Decline an open order for any text to its number that is not its yes; a keyword is obeyed as well."""
    for question in turn.account.questions.values():
        if not isinstance(question.state, ConfirmingOrder) or not _sent_to_its_number(turn, question):
            continue
        order = order_asked_by(turn, question)
        answering = turn.answering(question)
        if order is None or not (question.is_open(answering.at) and turn.account.may_have_reached(question)):
            continue
        is_yes = _meaning(turn, question, said) is _Meaning.YES
        waits = order.waits(answering.at) or _expired_after_sending(answering, order)
        if waits and order.question_id == question.id and not is_yes:
            close = _decline if still_applies(answering, order) else _close_as_ended
            return close(answering, order, question)
    return None


def _close_as_ended(turn: Turn, order: Order, question: Question) -> Outcome:
    """Close an order about a service that the subscriber has unsubscribed meanwhile."""
    text = texts.CLOSED.say(turn.account.language, name=name_shown(question))
    closed = order.closed(OrderState.REFUSED, turn.at, Reason.SERVICE_ENDED)
    return close_by_answer(turn, closed, question, _reply(turn, question, text))


def _decline(turn: Turn, order: Order, question: Question) -> Outcome:
    turn, order, question = _with_arrival(turn, order, question)
    text = _declined_text(turn, order, question)
    return close_by_answer(turn, order.closed(OrderState.DECLINED, turn.at), question, _reply(turn, question, text))


def _declined_text(turn: Turn, order: Order, question: Question) -> str:
    language = turn.account.language
    held = turn.account.subscriptions.get(order.subscription_id or "")
    text = texts.DECLINED_AS[order.kind]
    if held is None:
        return text.say(language, name=name_shown(question))
    ends_at = order.takes_effect_at or held.ends_at or held.trial_ends_at or turn.at
    return text.say(language, name=name_shown(question), end=wording.day(language, ends_at))


def _confirm(turn: Turn, order: Order, question: Question) -> Outcome:
    """Check the order as if placed now; fulfil it, refuse it, or ask again if its terms have changed (safety.md 5)."""
    current = _as_if_ordered_now(turn, order)
    reason = reason_to_refuse(turn, current, at_yes=True)
    if reason is not None:
        return _refuse(turn, current if reason is Reason.BALANCE_TOO_LOW else order, order, question, reason)
    if current.kind is not order.kind or named_terms(turn, current) != question.state_as(ConfirmingOrder).named:
        return _ask_again(turn, current, order, question)
    return fulfil(turn, order, question)


def _as_if_ordered_now(turn: Turn, order: Order) -> Order:
    """Return the order with the kind and terms that it would have if it were placed now."""
    held = turn.account.subscriptions.get(order.subscription_id or "")
    if order.kind is OrderKind.TRIAL and held is not None:
        return replace(order, terms=held.terms)
    if order.kind in _STAY_OPEN:
        return order
    service = turn.catalogue.services[order.service_code]
    current = new_order(turn, service, OrderRequest(order.who, order.channel))
    return replace(
        order,
        kind=current.kind,
        terms=current.terms,
        trial_days=current.trial_days,
        free_hours=current.free_hours,
        subscription_id=current.subscription_id,
    )


def _refuse(turn: Turn, shown: Order, order: Order, question: Question, reason: Reason) -> Outcome:
    """Refuse a yes; the reply takes its facts from ``shown``."""
    reply = _reply(turn, question, refusal_text(turn, shown, reason))
    if order.kind in _STAY_OPEN and reason in _TEMPORARY:
        return Outcome(replies=(reply,), verdict="refused")
    outcome = close_by_answer(turn, order.closed(OrderState.REFUSED, turn.at, reason), question, reply)
    return replace(outcome, verdict="refused")


def _ask_again(turn: Turn, current: Order, order: Order, question: Question, *, uncertain: bool = False) -> Outcome:
    """Close the question and ask about the current order from another number; nothing is ordered.

    ``uncertain`` says that the yes was dated before the question, perhaps by a provider's wrong clock or time zone
    (safety.md 34).
    """
    uncertain = uncertain or question.state_as(ConfirmingOrder).again
    again = ask(turn, current if current.kind in _STAY_OPEN else replace(current, expires_at=None), again=uncertain)
    closed = Outcome(
        questions=(question.closed(turn.now, ClosedAs.ANSWERED),),
        evidence=(answer_evidence(turn, order, question, kind="order-asked-again"),),
        verdict="asked again",
    )
    return merge_outcomes(closed, again)
