"""Orders: what a customer was asked to confirm, and what became of it (flows.md 6; safety.md 3-6, 23)."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from app.domain.records import Record
from app.domain.subscriptions import Channel, Terms
from app.domain.values import replace, value

# For how long a confirmation number is not given to another question after its question is closed (flows.md 1).
RESTS = timedelta(days=7)
_NUMBERS = 100


class OrderKind(StrEnum):
    """What a yes does: start a service, let a trial go on at its price, keep what is running out, take new terms."""

    ORDER = "order"
    TRIAL = "trial"
    KEEP = "keep"
    TERMS = "terms"


class OrderState(StrEnum):
    """Only ``awaiting_confirmation`` can change."""

    AWAITING = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    EXPIRED = "expired"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"


class Reason(StrEnum):
    """Why an order is refused, or ended without an answer of hers."""

    SUSPENDED = "suspended"
    UNKNOWN_SERVICE = "unknown_service"
    WITHDRAWN_SERVICE = "withdrawn_service"
    ALREADY_SUBSCRIBED = "already_subscribed"
    ALREADY_WAITING = "already_waiting"
    BALANCE_TOO_LOW = "balance_too_low"
    TOO_MANY_ORDERS = "too_many_orders"
    SERVICE_ENDED = "service_ended"
    WRONG_CODES = "wrong_codes"
    NUMBER_GIVEN_UP = "number_given_up"


@value
class Order(Record):
    """A question of a tenure that binds whoever says yes to it; times are UTC.

    ``terms`` and ``trial_days`` are what the question named: nothing else binds. ``number`` is the NN of 10086204NN.
    ``code`` is the only yes where there is one. ``who`` made it: an MO, an API token, an agent, a timer.
    ``takes_effect_at`` is the announced day of new terms. With ``free_hours`` leaving within 72 hours of the yes costs
    nothing. ``wrong_codes`` counts codes that were not the order's. ``price_before_fen`` is what new terms, once they
    began, took the place of.
    """

    kind: OrderKind
    service_code: str
    channel: Channel
    state: OrderState
    who: str
    terms: Terms | None = None
    trial_days: int = 0
    subscription_id: str | None = None
    question_id: str | None = None
    number: str | None = None
    code: str | None = None
    expires_at: datetime | None = None
    reason: Reason | None = None
    closed_at: datetime | None = None
    idempotency_key: str | None = None
    terms_change_id: str | None = None
    takes_effect_at: datetime | None = None
    free_hours: bool = True
    wrong_codes: int = 0
    price_before_fen: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.state is OrderState.AWAITING

    def waits(self, at: datetime) -> bool:
        """Whether it waits at that instant, also when the timer that ends it is late."""
        return self.is_open and (self.expires_at is None or at <= self.expires_at)

    def closed(self, state: OrderState, at: datetime, reason: Reason | None = None) -> "Order":
        """The order with its end."""
        return replace(self, state=state, closed_at=at, reason=reason)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Nobody is left to answer."""
        if not self.is_open:
            return self
        return replace(self, state=OrderState.EXPIRED, closed_at=at, reason=Reason.NUMBER_GIVEN_UP)


def free_number(
    orders: Sequence[Order], taken: Collection[str], at: datetime, randbelow: Callable[[int], int]
) -> str | None:
    """An NN, drawn at random, that no open question has and none had in the last 7 days; None if none is left.

    Drawn, so that nobody can tell beforehand where a yes would count (safety.md 6).
    """
    used = {*taken, *(order.number for order in orders if order.is_open or not _has_rested(order, at))}
    free = [number for place in range(_NUMBERS) if (number := f"{place:02}") not in used]
    return free[randbelow(len(free))] if free else None


def _has_rested(order: Order, at: datetime) -> bool:
    return order.closed_at is not None and at - order.closed_at > RESTS
