"""Notices before a suspension: a low balance, and a suspension that billing announced (flows.md 16)."""

from datetime import datetime
from typing import Self

from app.domain.account import Payment, Subscriber
from app.domain.records import Record, latest
from app.domain.values import replace, value


@value
class LowBalance(Record):
    """The low-balance notice of a tenure; ``told`` says that it was sent since the balance was last above the limit."""

    told: bool

    @property
    def is_open(self) -> bool:
        """True while no further notice may be sent."""
        return self.told

    def when_tenure_ends(self, at: datetime) -> Self:  # noqa: ARG002  it ends at once
        """Reset it, as nobody is left to get a notice."""
        return replace(self, told=False)


@value
class Suspension(Record):
    """A suspension that billing announced for ``stops_at`` (UTC) and carries out itself (flows.md 16).

    ``over_at`` is when it was called off, replaced by another date, or carried out (UTC); None until then.
    """

    stops_at: datetime
    over_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True while it is still to come."""
        return self.over_at is None

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.stops_at, self.over_at)

    def closed(self, at: datetime) -> "Suspension":
        """Return it as over since ``at`` (UTC); no further notice about it is sent."""
        return replace(self, over_at=at)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Close it, as it suspends nobody any more."""
        return replace(self, over_at=at) if self.over_at is None else self


def is_low(subscriber: Subscriber, limit_fen: int) -> bool:
    """Return True if the subscriber is prepaid and the balance is below the limit in fen."""
    return subscriber.payment is Payment.PREPAID and subscriber.balance_fen < limit_fen
