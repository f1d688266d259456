"""The settings of carriers that the gateway holds sessions with (carriers.md 2)."""

import re
import ssl
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from typing_extensions import override

from app.options import FileModel, Length, ProviderOptions, secret_values
from app.providers.session.link import Address
from app.providers.session.times import Times

_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>\d{1,5}))?")
_GREATEST_PORT = 65535
_CHINA = "+86"
# The one that holds, and the one that follows it.
_MOST_SECRETS = 2
# A call of ``send`` must not last longer: the delivery gives up a little later.
_LONGEST_CALL_SECONDS = 34.0


def _check_ascii(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError("must be printable ASCII")
    return value


Ascii = Annotated[str, AfterValidator(_check_ascii)]
# Of a code of the carrier: refused for good, refused for now, and that because too much is sent.
Meaning = Literal["good", "later", "throttle"]


class NumberFormat(StrEnum):
    """The form in which a carrier wants recipients."""

    NATIONAL = "national"
    INTERNATIONAL = "international"
    PLUS = "plus"

    def is_national(self, number: str) -> bool:
        """Whether a number in E.164 is written without its country; those of other countries never are."""
        return self is NumberFormat.NATIONAL and number.startswith(_CHINA)

    def written(self, number: str) -> str:
        """Return a number in E.164 as the carrier wants it."""
        if self.is_national(number):
            return number.removeprefix(_CHINA)
        return number if self is NumberFormat.PLUS else number.removeprefix("+")


class TlsFile(FileModel):
    """TLS to a carrier. Names of files are relative to the working directory."""

    ca: Path | None = Field(
        default=None,
        description="certificates that the carrier's is checked against, in PEM; unset: those of the system",
        examples=["carrier.pem"],
    )
    cert: Path | None = Field(
        default=None,
        description="our own certificate in PEM, for a carrier that wants one",
        examples=["ours.pem"],
    )
    key: Path | None = Field(
        default=None, description="the key of `cert`; unset: it is in `cert`", examples=["key.pem"]
    )
    server_name: str | None = Field(
        default=None,
        description="name in the carrier's certificate; unset: the host of `address`",
        examples=["smsc.example"],
    )

    @model_validator(mode="after")
    def _check_files(self) -> "TlsFile":
        self.context()
        return self

    def context(self) -> ssl.SSLContext:
        """Return the TLS settings of a connection. Raise ValueError for files that cannot be used."""
        try:
            made = ssl.create_default_context(cafile=self.ca)
            if self.cert is not None:
                made.load_cert_chain(self.cert, self.key)
        except OSError as error:  # ssl's errors, too
            raise ValueError(f"ca, cert and key must be files in PEM that can be read: {error.strerror}") from None
        return made


class KeepAliveFile(FileModel):
    """Tests of a session."""

    idle: Length = Field(
        default=timedelta(seconds=30), description="how long nothing is heard before a test", examples=["180s"]
    )
    timeout: Length = Field(
        default=timedelta(seconds=10), description="how long the answer to a test is waited for", examples=["60s"]
    )
    tries: Annotated[int, Field(ge=1, le=10)] = Field(
        default=3, description="tests without an answer before the connection is closed", examples=[5]
    )

    @field_validator("idle", "timeout")
    @classmethod
    def _check_length(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError("must be at least 1s")
        return value


class SessionOptions(ProviderOptions):
    """The settings of a carrier that the gateway holds sessions with."""

    default_port: ClassVar[int]

    address: str | list[str] = Field(
        description="host:port that is connected to; several are tried in their order at every connect",
        examples=["smsc.example:3550"],
    )
    secret: SecretStr | list[SecretStr] = Field(
        description="secret of the bind; of two the second is tried after the first was refused as wrong",
        examples=["(what the carrier gave)"],
    )
    tls: Literal[False] | TlsFile | None = Field(
        default=None,
        description="false: in the clear; else a section, which may be empty: TLS. Production refuses to start without "
        "either",
        examples=[False],
    )
    binds: int = Field(
        default=1, ge=1, le=64, description="sessions that are kept up, over all processes", examples=[2]
    )
    keepalive: KeepAliveFile = Field(
        default_factory=KeepAliveFile, description="tests of a session", examples=[{"idle": "180s"}]
    )
    number_format: NumberFormat = Field(
        default=NumberFormat.INTERNATIONAL,
        description="form of recipients: national 13800138000, international 8613800138000, plus +8613800138000; "
        "numbers of other countries are never national",
        examples=["national"],
    )
    codes: dict[int, Meaning] = Field(
        default_factory=dict,
        description="other meanings of the carrier's codes: good (refused for good), later, throttle",
        examples=[{"0x0455": "throttle", "0x0400": "later"}],
    )

    @field_validator("address")
    @classmethod
    def _check_address(cls, value: str | list[str]) -> str | list[str]:
        given = value if isinstance(value, list) else [value]
        if not given or any(_host_and_port(one, cls.default_port) is None for one in given):
            raise ValueError("must be host:port, without a scheme, or a list of such")
        return value

    @field_validator("secret")
    @classmethod
    def _check_secrets(cls, value: SecretStr | list[SecretStr]) -> SecretStr | list[SecretStr]:
        given = secret_values(value)
        if not 1 <= len(given) <= _MOST_SECRETS or not all(one.isascii() for one in given):
            raise ValueError("must be ASCII, one secret or two")
        return value

    @field_validator("codes", mode="before")
    @classmethod
    def _read_codes(cls, value: object) -> object:
        return {number_of(name): meaning for name, meaning in value.items()} if isinstance(value, dict) else value

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        if production and self.tls is None:
            yield (
                f"providers.{name}.tls: messages would travel in the clear; write `tls: {{}}` for TLS, or `tls: false` "
                "if the line to the carrier is private"
            )

    # ---- as values

    def addresses(self) -> list[Address]:
        """Return where to connect, in order."""
        given = self.address if isinstance(self.address, list) else [self.address]
        found = [place for one in given if (place := _host_and_port(one, self.default_port))]
        if not self.tls:
            return [Address(host, port) for host, port in found]
        context = self.tls.context()
        return [Address(host, port, context, self.tls.server_name) for host, port in found]

    def times(self) -> Times:
        """Return the times of its sessions."""
        keepalive = self.keepalive
        answer = self.timeout.total_seconds()
        return Times(
            answer=answer,
            begin=_LONGEST_CALL_SECONDS - answer,
            idle=keepalive.idle.total_seconds(),
            test=keepalive.timeout.total_seconds(),
            tries=keepalive.tries,
        )


def number_of(given: object) -> object:
    """Return the integer of ``0x0455`` or 1109; anything else as it is."""
    if isinstance(given, str):
        try:
            return int(given, 0)
        except ValueError:
            pass
    return given


def _host_and_port(given: str, default: int) -> tuple[str, int] | None:
    match = _ADDRESS.fullmatch(given.strip())
    if match is None or not 0 < int(match["port"] or default) <= _GREATEST_PORT:
        return None
    return match["ipv6"] or match["host"], int(match["port"] or default)
