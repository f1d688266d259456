"""The settings file (YAML or TOML) as models: what can be set, what it means, and what fits together (http-api.md)."""

import re
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

_LENGTH = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _length(value: object) -> object:
    """``2h``, ``30m``, ``24h``."""
    found = _LENGTH.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be a length such as "2h", "30m" or "90s"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


Length = Annotated[timedelta, BeforeValidator(_length)]


class _FileModel(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Windows(_FileModel):
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


class Hours(_FileModel):
    """The quiet hours, as times in Shanghai."""

    begin: time = Field(
        default=time(22, 0), alias="from", description="from when notices wait for the morning", examples=["21:30"]
    )
    end: time = Field(default=time(7, 0), alias="to", description="when those that waited are sent", examples=["08:00"])


_HALF_A_YEAR = timedelta(days=183)


class RetentionFile(_FileModel):
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
        description="how long messages are kept; a message that comes again after that is taken for a new one",
        examples=["366d"],
    )


class BillingFile(_FileModel):
    """Where billing is told of fees; unset: it reads them from the API."""

    webhook_url: str | None = Field(
        default=None,
        description="where events about fees are posted, signed by Standard Webhooks; unset: billing reads them by "
        "`GET /api/v1/events`. https to a public address, unless SMSGW_ALLOW_PRIVATE_WEBHOOKS holds; redirects are "
        "not followed",
        examples=["https://billing.example/events"],
    )
    secret: SecretStr | None = Field(
        default=None, description="whsec_… that signs them; needed with webhook_url", examples=["whsec_…"]
    )

    @model_validator(mode="after")
    def _is_signed(self) -> "BillingFile":
        if self.webhook_url is not None and self.secret is None:
            raise ValueError("secret is missing: events are signed; whsec_ and 32 random bytes in base64 will do")
        return self


def _secrets(given: SecretStr | list[SecretStr] | None) -> tuple[str, ...]:
    several = given if isinstance(given, list) else [given]
    return tuple(secret.get_secret_value() for secret in several if secret is not None)


_LEAST_TOKEN = 20
_PATH_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


class ProviderFile(_FileModel):
    """One provider of the settings file."""

    kind: str = Field(description="generic (JSON over HTTP, both ways) or simulator", examples=["generic"])
    secret: SecretStr | list[SecretStr] | None = Field(
        default=None,
        description="whsec_… that signs what goes out and checks what comes in; several, the newest first, while one "
        "is being replaced",
        examples=["whsec_…"],
    )
    path_token: SecretStr | list[SecretStr] | None = Field(
        default=None,
        description="for a carrier that cannot sign: its webhooks are `/webhooks/<name>/<path_token>/…` only; 20 or "
        "more letters and digits, `-` or `_`, best random; several while one is being replaced",
        examples=["(what `openssl rand -hex 24` prints)"],
    )
    allowed_ips: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="addresses and networks that its webhooks may be called from; empty: all. Behind a proxy, "
        "uvicorn's FORWARDED_ALLOW_IPS says whose word on the address counts",
        examples=[["203.0.113.7", "198.51.100.0/24"]],
    )
    basic_auth: SecretStr | list[SecretStr] | None = Field(
        default=None,
        description="`user:password` that its webhooks must bring; several while one is being replaced",
        examples=["carrier:…"],
    )
    send_url: str | None = Field(
        default=None,
        description="where messages are posted; unset: none can be sent. https, or http where "
        "SMSGW_ALLOW_PRIVATE_WEBHOOKS holds; redirects are not followed. As it is yours to set, it may be a private "
        "address",
        examples=["https://carrier.example/send"],
    )
    on_unknown: str = Field(
        default="wait",
        pattern="^(wait|resend)$",
        description="what follows when no answer came to a message that went out: wait for its delivery report, or "
        "send it again, perhaps twice",
        examples=["resend"],
    )
    timeout: Length = Field(
        default=timedelta(seconds=10), description="how long an answer is waited for, up to 30s", examples=["5s"]
    )
    rate: float | None = Field(
        default=None,
        gt=0,
        description="messages a second; unset: 500, and no limit for the simulator",
        examples=[100],
    )
    window: int | None = Field(
        default=None, ge=1, le=1000, description="requests in flight; unset: 64, and 1 for the simulator", examples=[16]
    )
    prefixes: list[Annotated[str, Field(pattern=r"^\+\d{1,15}$")]] = Field(
        default_factory=list,
        description="the numbers it reaches, when it stands in for another provider; empty: all",
        examples=[["+86", "+852"]],
    )
    single_number: bool = Field(
        default=False, description="whether it has the access number only, without extensions", examples=[True]
    )
    free_mo: bool | None = Field(
        default=None,
        description="whether answering costs the customer nothing; unset: true in demo and test, else false",
        examples=[True],
    )

    @field_validator("send_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc):
            raise ValueError("must be like https://carrier.example/send, without a user or password")
        return value

    @field_validator("timeout")
    @classmethod
    def _is_bounded(cls, value: timedelta) -> timedelta:
        if not timedelta(0) < value <= timedelta(seconds=30):
            raise ValueError("must be from 1s to 30s")
        return value

    @field_validator("path_token")
    @classmethod
    def _is_unguessable(cls, value: SecretStr | list[SecretStr] | None) -> SecretStr | list[SecretStr] | None:
        if not all(len(token) >= _LEAST_TOKEN and _PATH_TOKEN.fullmatch(token) for token in _secrets(value)):
            raise ValueError(
                f"must be {_LEAST_TOKEN} or more letters, digits, - or _; `openssl rand -hex 24` makes one"
            )
        return value

    @field_validator("basic_auth")
    @classmethod
    def _has_password(cls, value: SecretStr | list[SecretStr] | None) -> SecretStr | list[SecretStr] | None:
        if not all(all(pair.partition(":")[::2]) for pair in _secrets(value)):
            raise ValueError("must be user:password")
        return value

    def secrets(self) -> tuple[str, ...]:
        """The secrets that count now, newest first."""
        return _secrets(self.secret)

    def path_tokens(self) -> tuple[str, ...]:
        """The tokens that count now."""
        return _secrets(self.path_token)

    def credentials(self) -> tuple[str, ...]:
        """The pairs ``user:password`` that count now."""
        return _secrets(self.basic_auth)

    def is_guarded(self) -> bool:
        """Whether what comes in is signed or fenced (delivery.md, security)."""
        return bool(self.secrets() or self.path_tokens() or self.allowed_ips or self.credentials())

    def sends_in_clear(self) -> bool:
        """Whether messages travel without TLS."""
        return self.send_url is not None and urlsplit(self.send_url).scheme == "http"


class SettingsFile(_FileModel):
    """The settings file (YAML or TOML)."""

    access_number: str = Field(
        default="10086", pattern=r"^\d{3,12}$", description="our number, that extensions follow", examples=["10010"]
    )
    allowed_prefixes: list[str] = Field(
        default=["+86"], description="numbers elsewhere are recorded, never answered", examples=[["+86", "+852"]]
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
