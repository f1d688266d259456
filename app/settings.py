"""Settings: environment variables ``SMSGW_…`` (and ``.env``) and one file, checked at the start (http-api.md).

Read here only; the rest of the program is handed values.
"""

import os
import re
import tomllib
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import yaml
from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.domain.calendar import QuietHours
from app.domain.policy import Policy
from app.domain.service_numbers import ServiceNumbers

_LENGTH = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class SettingsError(Exception):
    """Something is wrong in the settings; one line for each thing, naming the place and the remedy."""


class Environment(StrEnum):
    """What this gateway is for; all but production hold data that may be thrown away."""

    DEMO = "demo"
    DEV = "dev"
    TEST = "test"
    PRODUCTION = "production"


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
        default=timedelta(hours=24), description="how long an order waits for its yes; not used yet", examples=["12h"]
    )
    fee_reminder: Length = Field(
        default=timedelta(hours=1), description="how long a reminded fee can be doubted; not used yet", examples=["2h"]
    )


class Hours(_FileModel):
    """The quiet hours, as times in Shanghai."""

    begin: time = Field(
        default=time(22, 0), alias="from", description="from when notices wait for the morning", examples=["21:30"]
    )
    end: time = Field(default=time(7, 0), alias="to", description="when those that waited are sent", examples=["08:00"])


class ProviderFile(_FileModel):
    """One provider of the settings file."""

    kind: str = Field(description="generic (takes messages, cannot send yet) or simulator", examples=["generic"])
    secret: SecretStr | list[SecretStr] | None = Field(
        default=None,
        description="whsec_… that signs both ways; several while one is being replaced; not used yet",
        examples=["whsec_…"],
    )
    send_url: str | None = Field(
        default=None, description="where messages are posted; not used yet", examples=["https://carrier.example/send"]
    )
    on_unknown: str = Field(
        default="wait",
        pattern="^(wait|resend)$",
        description="what follows when no answer came to a message that went out; not used yet",
        examples=["resend"],
    )
    rate: float = Field(default=500, gt=0, description="messages a second; not used yet", examples=[100])
    window: int = Field(default=64, ge=1, description="messages in flight; not used yet", examples=[16])
    single_number: bool = Field(
        default=False, description="whether it has the access number only, without extensions", examples=[True]
    )
    free_mo: bool | None = Field(
        default=None,
        description="whether answering costs the customer nothing; unset: true in demo and test, else false",
        examples=[True],
    )

    def secrets(self) -> tuple[str, ...]:
        """The secrets that count now."""
        given = self.secret if isinstance(self.secret, list) else [self.secret]
        return tuple(secret.get_secret_value() for secret in given if secret is not None)


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
    confirm_mode: str = Field(
        default="fixed",
        pattern="^(fixed|code)$",
        description="whether an order is confirmed by a yes or by a code; not used yet",
        examples=["code"],
    )
    providers: dict[str, ProviderFile] = Field(default_factory=dict)


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="SMSGW_", env_file=".env", extra="ignore", hide_input_in_errors=True)

    env: Environment = Field(
        description="what this gateway is for; `make run` and `smsgw demo` set demo", examples=["test"]
    )
    database_url: str = Field(
        default="sqlite:///./data/gateway.db",
        description="SQLite file or postgresql://…",
        examples=["postgresql://smsgw:secret@localhost/smsgw"],
    )
    port: int = Field(default=8086, ge=0, le=65535, description="the port to listen on", examples=[9000])
    demo_expose: bool = Field(
        default=False, description="let demo, dev and test listen on other than loopback", examples=[True]
    )
    allow_private_webhooks: bool | None = Field(
        default=None,
        description="outgoing webhooks to private addresses; unset: on in demo and test; not used yet",
        examples=[True],
    )
    config: Path | None = Field(default=None, description="the settings file", examples=["gateway.yaml"])
    seal_key: SecretStr | None = Field(
        default=None,
        description="32 bytes in URL-safe base64, as `smsgw config seal-key` makes them; seals passwords until their "
        "turn; unset: a key is made and kept beside the SQLite file, but production asks for one",
        examples=["(what `smsgw config seal-key` prints)"],
    )
    log_level: str = Field(
        default="INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        description="the least that is logged",
        examples=["WARNING"],
    )
    file: SettingsFile = Field(default_factory=SettingsFile, exclude=True)

    @model_validator(mode="after")
    def _fit_for_environment(self) -> "Settings":
        complaints = self._complaints()
        if complaints:
            raise ValueError("\n".join(complaints))
        return self

    def _complaints(self) -> list[str]:
        production = self.env is Environment.PRODUCTION
        found = []
        for name, provider in self.file.providers.items():
            if production and provider.kind == "simulator":
                found.append(f"providers.{name}: kind simulator is refused in production")
            if production and provider.kind == "generic" and provider.secret is None:
                found.append(f"providers.{name}.secret is missing: unsigned webhooks are refused in production")
        if production and self.seal_key is None:
            found.append("SMSGW_SEAL_KEY is missing: make one with `smsgw config seal-key` and keep it secret")
        default = self.file.default_provider
        if default is not None and default not in self.provider_table():
            found.append(
                f"default_provider: there is no provider {default!r} among: {', '.join(self.provider_table())}"
            )
        return found

    @property
    def disposable(self) -> bool:
        """Whether the data may be thrown away and the clock moved (safety.md 26)."""
        return self.env in (Environment.DEMO, Environment.TEST)

    def provider_table(self) -> dict[str, ProviderFile]:
        """The configured providers, with the two that always exist in demo and test."""
        always = {"generic": ProviderFile(kind="generic"), "simulator": ProviderFile(kind="simulator")}
        return {**(always if self.disposable else {}), **self.file.providers}

    @property
    def default_provider(self) -> str | None:
        """Where an MT goes when the provider of its MO cannot send."""
        return self.file.default_provider or ("simulator" if self.disposable else None)

    def policy(self) -> Policy:
        """What the commands are handed."""
        creates = self.file.auto_create_subscribers
        return Policy(
            numbers=ServiceNumbers(self.file.access_number),
            listing_window=self.file.windows.listing,
            quiet_hours=QuietHours(self.file.quiet_hours.begin, self.file.quiet_hours.end),
            allow_unsubscribe_all=self.file.allow_unsubscribe_all,
            list_in_plan=self.file.list_in_plan,
            menu_max_segments=self.file.menu_max_segments,
            auto_create_subscribers=self.env is Environment.DEMO if creates is None else creates,
            aliases=self.file.aliases,
        )


def load_settings() -> Settings:
    """Read and check all settings; SettingsError says what is wrong, where, and what to do."""
    path = os.environ.get("SMSGW_CONFIG") or dotenv_values(".env").get("SMSGW_CONFIG")
    file = _read_file(Path(path)) if path else SettingsFile()
    try:
        return Settings(file=file)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(item, "SMSGW_") for item in _errors(error))) from None


def _read_file(path: Path) -> SettingsFile:
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise SettingsError(
            f"SMSGW_CONFIG: {path} cannot be read ({error.strerror}); name a file that exists"
        ) from None
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is no valid {'TOML' if path.suffix == '.toml' else 'YAML'}: {error}") from None
    try:
        return SettingsFile.model_validate(data or {})
    except ValidationError as error:
        raise SettingsError("\n".join(f"{path}: {_explain(item, '')}" for item in _errors(error))) from None


def _errors(error: ValidationError) -> list[tuple[str, str]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [(".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")) for item in found]


def _explain(item: tuple[str, str], prefix: str) -> str:
    place, message = item
    if place == "env" and message == "Field required":
        return "SMSGW_ENV is not set: choose demo, dev, test or production (`make run` and `smsgw demo` set demo)"
    if message == "Extra inputs are not permitted":
        message = "is no setting; see docs/settings.md for those that there are"
    return f"{prefix}{place.upper() if prefix else place}: {message}" if place else message
