"""What a yes to an order does: a service starts, goes on, is kept, or gets new terms (flows.md 6; safety.md 3, 9)."""

from collections.abc import Iterable
from datetime import timedelta

from app.commands.orders.questions import asked, trial_left
from app.commands.orders.records import answer_draft, closed_with_question, label
from app.commands.orders.trial_timers import trial_timers
from app.commands.replies import say
from app.commands.subscriptions.unsubscribing import ACCESS_MODES, END_TIMER, mark_ended, summary
from app.domain.account import FREE_PERIOD, Subscription, SubscriptionState, Terms
from app.domain.dialogue import Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.messages import MessageClass
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.texts import orders as texts
from app.domain.texts import wording
from app.domain.turn import EventDraft, Outcome, TimerDropped, Turn
from app.domain.values import replace

# The fields of the real-world sync (flows.md 14): opened, by the user.
_OPENED = {"action": 1, "reason": 1}
_EVIDENCE = {
    OrderKind.ORDER: "order-confirmed",
    OrderKind.TRIAL: "trial-confirmed",
    OrderKind.KEEP: "keep-confirmed",
    OrderKind.TERMS: "terms-confirmed",
}
# New terms are told when they take effect.
_EVENTS = {
    OrderKind.ORDER: "subscription.ordered",
    OrderKind.TRIAL: "subscription.goes_on",
    OrderKind.KEEP: "subscription.kept",
}


def carry_out(turn: Turn, order: Order, question: Question) -> Outcome:
    """Do what she said yes to: subscription, evidence, word to the SP and her message in one outcome."""
    before = turn.account.subscriptions.get(order.subscription_id or "")
    after = _after(turn, order, before)
    closed = closed_with_question(turn, replace(order, subscription_id=after.id), OrderState.CONFIRMED)
    over = [mark_ended(item, "order") for item in _late(turn, order)]
    reply = say(turn, _said(turn, order, after), extension=question.extension, kind=MessageClass.RESULT)
    return replace(
        closed,
        replies=(reply,),
        subscriptions=(*(ended for ended, _ in over), *((after,) if after != before else ())),
        timers=trial_timers(turn, after) if order.kind is not OrderKind.TERMS else (),
        dropped_timers=(*closed.dropped_timers, *_dropped(order, after)),
        evidence=(*(item for _, item in over), _evidence(turn, order.kind, closed, question, before, after)),
        events=(_event(turn, order, after),) if order.kind in _EVENTS else (),
    )


def _late(turn: Turn, order: Order) -> Iterable[Subscription]:
    """What has run out and whose timer is late: a service is held once."""
    return (
        item
        for item in turn.account.subscriptions.values()
        if item.service_code == order.service_code
        and item.state is not SubscriptionState.ENDED
        and not item.runs(turn.at)
    )


def _dropped(order: Order, after: Subscription) -> tuple[TimerDropped, ...]:
    return (TimerDropped(END_TIMER, after.id),) if order.kind is OrderKind.KEEP else ()


def _after(turn: Turn, order: Order, held: Subscription | None) -> Subscription:
    """The subscription after the yes; new terms wait for their day."""
    if held is None or order.terms is None:
        return _new(turn, order)
    match order.kind:
        case OrderKind.TRIAL:
            return replace(held, goes_on=True, confirmed_at=turn.at)
        case OrderKind.KEEP:
            state = SubscriptionState.TRIAL if trial_left(held, turn.at) else SubscriptionState.ACTIVE
            return replace(
                held,
                state=state,
                unsubscribed_at=None,
                ends_at=None,
                owed_month=None,
                confirmed_at=turn.at,
                goes_on=False,
            )
        case _:
            return held


def _new(turn: Turn, order: Order) -> Subscription:
    service = turn.catalogue.services[order.service_code]
    terms = order.terms or Terms(service.price_fen, service.billing, service.sp_code, service.cancel_effect)
    return Subscription(
        id=next(turn.ids),
        service_code=order.service_code,
        state=SubscriptionState.TRIAL if order.trial_days else SubscriptionState.ACTIVE,
        in_plan=False,
        started_at=turn.at,
        channel=order.channel,
        terms=terms,
        trial_ends_at=turn.at + timedelta(days=order.trial_days) if order.trial_days else None,
        confirmed_at=turn.at,
        free_until=turn.at + FREE_PERIOD if order.free_hours else None,
        began_under=turn.catalogue.version,
    )


def _said(turn: Turn, order: Order, after: Subscription) -> str:
    """Name, from when, price, and how to leave it again."""
    language, words = turn.account.language, asked(turn, order)
    facts = {
        "name": label(turn, order),
        "price": wording.price(language, words.named.price_fen, words.named.billing),
        "leave": texts.leave(language, words),
    }
    ends_at = order.takes_effect_at or after.trial_ends_at or turn.at
    match order.kind:
        case OrderKind.TRIAL:
            return texts.GOES_ON.say(language, **facts, end=wording.minute(language, ends_at))
        case OrderKind.KEEP:
            return texts.KEPT.say(language, **facts)
        case OrderKind.TERMS:
            return texts.TERMS_AGREED.say(language, **facts, end=wording.minute(language, ends_at))
        case _:
            text = texts.ORDERED_TRIAL if after.trial_ends_at else texts.ORDERED
            day = wording.day(language, after.started_at)
            free = texts.free_hours(language) if order.free_hours else ""
            return text.say(language, **facts, day=day, end=wording.minute(language, ends_at), free=free)


def _evidence(
    turn: Turn, kind: OrderKind, closed: Outcome, question: Question, before: Subscription | None, after: Subscription
) -> EvidenceDraft:
    """What she was asked, what she answered and what came of it; the subscription's own record."""
    answered = answer_draft(turn, closed, question, kind=_EVIDENCE[kind])
    order = next(record for record in closed.records if isinstance(record, Order))
    changes: dict[str, Fact] = {
        "order_id": order.id, "before": summary(before) if before else None, "after": summary(after),
    }  # fmt: skip
    return EvidenceDraft(answered.kind, after.id, {**answered.payload, **changes})


def _event(turn: Turn, order: Order, after: Subscription) -> EventDraft:
    """What the SP is told (flows.md 14)."""
    data: dict[str, Fact] = {
        "msisdn": turn.account.msisdn,
        "service_code": after.service_code,
        "subscription_id": after.id,
        "order_id": order.id,
        "started_at": after.started_at.isoformat(),
        "confirmed_at": turn.at.isoformat(),
        "trial_ends_at": after.trial_ends_at.isoformat() if after.trial_ends_at else None,
        "price_fen": after.terms.price_fen,
        **_OPENED,
        "access_mode": ACCESS_MODES[order.channel],
    }
    return EventDraft(f"sp:{after.terms.sp_code}", _EVENTS[order.kind], data)
