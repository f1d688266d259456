"""One provider in the settings file: how it signs, how it is fenced, where it sends (http-api.md)."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from app.settings.types import FileModel, Length


def _secrets(given: SecretStr | list[SecretStr] | None) -> tuple[str, ...]:
    several = given if isinstance(given, list) else [given]
    return tuple(secret.get_secret_value() for secret in several if secret is not None)


_LEAST_TOKEN = 20
_PATH_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


class ProviderFile(FileModel):
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
