"""The rules for a monthly charge, checked when it is announced and when it is taken.

(safety.md 3, 10, 11; flows.md 17)
"""

from collections.abc import Iterator
from datetime import datetime

from app.commands.charges.prices import confirmed_price
from app.domain.catalogue import Billing
from app.domain.charges import JUST_AFTER, Charge
from app.domain.months import first_moment, last_moment
from app.domain.subscriptions import FREE_PERIOD, Subscription, SubscriptionState
from app.domain.turn import Turn
from app.domain.values import value


@value
class Violation:
    """A rule that a charge breaks.

    ``detail`` is the error that its announcement gets, ``reason`` the short reason recorded when it is waived.
    """

    detail: str
    reason: str


def price_of_month(turn: Turn, subscription: Subscription, period: str) -> int:
    """Return the highest allowed charge for a month in fen: the lower of its price then and the price now.

    "Then" is the start of the month, or of the subscription if that is later.
    """
    began = max(first_moment(period), subscription.started_at)
    return min(confirmed_price(turn, subscription, began), subscription.terms.price_fen)


def covers(subscription: Subscription, period: str) -> bool:
    """Return True if the subscription ran at some time in the month ``period`` (``2026-03``)."""
    over = subscription.ends_at is not None and subscription.ends_at < first_moment(period)
    return subscription.started_at <= last_moment(period) and not over


def first_due(subscription: Subscription) -> datetime:
    """Return the first moment (UTC) after the 72 free hours."""
    return (subscription.confirmed_at or subscription.started_at) + FREE_PERIOD + JUST_AFTER


def violations(turn: Turn, charge: Charge, subscription: Subscription, due_at: datetime) -> Iterator[Violation]:
    """Yield the rules that a monthly charge due at ``due_at`` (UTC) breaks."""
    yield from _violations_of_period(charge, subscription, due_at)
    if subscription.ends_at is not None and subscription.ends_at < due_at:
        yield Violation(
            "due_at: the service was unsubscribed and ends before the fee falls due.", "the service ended before"
        )
    yield from _violations_of_amount(turn, charge, subscription)
    trial_ends_at = subscription.trial_ends_at if subscription.state is SubscriptionState.TRIAL else None
    if trial_ends_at is not None and not (subscription.goes_on and due_at >= trial_ends_at):
        yield Violation(
            "due_at: the service is on trial, and is charged after a yes and not before the trial's end.", "on trial"
        )


def _violations_of_period(charge: Charge, subscription: Subscription, due_at: datetime) -> Iterator[Violation]:
    begins, ends = first_moment(charge.period), last_moment(charge.period)
    if begins > due_at:
        yield Violation(
            "period: begins after due_at; announce the fee of a month that has begun by then.", "not begun by then"
        )
    if not covers(subscription, charge.period):
        yield Violation("period: the customer did not have this service in that month.", "not held in that month")
    if subscription.unsubscribed_at is not None and subscription.unsubscribed_at < begins:
        yield Violation("period: begins after the customer unsubscribed.", "unsubscribed before that month")
    if subscription.trial_ends_at is not None and subscription.trial_ends_at > ends:
        yield Violation("period: the service was on trial, and free, in all of that month.", "on trial")


def _violations_of_amount(turn: Turn, charge: Charge, subscription: Subscription) -> Iterator[Violation]:
    if subscription.in_plan and charge.amount_fen:
        yield Violation(
            "amount_fen: the service is part of the customer's plan; only 0 can be announced.", "in the plan"
        )
    if charge.amount_fen > price_of_month(turn, subscription, charge.period):
        yield Violation(
            "amount_fen: is more than the price that the customer confirmed for that month.", "more than the price"
        )
    if subscription.terms.billing is Billing.PER_USE and charge.amount_fen:
        yield Violation("kind: this service is paid by use and has no monthly fee.", "paid by use")
