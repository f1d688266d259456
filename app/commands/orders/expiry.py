"""Orders that end without an answer: the window runs out, or the question never arrives (flows.md 6; safety.md 23)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.commands.orders.questions import MATTER, about, expiry
from app.commands.orders.records import EXPIRY_TIMER, closed_with_question, draft
from app.commands.orders.trial_timers import TRIAL_QUESTION
from app.commands.registry import on_outcome, timer
from app.domain.dialogue import Question
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.turn import DeliveryOutcome, MessageOutcome, Outcome, TimerDue, TimerSet, Turn
from app.domain.values import replace

# A question of our own that did not arrive is tried again a day later.
_AGAIN = timedelta(days=1)
_BY_WINDOW = frozenset({OrderKind.ORDER, OrderKind.KEEP})


@timer(EXPIRY_TIMER, reads=(Order,))
def expire_order(turn: Turn) -> Outcome:
    """Silence is a no, and nothing is said; the question stays as it is, for an answer that comes late."""
    order = turn.account.record(Order, turn.stimulus_as(TimerDue).subject)
    if order is None or not order.is_open:
        return Outcome(verdict="nothing to expire")
    closed = order.closed(OrderState.EXPIRED, turn.at)
    return Outcome(records=(closed,), evidence=(draft("order-expired", closed),), verdict="order expired")


@on_outcome(MATTER, reads=(Order,))
def question_told(turn: Turn) -> Outcome:
    """The network took the question, and the window runs from then; or it did not arrive, and the order is over."""
    heard = MessageOutcome.of(turn.stimulus_as(TimerDue))
    order = next((item for item in turn.account.records_of(Order) if item.is_open and about(item) == heard.about), None)
    question = turn.account.questions.get(order.question_id or "") if order else None
    if order is None or question is None:
        return Outcome(verdict="nothing waits for it")
    if heard.what is DeliveryOutcome.TAKEN:
        return _handed_over(turn, order, question)
    return _undeliverable(turn, order)


def _handed_over(turn: Turn, order: Order, question: Question) -> Outcome:
    if question.handed_over_at is None or order.kind not in _BY_WINDOW:
        return Outcome(verdict="handed over")
    expires_at = question.handed_over_at + turn.policy.confirmation_window
    return Outcome(
        questions=(replace(question, expires_at=expires_at),),
        records=(replace(order, expires_at=expires_at),),
        timers=(expiry(order, expires_at),),
        verdict="handed over",
    )


def _undeliverable(turn: Turn, order: Order) -> Outcome:
    outcome = closed_with_question(turn, order, OrderState.UNDELIVERABLE)
    records = [record for record in outcome.records if isinstance(record, Order)]
    return replace(
        outcome,
        evidence=tuple(draft("order-undeliverable", record) for record in records),
        timers=tuple(_asked_again(turn.now + _AGAIN, order)),
    )


def _asked_again(at: datetime, order: Order) -> Iterator[TimerSet]:
    """What we ask of our own accord is asked once more; its turn sees whether there is still time."""
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
