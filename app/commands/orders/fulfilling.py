"""Fulfil a confirmed order: start, go on with or keep a service, or agree to new terms (flows.md 6; safety.md 3, 9)."""

from collections.abc import Iterable
from datetime import timedelta

from app.commands.orders.questions import question_facts, resumed_trial_end
from app.commands.orders.records import answer_evidence, close_with_question, label
from app.commands.orders.trial_timers import trial_timers
from app.commands.replies import say
from app.commands.subscriptions.unsubscribing import END_TIMER, mark_ended, summary
from app.domain import actors, sp_events
from app.domain.dialogue import Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.messages import MessageClass
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.subscriptions import FREE_PERIOD, Subscription, SubscriptionState, Terms
from app.domain.texts import orders as texts
from app.domain.texts import wording
from app.domain.turn import Outcome, TimerDropped, Turn
from app.domain.values import replace

_EVIDENCE = {
    OrderKind.ORDER: "order-confirmed",
    OrderKind.TRIAL: "trial-confirmed",
    OrderKind.KEEP: "keep-confirmed",
    OrderKind.TERMS: "terms-confirmed",
}


def fulfil(turn: Turn, order: Order, question: Question) -> Outcome:
    """Return all that a yes causes: the subscription, its evidence and timers, the SP's event and the reply."""
    before = turn.account.subscriptions.get(order.subscription_id or "")
    after = _after_yes(turn, order, before)
    confirmed = replace(order, subscription_id=after.id).closed(OrderState.CONFIRMED, turn.at)
    closed = close_with_question(turn, confirmed)
    # They end first: a subscriber has a service once.
    overdue = [mark_ended(item, actors.ORDER) for item in _overdue(turn, order)]
    reply = say(turn, _result_text(turn, order, after), extension=question.extension, kind=MessageClass.RESULT)
    return replace(
        closed,
        replies=(reply,),
        subscriptions=(*(ended for ended, _ in overdue), *((after,) if after != before else ())),
        timers=trial_timers(turn, after) if order.kind is not OrderKind.TERMS else (),
        dropped_timers=(*closed.dropped_timers, *_dropped_timers(order, after)),
        evidence=(*(item for _, item in overdue), _evidence(turn, confirmed, question, before, after)),
        events=sp_events.order_confirmed(turn.account.msisdn, order, after, turn.at),
    )


def _overdue(turn: Turn, order: Order) -> Iterable[Subscription]:
    """Return subscriptions of the service that are over, though the timer that ends them is late."""
    return (
        item
        for item in turn.account.subscriptions.values()
        if item.service_code == order.service_code
        and item.state is not SubscriptionState.ENDED
        and not item.runs(turn.at)
    )


def _dropped_timers(order: Order, after: Subscription) -> tuple[TimerDropped, ...]:
    return (TimerDropped(END_TIMER, after.id),) if order.kind is OrderKind.KEEP else ()


def _after_yes(turn: Turn, order: Order, held: Subscription | None) -> Subscription:
    """Return the subscription after the yes; new terms change nothing before their day."""
    if held is None or order.terms is None:
        return _new_subscription(turn, order)
    match order.kind:
        case OrderKind.TRIAL:
            return replace(held, goes_on=True, confirmed_at=turn.at)
        case OrderKind.KEEP:
            state = SubscriptionState.TRIAL if resumed_trial_end(held, turn.at) else SubscriptionState.ACTIVE
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


def _new_subscription(turn: Turn, order: Order) -> Subscription:
    service = turn.catalogue.services[order.service_code]
    terms = order.terms or Terms.of(service)
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


def _result_text(turn: Turn, order: Order, after: Subscription) -> str:
    """Say the service, from when it runs, its price and how to unsubscribe it."""
    language, asked = turn.account.language, question_facts(turn, order)
    facts = {
        "name": label(turn, order),
        "price": wording.price(language, asked.named.price_fen, asked.named.billing),
        "leave": texts.how_to_unsubscribe(language, asked),
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
    turn: Turn, order: Order, question: Question, before: Subscription | None, after: Subscription
) -> EvidenceDraft:
    """Return the evidence of the question, the answer and the change, in the subscription's name."""
    answered = answer_evidence(turn, order, question, kind=_EVIDENCE[order.kind])
    changes: dict[str, Fact] = {
        "order_id": order.id, "before": summary(before) if before else None, "after": summary(after),
    }  # fmt: skip
    return EvidenceDraft(answered.kind, after.id, {**answered.payload, **changes})
