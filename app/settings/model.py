"""Everything that can be set, as one value: what the environment says, with the file."""

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.domain.calendar import QuietHours
from app.domain.catalogue import ConfirmMode
from app.domain.policy import Kept, Policy
from app.domain.service_numbers import ServiceNumbers
from app.settings.file import SettingsFile
from app.settings.provider import ProviderFile

# The provider of the gateway's own test calls, there when the settings have a probe.
_PROBE_PROVIDER = "probe"
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")


class SettingsError(Exception):
    """Something is wrong in the settings; one line for each thing, naming the place and the remedy."""


class Environment(StrEnum):
    """What this gateway is for; all but production hold data that may be thrown away."""

    DEMO = "demo"
    DEV = "dev"
    TEST = "test"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="SMSGW_", env_file=".env", extra="ignore", hide_input_in_errors=True)

    env: Environment = Field(
        description="what this gateway is for; `make run` and `smsgw demo` set demo", examples=["test"]
    )
    database_url: str = Field(
        default="sqlite:///./data/gateway.db",
        pattern=r"^(sqlite|postgres|postgresql|postgresql\+psycopg)://",
        description="SQLite file or postgresql://…",
        examples=["postgresql://smsgw:secret@localhost/smsgw"],
    )
    port: int = Field(default=8086, ge=0, le=65535, description="the port to listen on", examples=[9000])
    demo_expose: bool = Field(
        default=False, description="let demo, dev and test listen on other than loopback", examples=[True]
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="names, with commas between, that demo, dev and test answer to beside loopback's and `--host`'s; "
        "any other is refused (421). Production answers to every name",
        examples=["gateway.example,192.0.2.7"],
    )
    allow_private_webhooks: bool | None = Field(
        default=None,
        description="outgoing webhooks to private addresses; unset: on in demo and test",
        examples=[True],
    )
    config: Path | None = Field(default=None, description="the settings file", examples=["gateway.yaml"])
    seal_key: SecretStr | None = Field(
        default=None,
        description="32 bytes in URL-safe base64, as `smsgw config seal-key` makes them; seals passwords until their "
        "turn and SPs' webhook secrets, and signs the evidence; several, joined by commas, the newest first, while one "
        "is being replaced; unset: a key is made and kept beside the SQLite file, but production asks for one",
        examples=["(what `smsgw config seal-key` prints)"],
    )
    log_level: str = Field(
        default="INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        description="the least that is logged",
        examples=["WARNING"],
    )
    file: SettingsFile = Field(default_factory=SettingsFile, exclude=True)

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        given = value.split(",") if isinstance(value, str) and value else value or []
        if not isinstance(given, list) or not all(
            isinstance(name, str) and _HOST_NAME.fullmatch(name.strip()) for name in given
        ):
            raise ValueError("must be host names or addresses without a scheme or port, with commas between")
        return [name.strip() for name in given]

    @model_validator(mode="after")
    def _fit_for_environment(self) -> "Settings":
        problems = self._problems()
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> list[str]:
        production = self.env is Environment.PRODUCTION
        found = []
        for name, provider in self.file.providers.items():
            if production and provider.kind == "simulator":
                found.append(f"providers.{name}: kind simulator is refused in production")
            elif production and not provider.is_guarded():
                found.append(
                    f"providers.{name}: anybody could post messages to /webhooks/{name}/inbound; set "
                    f"providers.{name}.secret (signed requests), or fence it with path_token, allowed_ips or basic_auth"
                )
            if provider.sends_in_clear() and not self.private_webhooks:
                found.append(
                    f"providers.{name}.send_url: messages would travel in the clear; use https, or set "
                    "SMSGW_ALLOW_PRIVATE_WEBHOOKS=true if the carrier is in your own network"
                )
        if production and self.seal_key is None:
            found.append("SMSGW_SEAL_KEY is missing: make one with `smsgw config seal-key` and keep it secret")
        if self.file.probe and _PROBE_PROVIDER in self.file.providers:
            found.append("providers.probe: is the name of the gateway's own test calls; choose another")
        default = self.file.default_provider
        if default is not None and default not in self.provider_table():
            found.append(
                f"default_provider: there is no provider {default!r} among: {', '.join(self.provider_table())}"
            )
        return found

    def seal_keys(self) -> list[str]:
        """The keys of SMSGW_SEAL_KEY, the newest first."""
        given = self.seal_key.get_secret_value().split(",") if self.seal_key else []
        return [key.strip() for key in given]

    @property
    def private_webhooks(self) -> bool:
        """Whether requests may go to private addresses, and in the clear (http-api.md, settings)."""
        return self.disposable if self.allow_private_webhooks is None else self.allow_private_webhooks

    @property
    def disposable(self) -> bool:
        """Whether the data may be thrown away and the clock moved (safety.md 26)."""
        return self.env in (Environment.DEMO, Environment.TEST)

    def provider_table(self) -> dict[str, ProviderFile]:
        """The configured providers, with the two that always exist in demo and test."""
        always = {"generic": ProviderFile(kind="generic"), "simulator": ProviderFile(kind="simulator")}
        probe = {_PROBE_PROVIDER: ProviderFile(kind=_PROBE_PROVIDER)} if self.file.probe else {}
        return {**(always if self.disposable else {}), **self.file.providers, **probe}

    @property
    def default_provider(self) -> str | None:
        """Where an MT goes when the provider of its MO cannot send."""
        return self.file.default_provider or ("simulator" if self.disposable else None)

    def kept(self) -> Kept:
        """How long what was said is kept."""
        return Kept(self.file.retention.evidence, self.file.retention.messages)

    def policy(self) -> Policy:
        """What the commands are handed."""
        creates = self.file.auto_create_subscribers
        return Policy(
            numbers=ServiceNumbers(self.file.access_number),
            listing_window=self.file.windows.listing,
            confirmation_window=self.file.windows.confirmation,
            confirm_mode=ConfirmMode(self.file.confirm_mode),
            trial_notice=timedelta(days=self.file.trial_notice_days),
            fee_window=self.file.windows.fee_reminder,
            fee_summary_time=self.file.fee_summary_at,
            quiet_hours=QuietHours(self.file.quiet_hours.begin, self.file.quiet_hours.end),
            allow_unsubscribe_all=self.file.allow_unsubscribe_all,
            list_in_plan=self.file.list_in_plan,
            menu_max_segments=self.file.menu_max_segments,
            auto_create_subscribers=self.env is Environment.DEMO if creates is None else creates,
            aliases=self.file.aliases,
            data_thresholds=tuple(sorted(set(self.file.data_thresholds))),
            low_balance_fen=self.file.low_balance_fen,
        )
