"""Building blocks of settings: lengths of time, host names, secrets, and the options that providers of all kinds have.

The settings file holds a model of its own for each kind of provider, which its adapter declares (``Provider.options``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from app.domain.calendar import SHANGHAI
from app.domain.msisdn import Numbers

_LENGTH = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_length(value: object) -> timedelta:
    """Return the timedelta of a length such as ``90s``, ``30m``, ``2h`` or ``1d``. Raise ValueError."""
    match = _LENGTH.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be a length such as "2h", "30m" or "90s"')
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


Length = Annotated[timedelta, BeforeValidator(parse_length)]


_HOST = re.compile(r"(?:[a-z0-9-]*[a-z-]\.)+[a-z]{2,}")


def _parse_host(value: object) -> object:
    """Return a host name such as ``shop.example`` in lower case: without a scheme, port or path."""
    host = value.lower() if isinstance(value, str) else ""
    if not _HOST.fullmatch(host):
        raise ValueError('must be a host such as "shop.example", without https://, a path or a digit before a dot')
    return host


Host = Annotated[str, BeforeValidator(_parse_host)]


class FileModel(BaseModel):
    """Base of the settings file's models. Unknown names are refused, and errors quote no values."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


# ---- secrets

Secrets = SecretStr | list[SecretStr] | None


def secret_values(given: Secrets) -> tuple[str, ...]:
    """Return the values of one secret or several, in their order."""
    several = given if isinstance(given, list) else [given]
    return tuple(secret.get_secret_value() for secret in several if secret is not None)


def check_secrets(given: Secrets, violation_of: Callable[[str], str | None]) -> Secrets:
    """Return the secrets as given. Raise ValueError if ``violation_of`` finds one of them wrong."""
    for secret in secret_values(given):
        if violation := violation_of(secret):
            raise ValueError(violation)
    return given


# ---- providers

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


class ProviderOptions(FileModel):
    """The settings of one provider that all kinds have; a kind with more of them has a subclass."""

    kind: str = Field(description="which carriers' interface it has; the kinds are below", examples=["generic"])
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
        description="most messages per second, over a session most segments per second; unset: 500, and no limit for "
        "the simulator and for sessions",
        examples=[100],
    )
    window: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="most requests in flight, over sessions for each bind; unset: 64, 1 for the simulator, 10 for "
        "smpp, 16 for cmpp",
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

    @property
    def zone(self) -> tzinfo:
        """The zone of times that name none."""
        return zone_of(self.time_zone)

    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:  # noqa: ARG002  for kinds
        """Yield what is wrong with these options in an environment, each beginning with the name of a setting.

        ``name`` is the provider's, such as ``carrier``. ``private``: messages may be sent without TLS.
        """
        return iter(())


# The options' model of each kind of provider.
ProviderKinds = Mapping[str, type[ProviderOptions]]
