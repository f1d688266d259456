"""The settings file (YAML or TOML) as models: what can be set, what it means, and what fits together (http-api.md)."""

from datetime import time, timedelta
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator

from app.addresses import address_violation
from app.domain.credentials import signing_violation
from app.domain.msisdn import parse_msisdn
from app.settings.provider import ProviderFile
from app.settings.types import FileModel, Host, Length


class Windows(FileModel):
    """How long questions stay open."""

    listing: Length = Field(
        default=timedelta(hours=2), description="how long a 0000 listing can be answered", examples=["90m"]
    )
    confirmation: Length = Field(
        default=timedelta(hours=24), description="how long an order waits for its yes", examples=["12h"]
    )
    fee_reminder: Length = Field(
        default=timedelta(hours=1), description="how long a reminded fee can be doubted", examples=["2h"]
    )


class Hours(FileModel):
    """The quiet hours, as times in Shanghai."""

    begin: time = Field(
        default=time(22, 0), alias="from", description="from when notices wait for the morning", examples=["21:30"]
    )
    end: time = Field(default=time(7, 0), alias="to", description="when those that waited are sent", examples=["08:00"])


_HALF_A_YEAR = timedelta(days=183)


class RetentionFile(FileModel):
    """How long what was said is kept; hashes, tickets and amounts stay."""

    evidence: Length = Field(
        default=_HALF_A_YEAR,
        ge=_HALF_A_YEAR,
        description="how long evidence keeps its payloads after its matter is over; 183d or more",
        examples=["730d"],
    )
    messages: Length = Field(
        default=_HALF_A_YEAR,
        ge=timedelta(days=1),
        description="how long messages are kept, and whom an ended campaign was for; a message that comes again after "
        "that is taken for a new one",
        examples=["366d"],
    )


class BillingFile(FileModel):
    """Where billing is told of fees; unset: it reads them from the API."""

    webhook_url: str | None = Field(
        default=None,
        description="where events about fees are posted, signed by Standard Webhooks; unset: billing reads them by "
        "`GET /api/v1/events`. https to a public address, unless SMSGW_ALLOW_PRIVATE_WEBHOOKS holds; redirects are "
        "not followed",
        examples=["https://billing.example/events"],
    )
    secret: SecretStr | None = Field(
        default=None,
        description="whsec_ and 16 or more random bytes in base64: signs them; needed with webhook_url",
        examples=["whsec_…"],
    )

    @field_validator("webhook_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and (violation := address_violation(value)):
            raise ValueError(violation)
        return value

    @field_validator("secret")
    @classmethod
    def _signs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (violation := signing_violation(value.get_secret_value())):
            raise ValueError(violation)
        return value

    @model_validator(mode="after")
    def _is_signed(self) -> "BillingFile":
        if self.webhook_url is not None and self.secret is None:
            raise ValueError("secret is missing: events are signed; whsec_ and 32 random bytes in base64 will do")
        return self


class ProbeFile(FileModel):
    """The gateway dials itself: a number of your own, a customer like any other, asks all the time."""

    msisdn: str = Field(
        description="a number that nobody else has; make it a subscriber by `PUT /api/v1/subscribers/{msisdn}`",
        examples=["13800138999"],
    )
    every: Length = Field(
        default=timedelta(minutes=5), ge=timedelta(seconds=1), description="how often it asks", examples=["1m"]
    )
    within: Length = Field(
        default=timedelta(seconds=30),
        gt=timedelta(0),
        description="how long an answer may take before it is an alarm (`smsgw_probe_up` 0, an error in the log)",
        examples=["10s"],
    )

    @field_validator("msisdn")
    @classmethod
    def _is_number(cls, value: str) -> str:
        msisdn = parse_msisdn(value)
        if msisdn is None:
            raise ValueError("must be a mobile number such as 13800138999")
        return msisdn


class SettingsFile(FileModel):
    """The settings file (YAML or TOML)."""

    access_number: str = Field(
        default="10086", pattern=r"^\d{3,12}$", description="our number, that extensions follow", examples=["10010"]
    )
    allowed_prefixes: list[str] = Field(
        default=["+86"], description="numbers elsewhere are recorded, never answered", examples=[["+86", "+852"]]
    )
    own_links: list[Host] = Field(
        default_factory=list,
        description="hosts of yours that `cancel_how` of a service may send customers to, with all below them; no "
        "digit before a dot, which would read as an item of a listing",
        examples=[["shop.example"]],
    )
    default_provider: str | None = Field(
        default=None,
        description="where an MT goes when the provider of its MO cannot send; unset: the simulator in demo and test",
        examples=["simulator"],
    )
    aliases: dict[str, str] = Field(
        default_factory=dict, description="more keywords, each for one that is there", examples=[{"CHA": "0000"}]
    )
    windows: Windows = Field(default_factory=Windows)
    quiet_hours: Hours = Field(default_factory=Hours)
    retention: RetentionFile = Field(default_factory=RetentionFile)
    billing: BillingFile = Field(default_factory=BillingFile)
    probe: ProbeFile | None = None
    fee_summary_at: time = Field(
        default=time(10, 0),
        description="when DZXXSF tells on the 1st what the month before cost, as a time in Shanghai",
        examples=["09:30"],
    )
    allow_unsubscribe_all: bool = Field(
        default=True, description="whether a listing can be answered with a word for all of it", examples=[False]
    )
    list_in_plan: bool = Field(default=True, description="whether 0000 lists what is in the plan", examples=[False])
    menu_max_segments: int = Field(
        default=5,
        ge=3,
        le=10,
        description="SMS segments that one message may take; a longer text goes on in another",
        examples=[3],
    )
    auto_create_subscribers: bool | None = Field(
        default=None,
        description="whether an unknown number becomes a customer by writing; unset: true in demo, else false",
        examples=[True],
    )
    data_thresholds: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default=[50, 80, 90, 100],
        description="percent of a plan's data at which its customer is told, each once a month",
        examples=[[75, 100]],
        min_length=1,
    )
    low_balance_fen: int = Field(
        default=1000,
        ge=0,
        description="a prepaid customer is told when her balance falls below this, in fen",
        examples=[2000],
    )
    confirm_mode: str = Field(
        default="fixed",
        pattern="^(fixed|code)$",
        description="whether an order is confirmed by a yes or by a code; an SP may have its own way",
        examples=["code"],
    )
    trial_notice_days: int = Field(
        default=3,
        ge=1,
        le=30,
        description="how many days before its end a free trial is asked about; one that is no longer: halfway",
        examples=[5],
    )
    providers: dict[str, ProviderFile] = Field(default_factory=dict)
