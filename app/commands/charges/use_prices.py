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
    """The charge whose reminder tells of a use by SMS as well; None: tell her of it.

    She was told of one by SMS that day, and last of no less, by whatever channel; what is still to be handed over may
    be the last that she hears, and tells of no less either. A reminder that she has is named before such a one.
    """
    day = local_day(at)
    channels = {
        use.charge_id: use.channel
        for use in turn.account.records_of(Use)
        if use.service_code == service_code and local_day(use.at) == day
    }
    spoken = [fee for fee in turn.account.records_of(Charge) if fee.id in channels and not fee.is_silent]
    # Questions are numbered as they are made: they tell which was last where the clock does not.
    told = sorted((fee for fee in spoken if fee.reminded_at), key=lambda fee: (fee.reminded_at, fee.question_id))
    coming = [fee for fee in spoken if fee.state is ChargeState.ANNOUNCED]
    known = [fee for fee in (*coming, *told[-1:]) if fee.state not in _GIVEN_UP]
    by_sms = any(channels[fee.id] is Channel.SMS and fee.state not in _GIVEN_UP for fee in spoken)
    if not by_sms or any(amount_fen > fee.amount_fen for fee in coming):
        return None
    enough = [fee for fee in known if amount_fen <= fee.amount_fen]
    if not any(channels[fee.id] is Channel.SMS for fee in told):
        # Of web and the like each use is told by itself: the reminder of the first by SMS has yet to reach her.
        enough = [fee for fee in enough if channels[fee.id] is Channel.SMS]
    return enough[-1].id if enough else None
