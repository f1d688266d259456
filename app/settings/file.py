"""Models of the settings file (YAML or TOML): names, types, defaults and meanings of its settings."""

from datetime import time, timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from app.addresses import address_violation
from app.domain.credentials import signing_violation
from app.domain.msisdn import parse_msisdn
from app.domain.names import sign_off_violation
from app.domain.texts.sign_off import Place, SignOff
from app.domain.texts.wording import Text
from app.options import FileModel, Host, Length, ProviderKinds, ProviderOptions
from app.settings.upkeep import PartitionsFile, RetentionFile, ScheduleFile


class Windows(FileModel):
    """How long questions can be answered."""

    listing: Length = Field(
        default=timedelta(hours=2), description="how long a 0000 listing can be answered", examples=["90m"]
    )
    confirmation: Length = Field(
        default=timedelta(hours=24), description="how long an order can be confirmed", examples=["12h"]
    )
    fee_reminder: Length = Field(
        default=timedelta(hours=1), description="how long a charge can be disputed after its reminder", examples=["2h"]
    )


class Hours(FileModel):
    """The quiet hours, as times of day in Asia/Shanghai."""

    begin: time = Field(
        default=time(22, 0),
        alias="from",
        description="start of the quiet hours, in which notices are deferred",
        examples=["21:30"],
    )
    end: time = Field(
        default=time(7, 0),
        alias="to",
        description="end of the quiet hours, when deferred notices are sent",
        examples=["08:00"],
    )


def _check_sign_off(value: str) -> str:
    if violation := sign_off_violation(value):
        raise ValueError(violation)
    return value


SignOffName = Annotated[str, AfterValidator(_check_sign_off)]
_SIGN_OFF = SignOff()


class SignOffFile(FileModel):
    """The operator's name in every message."""

    text: SignOffName = Field(
        default=_SIGN_OFF.name.zh,
        description="the operator's name in Chinese texts: up to 20 characters, without brackets; empty for none",
        examples=["中国联通"],
    )
    text_en: SignOffName | None = Field(
        default=None,
        description=f"the name in English texts; unset: {_SIGN_OFF.name.en} while `sign_off.text` has its default, "
        "else `sign_off.text`. A character outside GSM-7, such as any Chinese one, doubles the segments of English "
        "texts",
        examples=["China Unicom"],
    )
    place: str = Field(
        default=_SIGN_OFF.place.value,
        pattern="^(end|front)$",
        description="where the name stands: behind the text (end), or in brackets in front of it (front): "
        "【中国移动】, and [China Mobile] in texts that are GSM-7. Either counts towards the segments",
        examples=["front"],
    )

    def as_value(self) -> SignOff:
        """Return the sign-off for both languages."""
        english = _SIGN_OFF.name.en if self.text == _SIGN_OFF.name.zh else self.text
        return SignOff(Text(self.text, english if self.text_en is None else self.text_en), Place(self.place))


class BillingFile(FileModel):
    """Where events about charges are sent; without a URL, billing reads them from the API."""

    webhook_url: str | None = Field(
        default=None,
        description="URL that events about charges are posted to, signed by Standard Webhooks; unset: billing reads "
        "them by `GET /api/v1/events`. It must be https to a public address unless SMSGW_ALLOW_PRIVATE_WEBHOOKS is "
        "true; redirects are not followed",
        examples=["https://billing.example/events"],
    )
    secret: SecretStr | None = Field(
        default=None,
        description="whsec_ and 16 or more random bytes in base64, to sign those events; required with webhook_url",
        examples=["whsec_…"],
    )

    @field_validator("webhook_url")
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if value is not None and (violation := address_violation(value)):
            raise ValueError(violation)
        return value

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (violation := signing_violation(value.get_secret_value())):
            raise ValueError(violation)
        return value

    @model_validator(mode="after")
    def _require_secret(self) -> "BillingFile":
        if self.webhook_url is not None and self.secret is None:
            raise ValueError("secret is missing: events are signed; whsec_ and 32 random bytes in base64 will do")
        return self


class ProbeFile(FileModel):
    """The self-test: the gateway sends itself commands from a number of its own and checks the replies."""

    msisdn: str = Field(
        description="number of a synthetic customer, used by nobody else; make it a subscriber by "
        "`PUT /api/v1/subscribers/{msisdn}`",
        examples=["13800138999"],
    )
    every: Length = Field(
        default=timedelta(minutes=5), ge=timedelta(seconds=1), description="interval of the self-test", examples=["1m"]
    )
    within: Length = Field(
        default=timedelta(seconds=30),
        gt=timedelta(0),
        description="longest time to a reply; a later one raises an alarm (`smsgw_probe_up` 0, an error in the log)",
        examples=["10s"],
    )

    @field_validator("msisdn")
    @classmethod
    def _check_msisdn(cls, value: str) -> str:
        msisdn = parse_msisdn(value)
        if msisdn is None:
            raise ValueError("must be a mobile number such as 13800138999")
        return msisdn


def _options_of_kind(given: object, validated: ValidatorFunctionWrapHandler, info: ValidationInfo) -> ProviderOptions:
    """Return a provider's options by the model of its ``kind``; the context of the validation has the models."""
    kinds: ProviderKinds | None = info.context
    if kinds is None or not isinstance(given, dict):
        options: ProviderOptions = validated(given)
        return options
    kind = given.get("kind")
    if isinstance(kind, str) and kind in kinds:
        return kinds[kind].model_validate(given)
    unknown = PydanticCustomError(
        "kind", "{kind} is not one of: {kinds}", {"kind": repr(kind), "kinds": ", ".join(kinds)}
    )
    problem = unknown if "kind" in given else "missing"
    raise ValidationError.from_exception_data("provider", [InitErrorDetails(type=problem, loc=("kind",), input=kind)])


class SettingsFile(FileModel):
    """The settings file (YAML or TOML)."""

    access_number: str = Field(
        default="10086",
        pattern=r"^[0-9]{3,12}$",
        description="the gateway's number, which extensions are appended to",
        examples=["10010"],
    )
    allowed_prefixes: list[str] = Field(
        default=["+86"],
        description="prefixes of the numbers that are answered; messages from other numbers are only recorded",
        examples=[["+86", "+852"]],
    )
    own_links: list[Host] = Field(
        default_factory=list,
        description="hosts that `cancel_how` of a service may link to, with their subdomains; no digit before a dot, "
        "which would read as an item of a listing",
        examples=[["shop.example"]],
    )
    default_provider: str | None = Field(
        default=None,
        description="provider of an MT when the provider of its MO cannot send; unset: the simulator in demo and test",
        examples=["simulator"],
    )
    aliases: dict[str, str] = Field(
        default_factory=dict,
        description="additional keywords, each with the keyword it stands for",
        examples=[{"CHA": "0000"}],
    )
    sign_off: SignOffFile = Field(default_factory=SignOffFile)
    windows: Windows = Field(default_factory=Windows)
    quiet_hours: Hours = Field(default_factory=Hours)
    retention: RetentionFile = Field(default_factory=RetentionFile)
    schedule: ScheduleFile = Field(default_factory=ScheduleFile)
    partitions: PartitionsFile = Field(default_factory=PartitionsFile)
    billing: BillingFile = Field(default_factory=BillingFile)
    probe: ProbeFile | None = None
    fee_summary_at: time = Field(
        default=time(10, 0),
        description="time in Asia/Shanghai at which DZXXSF sends last month's costs, on the 1st of the month",
        examples=["09:30"],
    )
    allow_unsubscribe_all: bool = Field(
        default=True, description="whether one word can answer a listing as a whole", examples=[False]
    )
    list_in_plan: bool = Field(
        default=True, description="whether 0000 lists services included in the plan", examples=[False]
    )
    menu_max_segments: int = Field(
        default=5,
        ge=3,
        le=10,
        description="most SMS segments of one message; a longer text is continued in another message",
        examples=[3],
    )
    auto_create_subscribers: bool | None = Field(
        default=None,
        description="whether a message from an unknown number makes it a subscriber; unset: true in demo, else false",
        examples=[True],
    )
    data_thresholds: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default=[50, 80, 90, 100],
        description="percentages of a plan's data at which the subscriber gets a notice, each once a month",
        examples=[[75, 100]],
        min_length=1,
    )
    low_balance_fen: int = Field(
        default=1000,
        ge=0,
        description="balance in fen below which a prepaid subscriber gets a notice",
        examples=[2000],
    )
    confirm_mode: str = Field(
        default="fixed",
        pattern="^(fixed|code)$",
        description="how orders are confirmed: by a yes (fixed) or by a code; an SP may have its own setting",
        examples=["code"],
    )
    trial_notice_days: int = Field(
        default=3,
        ge=1,
        le=30,
        description="days before the end of a free trial at which the subscriber is asked about it; for a trial that "
        "is no longer than that, halfway",
        examples=[5],
    )
    providers: dict[str, Annotated[ProviderOptions, WrapValidator(_options_of_kind)]] = Field(default_factory=dict)
