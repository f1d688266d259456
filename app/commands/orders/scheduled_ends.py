"""When a service ends unless its subscriber says yes: a trial's end or the day of new terms (safety.md 3)."""

from collections.abc import Iterator
from datetime import datetime

from app.domain.orders import Order, OrderKind, OrderState
from app.domain.subscriptions import Subscription, SubscriptionState, Terms
from app.domain.turn import Turn
from app.domain.values import value


@value
class ScheduledEnd:
    """The last instant (UTC) of a service; ``open_order`` is the order whose yes would keep it, if one is open."""

    at: datetime
    open_order: Order | None = None


def are_worse(terms: Terms, before: Terms) -> bool:
    """Return True if the new terms need a yes: they cost more, or an unsubscribe takes effect later."""
    slower = terms.cancel_effect.delay_rank > before.cancel_effect.delay_rank
    return terms.price_fen > before.price_fen or slower


def scheduled_end(turn: Turn, held: Subscription) -> ScheduledEnd | None:
    """Return the first scheduled end of a subscription.

    An end counts if its question is open or was declined, or if no question will be asked about it.
    """
    return min((*_trial_end(turn, held), *_new_terms_end(turn, held)), key=lambda end: end.at, default=None)


def _trial_end(turn: Turn, held: Subscription) -> Iterator[ScheduledEnd]:
    """Yield the end of a trial; an order about an earlier end does not count, as the gateway asks again."""
    ends_at = held.trial_ends_at
    if held.state is not SubscriptionState.TRIAL or held.goes_on or ends_at is None:
        return
    order = next(
        (order for order in _orders_newest_first(turn, held, OrderKind.TRIAL) if order.expires_at == ends_at), None
    )
    if order is not None:
        yield from _end_after_answer(turn, order, ends_at)
    elif not turn.catalogue.services[held.service_code].on_offer:
        yield ScheduledEnd(ends_at)


def _new_terms_end(turn: Turn, held: Subscription) -> Iterator[ScheduledEnd]:
    """Yield the day of new terms that need a yes; in the plan, and if they are no longer worse, they need none."""
    order = next(_orders_newest_first(turn, held, OrderKind.TERMS), None)
    if order is None or order.terms is None or order.takes_effect_at is None or held.in_plan:
        return
    if order.takes_effect_at >= turn.at and are_worse(order.terms, held.terms):
        yield from _end_after_answer(turn, order, order.takes_effect_at)


def _orders_newest_first(turn: Turn, held: Subscription, kind: OrderKind) -> Iterator[Order]:
    """Return the orders of a kind about a subscription, newest first."""
    orders = reversed(turn.account.records_of(Order))
    return (order for order in orders if order.kind is kind and order.subscription_id == held.id)


def _end_after_answer(turn: Turn, order: Order, at: datetime) -> Iterator[ScheduledEnd]:
    """Yield the end if its order is open or declined; after a yes, or if it will be asked again, there is none."""
    if order.waits(turn.at):
        yield ScheduledEnd(at, order)
    elif order.state is OrderState.DECLINED:
        yield ScheduledEnd(at)
