"""Subscriptions: the services that a subscriber has or had, with the terms that were agreed to."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from app.domain.catalogue import Billing, CancelEffect, Service
from app.domain.values import value


class SubscriptionState(StrEnum):
    """The state of a subscription; ``ending``: unsubscribed, but still running."""

    ACTIVE = "active"
    TRIAL = "trial"
    ENDING = "ending"
    ENDED = "ended"


class Channel(StrEnum):
    """The channel that an order or a change came through."""

    SMS = "sms"
    WEB = "web"
    WAP = "wap"
    APP = "app"
    AGENT = "agent"
    SP = "sp"


@value
class Terms:
    """The terms that the subscriber last agreed to (safety.md 3).

    ``price_fen`` is in fen, per month or per use as ``billing`` says.
    """

    price_fen: int
    billing: Billing
    sp_code: str
    cancel_effect: CancelEffect

    @classmethod
    def of(cls, service: Service) -> Self:
        """Return the terms under which a service is offered now."""
        return cls(service.price_fen, service.billing, service.sp_code, service.cancel_effect)


# How long after an order unsubscribing is free (flows.md 5.3).
FREE_PERIOD = timedelta(hours=72)


@value
class Subscription:
    """A service that a subscriber has or had. Times are UTC, and every deadline includes its last instant.

    Attributes:
        in_plan: paid for by the plan; it costs nothing by itself.
        trial_ends_at: the end of the free trial; None if there is no trial.
        contract_until: until when the service cannot be unsubscribed; None without a contract.
        ends_at: the last instant at which it runs; None until it is unsubscribed.
        confirmed_at: when the subscriber last agreed to the terms; None for an import that nobody confirmed.
        goes_on: the subscriber agreed to pay the price when the trial ends.
        free_until: until when unsubscribing is free of charge; None if the subscriber had a free period for the same
            service shortly before (safety.md 11).
        began_under: the version of the catalogue when it began; for an import that revives a subscription, the version
            of the old one.
        owed_month: the month, such as ``2026-03``, whose fee is still taken after the unsubscribe, as the reply said.
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
        """Return True if the subscription runs at ``at`` (UTC), even if the timer that ends it is late.

        A trial that was not confirmed ends with its last instant (flows.md 6).
        """
        if self.state is SubscriptionState.ENDED or (self.ends_at is not None and self.ends_at < at):
            return False
        trial_over = self.trial_ends_at is not None and at > self.trial_ends_at
        return self.state is not SubscriptionState.TRIAL or self.goes_on or not trial_over

    def ran(self, at: datetime) -> bool:
        """Return True if the subscription ran at ``at`` (UTC), which may be long past."""
        if at < self.started_at:
            return False
        if self.state is SubscriptionState.ENDED:
            return self.ends_at is not None and at <= self.ends_at
        return self.runs(at)

    def can_be_unsubscribed(self, at: datetime) -> bool:
        """Return True if it runs at ``at`` (UTC) and has not been unsubscribed yet."""
        return self.state in (SubscriptionState.ACTIVE, SubscriptionState.TRIAL) and self.runs(at)

    def in_free_period(self, at: datetime) -> bool:
        """Return True if unsubscribing at ``at`` (UTC) is free of charge (flows.md 5.3)."""
        return self.free_until is not None and at <= self.free_until

    def can_be_unsubscribed_by_sms(self, service: Service) -> bool:
        """Return True if the service can be ended by SMS now, or could be at any time since the subscription began.

        Ending by SMS is part of the terms: a change of the service can add it, but never take it away (safety.md 3).
        Catalogue versions are compared instead of times, as they are exact for changes in the same instant and for
        turns that are running during a change.
        """
        closed_after = service.sms_closed_after
        return service.cancellable_by_sms or (closed_after is not None and self.began_under <= closed_after)
