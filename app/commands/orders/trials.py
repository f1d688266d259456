"""Trials: ask before the end whether to go on, and go on or stop at the end (flows.md 6, 17; safety.md 19)."""

from app.commands.orders.questions import ask, expiry_timer
from app.commands.orders.records import order_evidence
from app.commands.orders.trial_timers import TRIAL_END, TRIAL_QUESTION, trial_timers
from app.commands.registry import timer
from app.commands.subscriptions.unsubscribing import mark_ended, summary
from app.domain import actors, sp_events
from app.domain.charges import Charge
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.turn import Outcome, TimerDue, TimerSet, Turn
from app.domain.values import replace


def _trial_subscription(turn: Turn) -> Subscription | None:
    held = turn.account.subscriptions.get(turn.stimulus_as(TimerDue).subject)
    return held if held is not None and held.state is SubscriptionState.TRIAL else None


@timer(TRIAL_QUESTION, reads=(Charge, Order))
def ask_about_trial(turn: Turn) -> Outcome:
    """Ask once, outside the quiet hours, whether to go on at the price; the question is open until the trial ends."""
    held = _trial_subscription(turn)
    if held is None or held.goes_on or held.trial_ends_at is None or turn.now >= held.trial_ends_at:
        return Outcome(verdict="nothing to ask")
    by_day = turn.policy.quiet_hours.release(turn.now)
    if by_day > turn.now:
        later = (TimerSet(TRIAL_QUESTION, held.id, by_day),) if by_day < held.trial_ends_at else ()
        return Outcome(timers=later, verdict="waits for the day")
    if _open_orders(turn, held) or not turn.catalogue.services[held.service_code].on_offer:
        return Outcome(verdict="nothing to ask")
    order = Order(
        id=next(turn.ids),
        made_at=turn.now,
        kind=OrderKind.TRIAL,
        service_code=held.service_code,
        channel=held.channel,
        state=OrderState.AWAITING,
        who=actors.TIMER,
        terms=held.terms,
        subscription_id=held.id,
        expires_at=held.trial_ends_at,
    )
    return ask(turn, order)


def update_question_expiry(turn: Turn, held: Subscription) -> Outcome:
    """Keep the question open until the trial's end after that has moved.

    The question named the old end, so a yes to it is asked again.
    """
    ends_at, orders = held.trial_ends_at, _open_orders(turn, held)
    if ends_at is None:
        return Outcome()
    questions = [turn.account.questions.get(order.question_id or "") for order in orders]
    return Outcome(
        records=tuple(replace(order, expires_at=ends_at) for order in orders),
        questions=tuple(replace(question, expires_at=ends_at) for question in questions if question is not None),
        timers=tuple(expiry_timer(order, ends_at) for order in orders),
    )


def _open_orders(turn: Turn, held: Subscription) -> tuple[Order, ...]:
    orders = turn.account.records_of(Order)
    return tuple(
        order
        for order in orders
        if order.is_open and order.kind is OrderKind.TRIAL and order.subscription_id == held.id
    )


@timer(TRIAL_END, reads=(Order,))
def end_trial(turn: Turn) -> Outcome:
    """Turn a trial into a paid subscription after a yes; else end it at no cost."""
    held = _trial_subscription(turn)
    if held is None or held.trial_ends_at is None:
        return Outcome(verdict="nothing to end")
    if turn.at <= held.trial_ends_at:
        return Outcome(timers=trial_timers(turn, held), verdict="not over yet")
    expired = tuple(order.closed(OrderState.EXPIRED, turn.at) for order in _open_orders(turn, held))
    drafts = tuple(order_evidence("order-expired", order) for order in expired)
    if held.goes_on:
        after = replace(held, state=SubscriptionState.ACTIVE)
        draft = EvidenceDraft("trial-over", held.id, _evidence_payload(held, after))
        return Outcome(
            subscriptions=(after,),
            evidence=(draft,),
            events=(sp_events.trial_over(turn.account.msisdn, after),),
            verdict="goes on",
        )
    ended, draft = mark_ended(held, actors.TIMER)
    return Outcome(
        subscriptions=(ended,),
        records=expired,
        evidence=(*drafts, draft),
        events=(sp_events.ended(turn.account.msisdn, ended, sp_events.Cause.TRIAL_OVER, turn.at),),
        verdict="trial over",
    )


def _evidence_payload(before: Subscription, after: Subscription) -> dict[str, Fact]:
    return {"service_code": after.service_code, "who": actors.TIMER, "before": summary(before), "after": summary(after)}
