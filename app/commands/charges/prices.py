"""Find the price that applied at a given time, to a use or to a subscription (safety.md 12)."""

from datetime import datetime

from app.domain.account import Account
from app.domain.catalogue import Billing
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.subscriptions import Subscription
from app.domain.turn import Turn


def subscription_at(account: Account, service_code: str, at: datetime) -> Subscription | None:
    """Return the subscription of a service that ran at a time (UTC) that may be long past; None if none did."""
    ran = (item for item in account.subscriptions_of(service_code) if item.ran(at))
    return max(ran, key=lambda item: item.started_at, default=None)


def price_of_use(turn: Turn, service_code: str, at: datetime) -> int:
    """Return the price of a use at a time (UTC) in fen: by the terms confirmed then, else by the catalogue of then."""
    subscription = subscription_at(turn.account, service_code, at)
    if subscription is None or subscription.terms.billing is not Billing.PER_USE:
        return turn.catalogue.services[service_code].price_at(at)
    on_trial = subscription.trial_ends_at is not None and at <= subscription.trial_ends_at
    return 0 if subscription.in_plan or on_trial else confirmed_price(turn, subscription, at)


def confirmed_price(turn: Turn, subscription: Subscription, at: datetime) -> int:
    """Return the price that the subscriber had confirmed at a time (UTC) in fen; new terms apply from their day on."""
    earlier_prices = (
        (order.takes_effect_at, order.price_before_fen)
        for order in turn.account.records_of(Order)
        if order.kind is OrderKind.TERMS
        and order.state is OrderState.CONFIRMED
        and order.subscription_id == subscription.id
    )
    before = [(day, fen) for day, fen in earlier_prices if day is not None and fen is not None and at < day]
    return min(before)[1] if before else subscription.terms.price_fen
