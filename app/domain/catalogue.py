"""Service providers (SPs) and services: the shared tables, as the commands see them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from app.domain.values import replace, value


class CancelEffect(StrEnum):
    """When an unsubscribed service ends (flows.md 5.3)."""

    IMMEDIATE = "immediate"
    WITHIN_24H = "within_24h"
    MONTH_END = "month_end"

    @property
    def delay_rank(self) -> int:
        """A number that is greater the later it ends."""
        return tuple(CancelEffect).index(self)


class Billing(StrEnum):
    """What a fee is for."""

    MONTHLY = "monthly"
    PER_USE = "per_use"
    FREE = "free"

    def allows(self, price_fen: int) -> bool:
        """Whether something that is billed so can have that price."""
        return price_fen == 0 or self is not Billing.FREE


FREE_COSTS_NOTHING = "price_fen: a free service costs nothing."


class ConfirmMode(StrEnum):
    """How an order is confirmed: by the word for yes, or by a random code that the question shows (flows.md 6)."""

    FIXED = "fixed"
    CODE = "code"


@value
class ServiceProvider:
    """Who offers a service; ``own`` are the operator's own services. ``confirm_mode``: None for the setting's."""

    sp_code: str
    name: str
    short_name: str
    service_phone: str
    own: bool
    webhook_url: str | None = None
    confirm_mode: ConfirmMode | None = None


# So many changes of a service's price are remembered: what is reported late costs what it cost at its time.
_PRICES_KEPT = 100


@value
class PastPrice:
    """What a service cost until a moment (UTC), in fen."""

    until: datetime
    price_fen: int


@value
class Service:
    """A value-added service as it is offered now; who holds it keeps the terms she confirmed (safety.md 3).

    ``sms_closed_after``: the last version of the catalogue in which it could be ended by SMS, if it no longer can.
    ``past_prices`` are what it cost before, the oldest first.
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
        """What it cost at a moment, in fen."""
        return next((past.price_fen for past in self.past_prices if at < past.until), self.price_fen)

    def replacing(self, before: "Service | None", version: int, at: datetime) -> "Service":
        """The service as it takes the place of ``before`` at a moment, in the catalogue that follows a version.

        It knows what it cost until then, and since when SMS does not end it.
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
    """Everything on offer or once on offer, by code; replaced as a whole when its version moves."""

    version: int = -1
    providers: Mapping[str, ServiceProvider] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    by_keyword: Mapping[str, Service] = field(default_factory=dict)

    @classmethod
    def of(cls, version: int, providers: list[ServiceProvider], services: list[Service]) -> "Catalogue":
        """Index the rows."""
        return cls(
            version=version,
            providers={provider.sp_code: provider for provider in providers},
            services={service.service_code: service for service in services},
            by_keyword={service.order_keyword.upper(): service for service in services if service.order_keyword},
        )


def _with_price_until(at: datetime, service: Service) -> tuple[PastPrice, ...]:
    """Its former prices and the one that it had until a moment.

    Of what is too long ago to be remembered apart, the lowest price stands for all.
    """
    past = (*service.past_prices, PastPrice(at, service.price_fen))
    forgotten, kept = past[:-_PRICES_KEPT], past[-_PRICES_KEPT:]
    lowest = min(one.price_fen for one in (*forgotten, kept[0]))
    return (replace(kept[0], price_fen=lowest), *kept[1:]) if forgotten else kept
