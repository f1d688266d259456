"""Refuse and close orders, and record the evidence (flows.md 6, 13)."""

from app.domain.dialogue import ClosedAs, Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.messages import Reply
from app.domain.orders import Order, OrderState, Reason
from app.domain.texts import listing
from app.domain.turn import Outcome, TextReceived, TimerDropped, Turn
from app.domain.values import replace

EXPIRY_TIMER = "order-expiry"


def label(turn: Turn, order: Order) -> str:
    """Return the service's name as subscribers see it, with its SP's unless the service is the operator's own."""
    service = turn.catalogue.services.get(order.service_code)
    if service is None:
        return order.service_code
    sp_code = order.terms.sp_code if order.terms else service.sp_code
    return listing.service_label(turn.catalogue, order.service_code, sp_code)


def refuse_order(turn: Turn, order: Order, reason: Reason) -> Outcome:
    """Record that an order is refused; the caller adds a reply if there is one."""
    closed = order.closed(OrderState.REFUSED, turn.at, reason)
    return Outcome(records=(closed,), evidence=(order_evidence("order-refused", closed),), verdict="refused")


def close_with_question(turn: Turn, closed: Order) -> Outcome:
    """Record an order that is closed now, and close its question; the caller adds the evidence."""
    question = turn.account.questions.get(closed.question_id or "")
    how = ClosedAs.UNDELIVERABLE if closed.state is OrderState.UNDELIVERABLE else ClosedAs.ANSWERED
    return Outcome(
        records=(closed,),
        questions=(question.closed(turn.now, how),) if question and question.closed_at is None else (),
        dropped_timers=(TimerDropped(EXPIRY_TIMER, closed.id),),
        verdict=f"order {closed.state.value}",
    )


def close_by_answer(turn: Turn, closed: Order, question: Question, reply: Reply) -> Outcome:
    """Record an order that an answer to its question closes, with the evidence and the reply."""
    outcome = close_with_question(turn, closed)
    return replace(outcome, replies=(reply,), evidence=(answer_evidence(turn, closed, question),))


def order_evidence(kind: str, order: Order, **more: Fact) -> EvidenceDraft:
    """Return evidence about an order; facts that are None are left out."""
    terms = order.terms
    payload: dict[str, Fact] = {
        "service_code": order.service_code,
        "who": order.who,
        "channel": order.channel.value,
        "order": order.kind.value,
        "state": order.state.value,
        "reason": order.reason.value if order.reason else None,
        "price_fen": terms.price_fen if terms else None,
        "billing": terms.billing.value if terms else None,
        "sp_code": terms.sp_code if terms else None,
        "cancel_effect": terms.cancel_effect.value if terms else None,
        "trial_days": order.trial_days,
        **{name: fact for name, fact in more.items() if fact is not None},
    }
    return EvidenceDraft(kind, order.id, payload)


def answer_evidence(turn: Turn, order: Order, question: Question, kind: str | None = None) -> EvidenceDraft:
    """Return evidence of an answer to an order, with the exact texts of question and answer."""
    received = turn.stimulus_as(TextReceived)
    return order_evidence(
        kind or f"order-{order.state.value}", order, ordered_by=order.who, who=received.actor,
        asked=question.asked_text, answer=received.shown_text,
    )  # fmt: skip
