"""Wrong codes for orders that only a code confirms: the third one declines the order (safety.md 6)."""

from app.commands.codes import looks_like_code
from app.commands.limits import not_understood
from app.commands.orders.questions import order_asked_by
from app.commands.orders.records import close_by_answer, label
from app.commands.parser import Said
from app.commands.replies import say
from app.domain.dialogue import Question
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass
from app.domain.orders import Order, OrderState, Reason
from app.domain.texts import orders as texts
from app.domain.turn import Outcome, Turn
from app.domain.values import replace

_TRIES = 3


def count_wrong_code(turn: Turn, order: Order, question: Question) -> Outcome:
    """Count a wrong code and say so; close the order as declined at the third."""
    language, name = turn.account.language, label(turn, order)
    counted = replace(order, wrong_codes=order.wrong_codes + 1)
    if counted.wrong_codes < _TRIES:
        text = texts.WRONG_CODE.say(language, name=name)
        return not_understood(say(turn, text), records=(counted,))
    closed = counted.closed(OrderState.DECLINED, turn.at, Reason.WRONG_CODES)
    reply = say(turn, texts.WRONG_CODES.say(language, name=name), kind=MessageClass.RESULT)
    return close_by_answer(turn, closed, question, reply)


def count_wrong_codes(turn: Turn, questions: tuple[Question, ...], said: Said) -> Outcome | None:
    """Count a wrong code for each of several open orders; return None for a text that is no code."""
    if not looks_like_code(said):
        return None
    orders = [(order_asked_by(turn, item), item) for item in questions]
    return merge_outcomes(
        not_understood(),
        *(count_wrong_code(turn, order, item) for order, item in orders if order),
    )
