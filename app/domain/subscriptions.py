"""Subscriptions: the services that a subscriber has or had, and the terms that they agreed to."""

from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.catalogue import Billing, CancelEffect, Service
from app.domain.values import value


class SubscriptionState(StrEnum):
    """``ending``: unsubscribed and still running."""

    ACTIVE = "active"
    TRIAL = "trial"
    ENDING = "ending"
    ENDED = "ended"


class Channel(StrEnum):
    """How an order or a change came."""

    SMS = "sms"
    WEB = "web"
    WAP = "wap"
    APP = "app"
    AGENT = "agent"
    SP = "sp"


@value
class Terms:
    """What she last agreed to (safety.md 3)."""

    price_fen: int
    billing: Billing
    sp_code: str
    cancel_effect: CancelEffect


FREE_PERIOD = timedelta(hours=72)


@value
class Subscription:
    """A service that she has or had; ``ends_at`` is the last instant that it runs.

    ``confirmed_at`` is when she last said yes to its terms (None: an import, nobody asked), ``goes_on`` whether she
    wants it at its price when the trial is over. Until ``free_until``, to the last instant, leaving it costs nothing;
    None: she was given that for the same service not long before (safety.md 11). ``began_under`` is the version of the
    catalogue that held when it began; for one that an import brought back, when the one before it did. ``owed_month``,
    such as ``2026-03``, is the month whose fee she was told is still taken when she unsubscribed.
    """

    id: str
    service_code: str
    state: SubscriptionState
    in_plan: bool
    started_at: datetime
    channel: Channel
    terms: Terms
    trial_ends_at: datetime | None = None
    contract_until: datetime | None = None
    unsubscribed_at: datetime | None = None
    ends_at: datetime | None = None
    confirmed_at: datetime | None = None
    goes_on: bool = False
    free_until: datetime | None = None
    began_under: int = 0
    owed_month: str | None = None

    def runs(self, at: datetime) -> bool:
        """Whether she has it at that instant, also when the timer that ends it is late.

        A trial without a yes ends at its last moment (flows.md 6).
        """
        if self.state is SubscriptionState.ENDED or (self.ends_at is not None and self.ends_at < at):
            return False
        trial_over = self.trial_ends_at is not None and at > self.trial_ends_at
        return self.state is not SubscriptionState.TRIAL or self.goes_on or not trial_over

    def ran(self, at: datetime) -> bool:
        """Whether she had it at an instant that may be long past."""
        if at < self.started_at:
            return False
        if self.state is SubscriptionState.ENDED:
            return self.ends_at is not None and at <= self.ends_at
        return self.runs(at)

    def can_be_unsubscribed(self, at: datetime) -> bool:
        """Whether it runs and has not been unsubscribed yet."""
        return self.state in (SubscriptionState.ACTIVE, SubscriptionState.TRIAL) and self.runs(at)

    def in_free_period(self, at: datetime) -> bool:
        """Whether leaving costs nothing (flows.md 5.3)."""
        return self.free_until is not None and at <= self.free_until

    def can_be_unsubscribed_by_sms(self, service: Service) -> bool:
        """Whether its service can be ended by SMS now, or could at any time since it began.

        That way out is part of the terms: a change of the service opens it, and never closes it (safety.md 3). A
        version tells before from after where instants do not: in the same instant, and in turns under way meanwhile.
        """
        closed_after = service.sms_closed_after
        return service.cancellable_by_sms or (closed_after is not None and self.began_under <= closed_after)
