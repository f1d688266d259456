"""The catalogue: service providers (SPs) and their services, as turns read them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from app.domain.values import replace, value


class CancelEffect(StrEnum):
    """The time at which an unsubscribed service ends: at once, within 24 hours or at the month's end (flows.md 5.3)."""

    IMMEDIATE = "immediate"
    WITHIN_24H = "within_24h"
    MONTH_END = "month_end"

    @property
    def delay_rank(self) -> int:
        """The rank of the effect: 0 for the soonest end, higher for a later one."""
        return tuple(CancelEffect).index(self)


class Billing(StrEnum):
    """The unit of a price: a month or one use; ``free`` has a price of 0."""

    MONTHLY = "monthly"
    PER_USE = "per_use"
    FREE = "free"

    def allows(self, price_fen: int) -> bool:
        """Return True if something billed like this can have that price, in fen."""
        return price_fen == 0 or self is not Billing.FREE


FREE_COSTS_NOTHING = "price_fen: a free service costs nothing."


class ConfirmMode(StrEnum):
    """The confirmation of an order: the word for yes, or a random code that the question shows (flows.md 6)."""

    FIXED = "fixed"
    CODE = "code"


@value
class ServiceProvider:
    """The company that offers a service.

    Attributes:
        short_name: the name that listings show behind the service's.
        own: True for the operator itself.
        webhook_url: where its events are sent; None if it gets none.
        confirm_mode: how orders of its services are confirmed; None for the gateway's setting.
    """

    sp_code: str
    name: str
    short_name: str
    service_phone: str
    own: bool
    webhook_url: str | None = None
    confirm_mode: ConfirmMode | None = None


# How many former prices of a service are stored. A use that is reported late costs the price of its own time.
_MOST_PAST_PRICES = 100


@value
class PastPrice:
    """A former price of a service in fen, valid before ``until`` (UTC)."""

    until: datetime
    price_fen: int


@value
class Service:
    """A value-added service as it is offered now. Subscribers keep the terms that they confirmed (safety.md 3).

    Attributes:
        price_fen: the price in fen, per month or per use as ``billing`` says.
        cancel_how: how to unsubscribe if SMS does not; words for customers.
        cancel_warning: what a customer loses by unsubscribing; asked before it, in these words.
        order_keyword: what ``KT`` and ``QX`` are followed by, such as ``CL``; None if it cannot be ordered by keyword.
        on_offer: it can be ordered.
        trial_days: the length of the free trial in days; 0 without one.
        visible: ``1111`` lists it.
        sms_closed_after: the last version of the catalogue in which it could be ended by SMS; None if it still can, or
            never could.
        past_prices: former prices, the oldest first.
    """

    service_code: str
    name: str
    sp_code: str
    billing: Billing
    price_fen: int
    cancel_effect: CancelEffect
    cancellable_by_sms: bool
    cancel_how: str | None
    cancel_warning: str | None
    order_keyword: str | None
    on_offer: bool
    trial_days: int
    visible: bool
    sms_closed_after: int | None = None
    past_prices: tuple[PastPrice, ...] = ()

    def price_at(self, at: datetime) -> int:
        """Return the price at a time (UTC), in fen."""
        return next((past.price_fen for past in self.past_prices if at < past.until), self.price_fen)

    def replacing(self, before: "Service | None", version: int, at: datetime) -> "Service":
        """Return the service with the former prices and ``sms_closed_after`` of the value that it replaces.

        ``version`` is the catalogue's before the change; ``at`` (UTC) is the time of the change.
        """
        if before is None:
            return self
        closes = before.cancellable_by_sms and not self.cancellable_by_sms
        return replace(
            self,
            sms_closed_after=version if closes else before.sms_closed_after,
            past_prices=_with_price_until(at, before) if before.price_fen != self.price_fen else before.past_prices,
        )


@value
class Catalogue:
    """All services that are or were on offer, and their SPs; replaced as a whole when its version changes.

    Attributes:
        version: counts the changes; -1 for an empty catalogue.
        providers: SPs by ``sp_code``.
        services: by ``service_code``.
        by_keyword: services by order keyword, in upper case.
    """

    version: int = -1
    providers: Mapping[str, ServiceProvider] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    by_keyword: Mapping[str, Service] = field(default_factory=dict)

    @classmethod
    def of(cls, version: int, providers: list[ServiceProvider], services: list[Service]) -> "Catalogue":
        """Return a catalogue of these SPs and services."""
        return cls(
            version=version,
            providers={provider.sp_code: provider for provider in providers},
            services={service.service_code: service for service in services},
            by_keyword={service.order_keyword.upper(): service for service in services if service.order_keyword},
        )


def _with_price_until(at: datetime, service: Service) -> tuple[PastPrice, ...]:
    """Return the former prices with the current one added, valid until ``at``.

    Of more than 100 the oldest are merged into one entry with their lowest price, so that no use costs too much.
    """
    past = (*service.past_prices, PastPrice(at, service.price_fen))
    merged, recent = past[:-_MOST_PAST_PRICES], past[-_MOST_PAST_PRICES:]
    lowest = min(item.price_fen for item in (*merged, recent[0]))
    return (replace(recent[0], price_fen=lowest), *recent[1:]) if merged else recent
