"""Carriers with an HTTP interface of their own: their settings, how they are called, and where they call back."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import AfterValidator, Field, SecretStr, field_validator
from typing_extensions import override

from app.addresses import address_of, address_violation
from app.domain.values import value
from app.options import ProviderOptions
from app.providers.answers import result_without_answer
from app.providers.base import SendResult, Submission, Surroundings
from app.providers.http import HttpAnswer, HttpPoster
from app.providers.webhook import WebhookOptions, WebhookProvider


def _checked_text(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError("must be ASCII without blanks around it, as it is sent in a header")
    return text


def _checked_secret(secret: SecretStr) -> SecretStr:
    _checked_text(secret.get_secret_value())
    return secret


# What is sent as a header.
HeaderText = Annotated[str, AfterValidator(_checked_text)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_checked_secret)]


class ApiOptions(WebhookOptions):
    """The settings of carriers with an HTTP interface of their own."""

    public_url: str | None = Field(
        default=None,
        description="where the carrier reaches this gateway; delivery reports are asked for at "
        "`<public_url>/webhooks/<name>/status`",
        examples=["https://sms.example"],
    )
    sender: str | None = Field(
        default=None,
        min_length=1,
        max_length=32,
        pattern=r"^[+A-Za-z0-9_ .-]+$",
        description="what messages come from, such as a rented number; as it has no extensions, set single_number. "
        "Unset: the access number and its extensions",
        examples=["+15005550006"],
    )

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if violation := address_violation(value):
            raise ValueError(violation)
        if "?" in value or "#" in value:
            raise ValueError("must end before ? and #, as paths are appended to it")
        return value.rstrip("/")

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        yield from super().problems(name, production=production, private=private)
        if self.sender is not None and not self.single_number:
            yield f"providers.{name}.single_number: must be true, as sender has no extensions to tell questions by"
        if self.public_url is not None and address_of(self.public_url).scheme == "http" and not private:
            yield (
                f"providers.{name}.public_url: messages would travel in the clear; use https, or set "
                "SMSGW_ALLOW_PRIVATE_WEBHOOKS=true if the carrier is in your own network"
            )


@value
class Call:
    """A request that hands a message over."""

    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes


class ApiProvider(WebhookProvider):
    """The adapter of a carrier with an HTTP interface of its own. Each message is a request of its own."""

    options: ClassVar[type[ProviderOptions]] = ApiOptions

    def __init__(self, name: str, options: ApiOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self._http = HttpPoster(around.transport, options.timeout.total_seconds())
        self._sender = options.sender
        token = f"/{options.path_tokens()[0]}" if options.path_tokens() else ""
        self._reports = options.public_url and f"{options.public_url}/webhooks/{quote(name)}{token}/status"
        self.can_send = True

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Post each message; ``most_per_call`` is 1."""
        return [await self._send_one(item) for item in submissions]

    async def _send_one(self, item: Submission) -> SendResult:
        call = self.call(item)
        answer = await self._http.post(call.url, call.headers, call.content)
        return self.result(item, answer) if isinstance(answer, HttpAnswer) else result_without_answer(answer)

    @abstractmethod
    def call(self, item: Submission) -> Call:
        """Return the request that hands a message over."""

    @abstractmethod
    def result(self, item: Submission, answer: HttpAnswer) -> SendResult:
        """Return the result that the carrier's answer stands for."""

    def sender_of(self, item: Submission) -> str:
        """Return what a message comes from."""
        return self._sender or item.sender

    def reports_url(self, **more: str) -> str | None:
        """Return where reports are to come, with ``more`` in the query; None without a public URL."""
        return self._reports and (f"{self._reports}?{urlencode(more)}" if more else self._reports)


def seconds_left(item: Submission) -> int:
    """Return for how long a message may still be delivered; 0 or less: it is not known."""
    return int((item.valid_until - datetime.now(UTC)).total_seconds())
