"""Model of a provider in the settings file: credentials, access rules of its webhooks, sending (http-api.md)."""

import re
from collections.abc import Callable
from datetime import UTC, timedelta, timezone, tzinfo
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator

from app.addresses import address_of, address_violation
from app.domain.calendar import SHANGHAI
from app.domain.credentials import pair_violation, signing_violation, token_violation
from app.domain.msisdn import Numbers
from app.settings.types import FileModel, Length

_Secrets = SecretStr | list[SecretStr] | None


def _secrets(given: _Secrets) -> tuple[str, ...]:
    several = given if isinstance(given, list) else [given]
    return tuple(secret.get_secret_value() for secret in several if secret is not None)


def _check_each(given: _Secrets, violation_of: Callable[[str], str | None]) -> _Secrets:
    for secret in _secrets(given):
        if violation := violation_of(secret):
            raise ValueError(violation)
    return given


_OFFSET = re.compile(r"[+-](\d\d):?([0-5]\d)")
_MAX_OFFSET = timedelta(hours=15)


def zone_of(name: str) -> tzinfo:
    """Return the time zone with a name (``Asia/Shanghai``) or an offset (``+08:00``). Raise ValueError for others."""
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match[1]), minutes=int(match[2]))
        if offset <= _MAX_OFFSET:
            return timezone(-offset if name[0] == "-" else offset)
    elif name == "Asia/Shanghai":
        return SHANGHAI
    elif name == "UTC":
        return UTC
    else:
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            pass
    raise ValueError("must be a time zone such as Asia/Shanghai or UTC, or an offset such as +08:00")


class ProviderFile(FileModel):
    """One provider of the settings file."""

    kind: str = Field(description="generic (JSON over HTTP, both ways) or simulator", examples=["generic"])
    secret: _Secrets = Field(
        default=None,
        description="whsec_ and 16 or more random bytes in base64, to sign outgoing requests and verify incoming ones; "
        "several, the newest first, while one is being replaced",
        examples=["whsec_…"],
    )
    path_token: _Secrets = Field(
        default=None,
        description="for a carrier that cannot sign: its webhooks are at `/webhooks/<name>/<path_token>/…` only; 20 or "
        "more letters, digits, `-` or `_`, preferably random; several while one is being replaced",
        examples=["(what `openssl rand -hex 24` prints)"],
    )
    allowed_ips: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="addresses and networks that may call its webhooks; empty: all. Behind a proxy, uvicorn's "
        "FORWARDED_ALLOW_IPS names the proxies whose X-Forwarded-For is trusted",
        examples=[["203.0.113.7", "198.51.100.0/24"]],
    )
    basic_auth: _Secrets = Field(
        default=None,
        description="`user:password` that calls of its webhooks must send, the password 16 or more random characters; "
        "several while one is being replaced",
        examples=["carrier:…"],
    )
    send_url: str | None = Field(
        default=None,
        description="URL that MTs are posted to; unset: the provider cannot send. https, or http if "
        "SMSGW_ALLOW_PRIVATE_WEBHOOKS is true; redirects are not followed. A private address is allowed",
        examples=["https://carrier.example/send"],
    )
    on_unknown: str = Field(
        default="wait",
        pattern="^(wait|resend)$",
        description="what to do after an unknown send, to which no answer came: wait for the delivery report, or send "
        "the message again, which may deliver it twice",
        examples=["resend"],
    )
    timeout: Length = Field(
        default=timedelta(seconds=10), description="longest wait for an answer, up to 30s", examples=["5s"]
    )
    rate: float | None = Field(
        default=None,
        gt=0,
        description="most messages per second; unset: 500, and no limit for the simulator",
        examples=[100],
    )
    window: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="most requests in flight; unset: 64, and 1 for the simulator",
        examples=[16],
    )
    prefixes: list[Annotated[str, Field(pattern=r"^\+\d{1,15}$")]] = Field(
        default_factory=list,
        description="prefixes of the numbers it reaches as the failover route of another provider; empty: all",
        examples=[["+86", "+852"]],
    )
    single_number: bool = Field(
        default=False, description="true if it has only the access number, without extensions", examples=[True]
    )
    numbers: Numbers = Field(
        default=Numbers.NATIONAL,
        description="how senders without + or 00 are read: first as national numbers (13800138000) or first as "
        "international ones (8613800138000)",
        examples=["international"],
    )
    time_zone: str = Field(
        default="Asia/Shanghai",
        description="zone of its times that name none: a name in the time zone database, or an offset such as +08:00",
        examples=["UTC"],
    )
    free_mo: bool | None = Field(
        default=None,
        description="whether an MO costs the subscriber nothing; unset: true in demo and test, else false",
        examples=[True],
    )

    @field_validator("send_url")
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if value is not None and (violation := address_violation(value)):
            raise ValueError(violation)
        return value

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @field_validator("timeout")
    @classmethod
    def _check_timeout(cls, value: timedelta) -> timedelta:
        if not timedelta(0) < value <= timedelta(seconds=30):
            raise ValueError("must be from 1s to 30s")
        return value

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, value: _Secrets) -> _Secrets:
        return _check_each(value, signing_violation)

    @field_validator("path_token")
    @classmethod
    def _check_path_token(cls, value: _Secrets) -> _Secrets:
        return _check_each(value, token_violation)

    @field_validator("basic_auth")
    @classmethod
    def _check_basic_auth(cls, value: _Secrets) -> _Secrets:
        return _check_each(value, pair_violation)

    def secrets(self) -> tuple[str, ...]:
        """Return the valid signing secrets, newest first."""
        return _secrets(self.secret)

    def path_tokens(self) -> tuple[str, ...]:
        """Return the valid path tokens."""
        return _secrets(self.path_token)

    def credentials(self) -> tuple[str, ...]:
        """Return the valid pairs ``user:password``."""
        return _secrets(self.basic_auth)

    def is_guarded(self) -> bool:
        """Return True if incoming requests are signed or limited by access rules (delivery.md, security)."""
        return bool(self.secrets() or self.path_tokens() or self.allowed_ips or self.credentials())

    def sends_in_clear(self) -> bool:
        """Return True if messages are sent without TLS."""
        return self.send_url is not None and address_of(self.send_url).scheme == "http"
