"""What the gateway says about an order's question: repeated, expired, closed, or named beside other questions."""

from app.commands.orders.questions import ConfirmingOrder, order_asked_by
from app.commands.orders.records import label
from app.commands.replies import number_of
from app.commands.vocabulary import LIST_OFFERS, ORDER
from app.domain.dialogue import Question
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.texts import orders as texts
from app.domain.turn import Turn

_CLOSED = {
    OrderState.AWAITING: texts.ASKED_ANEW,
    OrderState.CONFIRMED: texts.ALREADY_CONFIRMED,
    OrderState.DECLINED: texts.ALREADY_DECLINED,
    OrderState.EXPIRED: texts.EXPIRED,
}
# What differs where the question was about a service that the subscriber has.
_CLOSED_CHANGE = {OrderState.DECLINED: texts.DECLINED_CHANGE, OrderState.EXPIRED: texts.EXPIRED_CHANGE}


def name_shown(question: Question) -> str:
    """Return the name of the service as the question showed it."""
    return question.state_as(ConfirmingOrder).name


def repeat_text(turn: Turn, question: Question) -> str:
    """Return how to confirm the order, for an answer that was not understood."""
    language = turn.account.language
    yes = texts.yes_word(language, question.state_as(ConfirmingOrder).code)
    return texts.REPEAT.say(language, name=name_shown(question), yes=yes)


def expired_text(turn: Turn, question: Question) -> str:
    """Return that the time for an answer is over."""
    order = order_asked_by(turn, question)
    text = texts.EXPIRED if order is None or order.kind is OrderKind.ORDER else texts.EXPIRED_CHANGE
    return text.say(turn.account.language, name=name_shown(question))


def closed_text(turn: Turn, question: Question) -> str:
    """Return how the question ended, for an answer that comes afterwards."""
    order = order_asked_by(turn, question)
    if order is not None and order.state is OrderState.UNDELIVERABLE:
        return undelivered_text(turn, order)
    of_change = _CLOSED_CHANGE if order is not None and order.kind is not OrderKind.ORDER else {}
    text = (_CLOSED | of_change).get(order.state, texts.CLOSED) if order else texts.CLOSED
    return text.say(turn.account.language, name=name_shown(question))


def about_text(turn: Turn, question: Question) -> str:
    """Return what the question is about and the number to answer."""
    return texts.ABOUT.say(turn.account.language, name=name_shown(question), number=number_of(turn, question))


def undelivered_text(turn: Turn, order: Order) -> str:
    """Return that the question never arrived, and how to order again."""
    word = turn.catalogue.services[order.service_code].order_keyword
    again = f"{ORDER[0]}{word}" if word and order.kind is OrderKind.ORDER else LIST_OFFERS[0]
    return texts.UNDELIVERED.say(turn.account.language, name=label(turn, order), again=again)
