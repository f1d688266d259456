"""Orders: what a customer was asked to confirm, and how it ended (flows.md 6; safety.md 3-6, 23)."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from app.domain.records import Record, latest
from app.domain.subscriptions import Channel, Terms
from app.domain.values import replace, value

# How long a confirmation number is not given to another question after its question was closed (flows.md 1).
RESTS = timedelta(days=7)
# How many confirmation numbers there are: NN from 00 to 99.
_NUMBER_COUNT = 100


class OrderKind(StrEnum):
    """The effect of a yes: start a service, continue a trial at its price, keep an ending service, or new terms."""

    ORDER = "order"
    TRIAL = "trial"
    KEEP = "keep"
    TERMS = "terms"


class OrderState(StrEnum):
    """The state of an order; all but ``awaiting_confirmation`` are final."""

    AWAITING = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    EXPIRED = "expired"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"


class Reason(StrEnum):
    """The reason why an order was refused, or ended without an answer."""

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
    """An order that awaits, or awaited, the subscriber's yes. Times are UTC.

    Attributes:
        who: what made it: an MO, an API token, an agent or a timer.
        terms, trial_days: what the question named; nothing else becomes binding. The trial is in days, 0 for none.
        subscription_id: the subscription that it changes or started.
        number: the NN of the confirmation number 10086204NN.
        code: the code that confirms it; None if a yes does.
        expires_at: the last instant of its window.
        takes_effect_at: the announced day of new terms.
        free_hours: unsubscribing within 72 hours of the yes is free of charge.
        wrong_codes: how many wrong codes were sent.
        price_before_fen: the price that new terms replaced, in fen; None until they are in effect.
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
        """True while it waits for an answer."""
        return self.state is OrderState.AWAITING

    @property
    def of_service(self) -> str:
        """The code of its service."""
        return self.service_code

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.expires_at, self.closed_at, self.takes_effect_at)

    def waits(self, at: datetime) -> bool:
        """Return True if it can be confirmed at ``at`` (UTC); False after its window, even if the timer is late."""
        return self.is_open and (self.expires_at is None or at <= self.expires_at)

    def closed(self, state: OrderState, at: datetime, reason: Reason | None = None) -> "Order":
        """Return the order in a final state, closed at ``at`` (UTC)."""
        return replace(self, state=state, closed_at=at, reason=reason)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Let an open order expire, as nobody is left to answer."""
        if not self.is_open:
            return self
        return replace(self, state=OrderState.EXPIRED, closed_at=at, reason=Reason.NUMBER_GIVEN_UP)


def free_number(
    orders: Sequence[Order], taken: Collection[str], at: datetime, randbelow: Callable[[int], int]
) -> str | None:
    """Return a random NN, ``00`` to ``99``, that no question uses or used in the last 7 days; None if none is left.

    It is random so that nobody can predict where a yes would count (safety.md 6). ``taken`` are the NNs of other
    questions; ``randbelow(n)`` returns a random number from 0 to n - 1.
    """
    used = {*taken, *(order.number for order in orders if order.is_open or not _has_rested(order, at))}
    free = [number for place in range(_NUMBER_COUNT) if (number := f"{place:02}") not in used]
    return free[randbelow(len(free))] if free else None


def _has_rested(order: Order, at: datetime) -> bool:
    return order.closed_at is not None and at - order.closed_at > RESTS
