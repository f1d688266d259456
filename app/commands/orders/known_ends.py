"""Until when what she has runs unless she says yes: the end of a trial, the day of new terms (safety.md 3)."""

from collections.abc import Iterator
from datetime import datetime

from app.domain.account import Subscription, SubscriptionState, Terms
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.turn import Turn
from app.domain.values import value


@value
class KnownEnd:
    """The last instant (UTC) that something runs; ``asked`` is the order whose yes still keeps it, if one waits."""

    at: datetime
    asked: Order | None = None


def are_worse(terms: Terms, before: Terms) -> bool:
    """Whether they need her yes: dearer, or slower to leave."""
    slower = terms.cancel_effect.slowness > before.cancel_effect.slowness
    return terms.price_fen > before.price_fen or slower


def known_end(turn: Turn, held: Subscription) -> KnownEnd | None:
    """Its first end that is known: one that she is asked about, or that no question will come about."""
    return min((*_of_trial(turn, held), *_of_new_terms(turn, held)), key=lambda end: end.at, default=None)


def _of_trial(turn: Turn, held: Subscription) -> Iterator[KnownEnd]:
    """Of a trial that has become longer since her answer she is asked again."""
    ends_at = held.trial_ends_at
    if held.state is not SubscriptionState.TRIAL or held.goes_on or ends_at is None:
        return
    order = next((order for order in _asked(turn, held, OrderKind.TRIAL) if order.expires_at == ends_at), None)
    if order is not None:
        yield from _end(turn, order, ends_at)
    elif not turn.catalogue.services[held.service_code].on_offer:
        yield KnownEnd(ends_at)


def _of_new_terms(turn: Turn, held: Subscription) -> Iterator[KnownEnd]:
    """What is in the plan, or would become no worse than it is by now, needs no yes."""
    order = next(_asked(turn, held, OrderKind.TERMS), None)
    if order is None or order.terms is None or order.takes_effect_at is None or held.in_plan:
        return
    if order.takes_effect_at >= turn.at and are_worse(order.terms, held.terms):
        yield from _end(turn, order, order.takes_effect_at)


def _asked(turn: Turn, held: Subscription, kind: OrderKind) -> Iterator[Order]:
    """Newest first."""
    orders = reversed(turn.account.records_of(Order))
    return (order for order in orders if order.kind is kind and order.subscription_id == held.id)


def _end(turn: Turn, order: Order, at: datetime) -> Iterator[KnownEnd]:
    """None where she said yes, or where the question is going to come again."""
    if order.waits(turn.at):
        yield KnownEnd(at, order)
    elif order.state is OrderState.DECLINED:
        yield KnownEnd(at)
