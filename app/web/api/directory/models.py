"""Request and answer bodies of the catalogue and of subscribers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.account import Brand, Language, Payment, SubscriberStatus
from app.domain.catalogue import Billing, CancelEffect, ConfirmMode
from app.domain.subscriptions import Channel, SubscriptionState
from app.web.bodies import Body, Fen, Line, Words
from app.web.paging import NextCursor
from app.web.times import Moment, ShanghaiTime


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


_PASSWORD = r"^[0-9]{6}$"  # noqa: S105  a pattern


class ServiceProviderBody(Body):
    """An SP. ``own`` marks the SP of the operator's own services."""

    name: str = Field(max_length=200, examples=["新华手机报社"])
    short_name: str = Field(max_length=200, examples=["新华"])
    service_phone: Line = Field(max_length=40, examples=["4008100001"])
    own: bool
    webhook_url: Line | None = Field(default=None, max_length=500)
    webhook_secret: Line | None = Field(default=None, max_length=200)
    confirm_mode: ConfirmMode | None = Field(
        default=None, description="how orders of its services are confirmed; default: as in the settings"
    )


class ServiceProviderOut(BaseModel):
    """An SP. The secret of its webhook is not shown."""

    sp_code: str
    name: str
    short_name: str
    service_phone: str
    own: bool
    webhook_url: str | None
    confirm_mode: ConfirmMode | None


class ServiceProvidersOut(BaseModel):
    """SPs, by code."""

    service_providers: list[ServiceProviderOut]
    next_cursor: NextCursor


class ServiceBody(Body):
    """A service as it is offered from now on. Present subscribers keep their terms."""

    name: str = Field(max_length=200, examples=["手机报"])
    sp_code: str = Field(max_length=64, examples=["XINHUA"])
    billing: Billing
    price_fen: Fen = Field(examples=[300], description="an amount in fen; 0 where `billing` is free")
    cancel_effect: CancelEffect
    cancellable_by_sms: bool
    cancel_how: str | None = Field(
        default=None,
        max_length=60,
        description="how to unsubscribe if not by SMS; may contain a telephone number, and an address below "
        "`own_links` of the settings",
    )
    cancel_warning: str | None = Field(
        default=None,
        max_length=60,
        description="asked before it is ended, for a service that cannot be had again; may name an amount",
    )
    order_keyword: str | None = Field(default=None, max_length=40, examples=["SJB"])
    on_offer: bool
    trial_days: int = Field(ge=0, le=3660)
    visible: bool


class ServiceOut(BaseModel):
    """A service as it is offered now."""

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


class ServicesOut(BaseModel):
    """Services, by code."""

    services: list[ServiceOut]
    next_cursor: NextCursor


class PlanBody(Body):
    """A data plan. 1 MB is 1024 KB."""

    name: Words = Field(min_length=1, max_length=40)
    data_kb: int = Field(ge=0, le=10**12)
    overage_fen_per_mb: Fen | None = None


class SubscriberBody(Body):
    """All fields of a subscriber. ``balance_fen`` is negative for a debt."""

    brand: Brand
    vip: bool = False
    payment: Payment
    balance_fen: int = Field(strict=True, ge=-(10**12), le=10**12)
    points: int = Field(strict=True, ge=0, le=10**12)
    status: SubscriberStatus
    language: Language = Language.ZH
    plan: PlanBody | None = None
    service_password: str | None = Field(
        default=None, pattern=_PASSWORD, description="six digits; can be set only if there is none yet"
    )


class SubscriberPatch(Body):
    """Any of a subscriber's fields. Fields that are not sent do not change."""

    # Values of fields that are not sent are never used. A client that was told of them would send them.
    model_config = ConfigDict(json_schema_extra=_without_defaults)

    brand: Brand = Brand.EASYOWN
    vip: bool = False
    payment: Payment = Payment.PREPAID
    balance_fen: int = Field(default=0, strict=True, ge=-(10**12), le=10**12)
    points: int = Field(default=0, strict=True, ge=0, le=10**12)
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    language: Language = Language.ZH
    plan: PlanBody | None = None
    service_password: str | None = Field(default=None, pattern=_PASSWORD)


class PreferencesOut(BaseModel):
    """The notices that the subscriber gets without asking.

    ``fee_summary``: the monthly fees. ``data_alerts``: data usage, at thresholds or twice a month.
    """

    fee_summary: bool
    data_alerts: bool


class SubscriberRowOut(BaseModel):
    """A subscriber, without the password and the notices that they chose."""

    msisdn: str
    brand: Brand
    vip: bool
    payment: Payment
    balance_fen: int
    points: int
    status: SubscriberStatus
    language: Language
    plan: PlanBody | None
    tenure: int
    created_at: ShanghaiTime
    closed_at: ShanghaiTime | None
    has_service_password: bool


class SubscriberOut(SubscriberRowOut):
    """A subscriber's present state, without the password."""

    preferences: PreferencesOut


class SubscribersOut(BaseModel):
    """Subscribers, in a fixed order."""

    subscribers: list[SubscriberRowOut]
    next_cursor: NextCursor


class SubscriptionBody(Body):
    """A subscription that exists already in another system."""

    state: SubscriptionState = Field(description="active or trial")
    in_plan: bool
    started_at: Moment
    channel: Channel
    trial_ends_at: Moment | None = None
    contract_until: Moment | None = None
    price_fen: Fen | None = Field(
        default=None, description="the confirmed price; default: the service's price or, if that is lower, the last one"
    )
    as_of: Moment | None = Field(
        default=None,
        description="the time at which the other system's data was true; default: now. Required for a service that the "
        "subscriber left or refused before",
    )

    @model_validator(mode="after")
    def _check_state(self) -> "SubscriptionBody":
        if self.state not in (SubscriptionState.ACTIVE, SubscriptionState.TRIAL):
            raise ValueError("state must be active or trial")
        if self.state is SubscriptionState.TRIAL and self.trial_ends_at is None:
            raise ValueError("a trial needs trial_ends_at")
        return self


class SubscriptionOut(BaseModel):
    """A service that the subscriber has or had, on the terms that they confirmed."""

    service_code: str
    state: SubscriptionState
    in_plan: bool
    started_at: ShanghaiTime
    channel: Channel
    price_fen: int
    sp_code: str
    trial_ends_at: ShanghaiTime | None = None
    contract_until: ShanghaiTime | None = None
    unsubscribed_at: ShanghaiTime | None = None
    ends_at: ShanghaiTime | None = None


class SubscriptionImportOut(SubscriptionOut):
    """An imported subscription. ``kept`` names fields of which the gateway keeps its own values, as ``started_at``."""

    msisdn: str
    kept: list[str]


class SubscriptionsOut(BaseModel):
    """All of a tenure's subscriptions, always on one page."""

    subscriptions: list[SubscriptionOut]
    next_cursor: NextCursor


class UnsubscribedOut(BaseModel):
    """A service that was ended for a subscriber."""

    msisdn: str
    service_code: str
