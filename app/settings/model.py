"""The settings as one value: environment variables together with the settings file."""

import re
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.domain.calendar import QuietHours
from app.domain.catalogue import ConfirmMode
from app.domain.policy import Policy, RetentionPeriods, Spans
from app.domain.service_numbers import ServiceNumbers
from app.options import ProviderOptions
from app.settings.file import SettingsFile

# The provider of the self-test's messages; it exists if the settings have a probe.
_PROBE_PROVIDER = "probe"
# The providers of demo and test, each of the kind of its name.
_ALWAYS_THERE = ("generic", "simulator")
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")


_PORT, _DATABASE_URL = 8086, "sqlite:///./data/gateway.db"


class SettingsError(Exception):
    """Settings are wrong. The message has one line for each problem, with its place and remedy."""


class Environment(StrEnum):
    """The purpose of a gateway. In production alone, only ``smsgw migrate`` changes the database's schema."""

    DEMO = "demo"
    DEV = "dev"
    TEST = "test"
    PRODUCTION = "production"


def demo_database_url(port: int) -> str:
    """Return the database of a demo whose settings name none."""
    return _DATABASE_URL if port == _PORT else f"sqlite:///./data/demo-{port}.db"


class Settings(BaseSettings):
    """All settings. ``file`` holds those of the settings file."""

    model_config = SettingsConfigDict(env_prefix="SMSGW_", env_file=".env", extra="ignore", hide_input_in_errors=True)

    env: Environment = Field(
        description="purpose of this gateway; `make run` and `smsgw demo` set demo", examples=["test"]
    )
    database_url: str = Field(
        default=_DATABASE_URL,
        pattern=r"^(sqlite|postgres|postgresql|postgresql\+psycopg)://",
        description="SQLite file or postgresql://…; unset: in demo a port other than 8086 has a file of its own, "
        "`./data/demo-<port>.db`",
        examples=["postgresql://smsgw:secret@localhost/smsgw"],
    )
    database_connections: int = Field(
        default=7,
        ge=2,
        le=100,
        description="most connections of a process to PostgreSQL, besides one that hears notices of other processes",
        examples=[4],
    )
    database_pooled: bool = Field(
        default=False,
        description="whether `SMSGW_DATABASE_URL` is a pooler in transaction mode, such as PgBouncer",
        examples=[True],
    )
    database_direct_url: str | None = Field(
        default=None,
        pattern=r"^(postgres|postgresql|postgresql\+psycopg)://",
        description="PostgreSQL itself, beside a pooler, to hear notices of other processes; unset: with a pooler a "
        "process looks once a second",
        examples=["postgresql://smsgw:secret@database/smsgw"],
    )
    port: int = Field(default=_PORT, ge=0, le=65535, description="port to listen on", examples=[9000])
    demo_expose: bool = Field(
        default=False,
        description="whether demo, dev and test may listen on addresses other than loopback",
        examples=[True],
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="host names, separated by commas, that demo, dev and test serve besides loopback's and `--host`'s; "
        "requests to others are refused (421). Production serves every name",
        examples=["gateway.example,192.0.2.7"],
    )
    allow_private_webhooks: bool | None = Field(
        default=None,
        description="whether outgoing requests may go to private addresses and without TLS; unset: true in demo and "
        "test, else false",
        examples=[True],
    )
    config: Path | None = Field(default=None, description="path of the settings file", examples=["gateway.yaml"])
    seal_key: SecretStr | None = Field(
        default=None,
        description="32 bytes in URL-safe base64, from `smsgw config seal-key`. The key encrypts service passwords "
        "until they are checked and SPs' webhook secrets, and signs the evidence. While a key is being replaced "
        "(`smsgw seal rotate`): several, separated by commas, the newest first. Unset: a key is made and stored beside "
        "the SQLite file; required in production",
        examples=["(what `smsgw config seal-key` prints)"],
    )
    log_level: str = Field(
        default="INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        description="lowest level that is logged",
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
    def _keep_demos_apart(self) -> "Settings":
        """Give demos on several ports a database each, as each empties its own at the start."""
        if self.env is Environment.DEMO and "database_url" not in self.model_fields_set:
            self.database_url = demo_database_url(self.port)
        return self

    @model_validator(mode="after")
    def _check_combinations(self) -> "Settings":
        problems = self._problems()
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> list[str]:
        production = self.env is Environment.PRODUCTION
        problems: list[str] = []
        for name, provider in self.file.providers.items():
            problems += provider.problems(name, production=production, private=self.private_webhooks)
        if production and self.seal_key is None:
            problems.append("SMSGW_SEAL_KEY is missing: make one with `smsgw config seal-key` and keep it secret")
        if self.file.probe and _PROBE_PROVIDER in self.file.providers:
            problems.append("providers.probe: is the name of the gateway's own test calls; choose another")
        default = self.file.default_provider
        if default is not None and default not in self.provider_names():
            problems.append(
                f"default_provider: there is no provider {default!r} among: {', '.join(self.provider_names())}"
            )
        return problems

    def seal_keys(self) -> list[str]:
        """Return the keys of SMSGW_SEAL_KEY, newest first."""
        given = self.seal_key.get_secret_value().split(",") if self.seal_key else []
        return [key.strip() for key in given]

    @property
    def private_webhooks(self) -> bool:
        """True if outgoing requests may go to private addresses and without TLS (http-api.md, settings)."""
        return self.disposable if self.allow_private_webhooks is None else self.allow_private_webhooks

    @property
    def disposable(self) -> bool:
        """True if the data may be deleted and the clock moved (safety.md 26)."""
        return self.env in (Environment.DEMO, Environment.TEST)

    def provider_names(self) -> list[str]:
        """Return the names of the configured providers, and of those that exist without configuration."""
        always = _ALWAYS_THERE if self.disposable else ()
        probe = (_PROBE_PROVIDER,) if self.file.probe else ()
        return list(dict.fromkeys((*always, *self.file.providers, *probe)))

    @property
    def default_provider(self) -> str | None:
        """The provider of an MT when the provider of its MO cannot send."""
        return self.file.default_provider or ("simulator" if self.disposable else None)

    def with_default_provider(self, name: str, options: ProviderOptions) -> "Settings":
        """Return these settings with one more provider, the default one. Raise SettingsError if it does not fit."""
        if name in self.provider_names():
            raise SettingsError(f"providers.{name}: is the name of the toy carrier; choose another")
        providers = {**self.file.providers, name: options}
        file = self.file.model_copy(update={"providers": providers, "default_provider": name})
        found = self.model_copy(update={"file": file})
        if problems := found._problems():  # noqa: SLF001  of this class
            raise SettingsError("\n".join(problems))
        return found

    def kept(self) -> RetentionPeriods:
        """Return how long messages and payloads of evidence are stored."""
        return RetentionPeriods(self.file.retention.evidence, self.file.retention.messages)

    def spans(self) -> Spans:
        """Return how messages are partitioned by time (PostgreSQL)."""
        return Spans(timedelta(days=self.file.partitions.span_days), self.file.partitions.ahead)

    def schedule(self) -> dict[str, time]:
        """Return the times of day, in Asia/Shanghai, of the daily tasks that are on: none in demo and test."""
        given = {} if self.disposable else dict(self.file.schedule)
        return {name: at for name, at in given.items() if at is not None}

    def policy(self) -> Policy:
        """Return the settings that commands read."""
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
            sign_off=self.file.sign_off.as_value(),
        )
