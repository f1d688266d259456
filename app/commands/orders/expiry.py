"""Orders that end unanswered: the window expires, or the question is not delivered (flows.md 6; safety.md 23)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.commands.orders.questions import expiry_timer, matter_of
from app.commands.orders.records import EXPIRY_TIMER, close_with_question, order_evidence
from app.commands.orders.trial_timers import TRIAL_QUESTION
from app.commands.registry import on_outcome, timer
from app.domain.dialogue import Question
from app.domain.matters import DeliveryOutcome, MatterKind, MessageOutcome
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.turn import Outcome, TimerDue, TimerSet, Turn
from app.domain.values import replace

# A question that the gateway asks by itself is retried this long after it failed.
_RETRY_AFTER = timedelta(days=1)
# Their window begins when the network takes the question; the others end on a fixed day.
_BY_WINDOW = frozenset({OrderKind.ORDER, OrderKind.KEEP})


@timer(EXPIRY_TIMER, reads=(Order,))
def expire_order(turn: Turn) -> Outcome:
    """Expire an unanswered order without a message; its question stays on record for late answers."""
    order = turn.account.record(Order, turn.stimulus_as(TimerDue).subject)
    if order is None or not order.is_open:
        return Outcome(verdict="nothing to expire")
    closed = order.closed(OrderState.EXPIRED, turn.at)
    return Outcome(records=(closed,), evidence=(order_evidence("order-expired", closed),), verdict="order expired")


@on_outcome(MatterKind.ORDER, reads=(Order,))
def on_question_outcome(turn: Turn) -> Outcome:
    """Start the order's window when the network takes its question, or close the order if the question fails."""
    result = MessageOutcome.parse(turn.stimulus_as(TimerDue).data)
    order = next(
        (item for item in turn.account.records_of(Order) if item.is_open and matter_of(item) == result.about), None
    )
    question = turn.account.questions.get(order.question_id or "") if order else None
    if order is None or question is None:
        return Outcome(verdict="nothing waits for it")
    if result.what is DeliveryOutcome.TAKEN:
        return _handed_over(turn, order, question)
    return _undeliverable(turn, order)


def _handed_over(turn: Turn, order: Order, question: Question) -> Outcome:
    if question.handed_over_at is None or order.kind not in _BY_WINDOW:
        return Outcome(verdict="handed over")
    expires_at = question.handed_over_at + turn.policy.confirmation_window
    return Outcome(
        questions=(replace(question, expires_at=expires_at),),
        records=(replace(order, expires_at=expires_at),),
        timers=(expiry_timer(order, expires_at),),
        verdict="handed over",
    )


def _undeliverable(turn: Turn, order: Order) -> Outcome:
    closed = order.closed(OrderState.UNDELIVERABLE, turn.at)
    return replace(
        close_with_question(turn, closed),
        evidence=(order_evidence("order-undeliverable", closed),),
        timers=tuple(_retry_timers(turn.now + _RETRY_AFTER, order)),
    )


def _retry_timers(at: datetime, order: Order) -> Iterator[TimerSet]:
    """Yield the timer to ask again what the gateway asked by itself; its turn checks whether there is time left."""
    if order.subscription_id is None or order.terms is None:
        return
    if order.kind is OrderKind.TRIAL:
        yield TimerSet(TRIAL_QUESTION, order.subscription_id, at)
    if order.kind is OrderKind.TERMS and order.takes_effect_at is not None:
        effect = order.terms.cancel_effect
        announced = AnnouncedTerms(
            order.terms_change_id or "", order.terms.price_fen, effect, order.takes_effect_at, order.who
        )
        yield TimerSet(NEW_TERMS, order.subscription_id, at, announced.text())
