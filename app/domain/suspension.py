"""What is known of a number that may be stopped: a balance that was told to be low, a stop that was announced."""

from datetime import datetime
from typing import Self

from app.domain.account import Payment, Subscriber
from app.domain.records import Record
from app.domain.values import replace, value


@value
class LowBalance(Record):
    """One for each tenure: whether she was told that her balance is low since it was last above (flows.md 16)."""

    told: bool

    @property
    def is_open(self) -> bool:
        """Whether she is not to be told again."""
        return self.told

    def when_tenure_ends(self, at: datetime) -> Self:  # noqa: ARG002  it ends at once
        """Nobody is left to be told."""
        return replace(self, told=False)


@value
class Suspension(Record):
    """A stop that billing announced for ``stops_at`` (UTC); billing itself carries it out (flows.md 16).

    ``over_at``: when it was called off, replaced by another date, or carried out.
    """

    stops_at: datetime
    over_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to come."""
        return self.over_at is None

    def closed(self, at: datetime) -> "Suspension":
        """Nothing more is told of it."""
        return replace(self, over_at=at)

    def when_tenure_ends(self, at: datetime) -> Self:
        """It stops nobody any more."""
        return replace(self, over_at=at) if self.over_at is None else self


def is_low(subscriber: Subscriber, limit_fen: int) -> bool:
    """Whether a prepaid balance is below the limit."""
    return subscriber.payment is Payment.PREPAID and subscriber.balance_fen < limit_fen
