"""What a monthly fee may be: judged when it is announced and when it is taken (safety.md 3, 10, 11; flows.md 17)."""

from collections.abc import Iterator
from datetime import datetime

from app.commands.charges.use_prices import confirmed_price
from app.domain.account import FREE_PERIOD, Subscription, SubscriptionState
from app.domain.catalogue import Billing
from app.domain.charges import AFTER, Charge
from app.domain.months import first_moment, last_moment
from app.domain.turn import Turn
from app.domain.values import value


@value
class Violation:
    """Why a fee may not be taken: for who announces it, and in a few words for who hears that it is given up."""

    detail: str
    reason: str


def price_of_month(turn: Turn, held: Subscription, period: str) -> int:
    """The most that a month may cost, in fen: its price as it began (or she had it), or that of now if it is less."""
    began = max(first_moment(period), held.started_at)
    return min(confirmed_price(turn, held, began), held.terms.price_fen)


def covers(held: Subscription, period: str) -> bool:
    """Whether she had it in that month."""
    over = held.ends_at is not None and held.ends_at < first_moment(period)
    return held.started_at <= last_moment(period) and not over


def first_due(held: Subscription) -> datetime:
    """The first instant (UTC) behind its 72 hours."""
    return (held.confirmed_at or held.started_at) + FREE_PERIOD + AFTER


def violations(turn: Turn, fee: Charge, held: Subscription, due_at: datetime) -> Iterator[Violation]:
    """Why a month's fee that is due at a moment may not be taken for what she has."""
    yield from _violations_of_period(fee, held, due_at)
    if held.ends_at is not None and held.ends_at < due_at:
        yield Violation(
            "due_at: the service was unsubscribed and ends before the fee falls due.", "the service ended before"
        )
    yield from _violations_of_amount(turn, fee, held)
    trial_ends_at = held.trial_ends_at if held.state is SubscriptionState.TRIAL else None
    if trial_ends_at is not None and not (held.goes_on and due_at >= trial_ends_at):
        yield Violation(
            "due_at: the service is on trial, and is charged after a yes and not before the trial's end.", "on trial"
        )


def _violations_of_period(fee: Charge, held: Subscription, due_at: datetime) -> Iterator[Violation]:
    begins, ends = first_moment(fee.period), last_moment(fee.period)
    if begins > due_at:
        yield Violation(
            "period: begins after due_at; announce the fee of a month that has begun by then.", "not begun by then"
        )
    if not covers(held, fee.period):
        yield Violation("period: the customer did not have this service in that month.", "not held in that month")
    if held.unsubscribed_at is not None and held.unsubscribed_at < begins:
        yield Violation("period: begins after the customer unsubscribed.", "unsubscribed before that month")
    if held.trial_ends_at is not None and held.trial_ends_at > ends:
        yield Violation("period: the service was on trial, and free, in all of that month.", "on trial")


def _violations_of_amount(turn: Turn, fee: Charge, held: Subscription) -> Iterator[Violation]:
    if held.in_plan and fee.amount_fen:
        yield Violation(
            "amount_fen: the service is part of the customer's plan; only 0 can be announced.", "in the plan"
        )
    if fee.amount_fen > price_of_month(turn, held, fee.period):
        yield Violation(
            "amount_fen: is more than the price that the customer confirmed for that month.", "more than the price"
        )
    if held.terms.billing is Billing.PER_USE and fee.amount_fen:
        yield Violation("kind: this service is paid by use and has no monthly fee.", "paid by use")
