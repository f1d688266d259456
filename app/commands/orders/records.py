"""What becomes of orders on record: refused or closed, with the evidence of it (flows.md 6, 13)."""

from app.domain.dialogue import ClosedAs, Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.orders import Order, OrderState, Reason
from app.domain.texts import listing
from app.domain.turn import Outcome, TextReceived, TimerDropped, Turn

EXPIRY_TIMER = "order-expiry"


def label(turn: Turn, order: Order) -> str:
    """The service as customers are shown it."""
    service = turn.catalogue.services.get(order.service_code)
    if service is None:
        return order.service_code
    provider = turn.catalogue.providers[order.terms.sp_code if order.terms else service.sp_code]
    return listing.label(service.name, None if provider.own else provider.short_name)


def order_refused(turn: Turn, order: Order, reason: Reason) -> Outcome:
    """The order, refused; what she is told of it is for whoever made it to add."""
    closed = order.closed(OrderState.REFUSED, turn.at, reason)
    return Outcome(records=(closed,), evidence=(draft("order-refused", closed),), verdict="refused")


def closed_with_question(turn: Turn, order: Order, state: OrderState, reason: Reason | None = None) -> Outcome:
    """An order that waited, closed with its question; the evidence is for the caller to add."""
    question = turn.account.questions.get(order.question_id or "")
    how = ClosedAs.UNDELIVERABLE if state is OrderState.UNDELIVERABLE else ClosedAs.ANSWERED
    return Outcome(
        records=(order.closed(state, turn.at, reason),),
        questions=(question.closed(turn.now, how),) if question and question.closed_at is None else (),
        dropped_timers=(TimerDropped(EXPIRY_TIMER, order.id),),
        verdict=f"order {state.value}",
    )


def draft(kind: str, order: Order, **more: Fact) -> EvidenceDraft:
    """Evidence of something that happened to an order."""
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


def answer_draft(turn: Turn, closed: Outcome, question: Question, kind: str | None = None) -> EvidenceDraft:
    """Evidence of what an answer of hers did to its order: the exact words of both."""
    received = turn.stimulus_as(TextReceived)
    order = next(record for record in closed.records if isinstance(record, Order))
    return draft(
        kind or f"order-{order.state.value}", order, ordered_by=order.who, who=f"mo:{received.id}",
        asked=question.asked_text, answer=received.shown_text,
    )  # fmt: skip
