"""Request and answer bodies of the management API that several modules share."""

from datetime import datetime

from pydantic import BaseModel, Field, model_validator

from app.domain.account import Brand, Language, Payment, SubscriberStatus
from app.domain.catalogue import Billing, CancelEffect, ConfirmMode
from app.domain.evidence import ChainViolation
from app.domain.subscriptions import Channel, SubscriptionState
from app.web.access import Private
from app.web.bodies import Body, Fen, Line, Words
from app.web.times import Moment, ShanghaiTime

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


class SubscriberOut(BaseModel):
    """A subscriber's present state, without the password."""

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
    preferences: PreferencesOut


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


class SubscriptionImportOut(BaseModel):
    """An imported subscription. ``kept`` names fields of which the gateway keeps its own values, as ``started_at``."""

    msisdn: str
    service_code: str
    kept: list[str]


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


class SubscriptionsOut(BaseModel):
    """All of a tenure's subscriptions."""

    subscriptions: list[SubscriptionOut]


class EvidenceOut(BaseModel):
    """A record of the chain. ``payload`` is null once erased; the hashes stay."""

    seq: int
    at: ShanghaiTime
    kind: str
    subject: str
    payload: dict[str, object] | None
    payload_hash: str
    previous_hash: str
    hash: str


class EvidencePageOut(BaseModel):
    """Part of a chain, oldest first."""

    evidence: list[EvidenceOut]
    next_cursor: str | None


class VerificationOut(BaseModel):
    """The result of a chain's verification. ``first_bad`` is the number of the first record that does not verify.

    If the head does not verify, it is the number after the last record: the chain was cut (``cut``), or this gateway
    did not sign the head (``not_signed``, ``key_unknown``). A record or head that cannot be read is ``unreadable``.
    """

    ok: bool
    records: int
    first_bad: int | None
    fault: ChainViolation | None = None


class MessageOut(BaseModel):
    """An MO or MT."""

    id: str
    direction: str
    msisdn: str
    sender: str = Field(serialization_alias="from")
    to: str
    text: Private = None
    kind: str | None = Field(default=None, serialization_alias="class")
    status: str
    at: ShanghaiTime
    provider: str
    provider_message_id: str | None = None
    encoding: str | None = None
    segments: int | None = None
    attempts: int | None = None
    in_reply_to: str | None = None
    handed_over_at: ShanghaiTime | None = None
    final_at: ShanghaiTime | None = None
    valid_until: ShanghaiTime | None = None
    error_code: str | None = None
    verdict: str | None = None
    part: int | None = Field(default=None, description="for a part of a long message: its position, from 1")
    parts: int | None = Field(default=None, description="for a part: the number of parts")
    missing: int | None = Field(default=None, description="for a joined message: the number of parts that never came")


class AttemptOut(BaseModel):
    """A failed attempt to hand a message over."""

    number: int
    at: datetime
    result: str
    error_code: str | None = None


class ReportOut(BaseModel):
    """A delivery report as the provider sent it."""

    status: str
    error_code: str | None = None
    at: datetime


class MessageDetailOut(MessageOut):
    """A message with its failed attempts and delivery reports."""

    failed_attempts: list[AttemptOut]
    reports: list[ReportOut]


class MessagesOut(BaseModel):
    """Messages, newest first."""

    messages: list[MessageOut]
    next_cursor: str | None = None


class DeadLetterOut(MessageOut):
    """An MO whose handling failed three times. ``trace`` says where in the program."""

    trace: str | None


class DeadLettersOut(BaseModel):
    """Dead letters, newest first."""

    dead_letters: list[DeadLetterOut]
    next_cursor: str | None
