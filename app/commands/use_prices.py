"""What a use costs, and whether she was told so before: its price is that of its time (safety.md 12)."""

from datetime import datetime

from app.domain.account import Account, Channel, Subscription
from app.domain.calendar import local_day
from app.domain.catalogue import Billing
from app.domain.charges import Charge, ChargeState, Use
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.turn import Turn

_GIVEN_UP = (ChargeState.WAIVED, ChargeState.CANCELLED)


def had(account: Account, service_code: str, at: datetime) -> Subscription | None:
    """Her subscription of a service at an instant that may be long past."""
    ran = (item for item in account.of_service(service_code) if item.ran(at))
    return max(ran, key=lambda item: item.started_at, default=None)


def price_of_use(turn: Turn, service_code: str, at: datetime) -> int:
    """What a use at a moment costs, in fen: by the terms that she had then, else as it was offered then."""
    held = had(turn.account, service_code, at)
    if held is None or held.terms.billing is not Billing.PER_USE:
        return turn.catalogue.services[service_code].price_at(at)
    on_trial = held.trial_ends_at is not None and at <= held.trial_ends_at
    return 0 if held.in_plan or on_trial else confirmed_price(turn, held, at)


def confirmed_price(turn: Turn, held: Subscription, at: datetime) -> int:
    """What she had agreed to pay at a moment, in fen; new terms bind from their day only."""
    later = (
        (order.takes_effect_at, order.price_before_fen)
        for order in turn.account.records_of(Order)
        if order.kind is OrderKind.TERMS and order.state is OrderState.CONFIRMED and order.subscription_id == held.id
    )
    before = [(day, fen) for day, fen in later if day is not None and fen is not None and at < day]
    return min(before)[1] if before else held.terms.price_fen


def told_with(turn: Turn, service_code: str, at: datetime, amount_fen: int) -> str | None:
    """The charge of a use by SMS of the same day whose reminder tells of an amount that is no less; None: tell her.

    One that she has comes before one that is still to be handed over.
    """
    day = local_day(at)
    uses = (use for use in turn.account.records_of(Use) if use.service_code == service_code)
    that_day = {use.charge_id for use in uses if use.channel is Channel.SMS and local_day(use.at) == day}
    told = [
        charge
        for charge in turn.account.records_of(Charge)
        if charge.id in that_day and not charge.is_silent and charge.state not in _GIVEN_UP
    ]
    enough = [charge for charge in told if charge.amount_fen >= amount_fen]
    best = max(enough, key=lambda charge: (charge.reminded_at is not None, charge.made_at, charge.id), default=None)
    return best.id if best else None
