"""Providers that call us by HTTP: their settings, and the interface of their adapters (docs/adding-a-provider.md)."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_core import to_json
from typing_extensions import override

from app.addresses import address_of, address_violation
from app.domain.credentials import pair_violation, token_violation
from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.domain.values import value
from app.options import ProviderOptions, Secrets, check_secrets, secret_values
from app.providers.base import Provider, Surroundings
from app.providers.fences import Fence
from app.providers.requests import WebhookRequest


class WebhookOptions(ProviderOptions):
    """The settings of a provider that calls us by HTTP and does not sign: only fences guard its webhooks."""

    path_token: Secrets = Field(
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
    basic_auth: Secrets = Field(
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

    @field_validator("send_url")
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if value is not None and (violation := address_violation(value)):
            raise ValueError(violation)
        return value

    @field_validator("path_token")
    @classmethod
    def _check_path_token(cls, value: Secrets) -> Secrets:
        return check_secrets(value, token_violation)

    @field_validator("basic_auth")
    @classmethod
    def _check_basic_auth(cls, value: Secrets) -> Secrets:
        return check_secrets(value, pair_violation)

    def path_tokens(self) -> tuple[str, ...]:
        """Return the valid path tokens."""
        return secret_values(self.path_token)

    def fence(self) -> Fence:
        """Return the access rules of the webhooks."""
        return Fence(self.path_tokens(), self.allowed_ips, secret_values(self.basic_auth))

    def is_guarded(self) -> bool:
        """Return True if incoming requests are limited by access rules, or signed (delivery.md, security)."""
        return bool(self.path_tokens() or self.allowed_ips or secret_values(self.basic_auth))

    def asks_for_secret(self) -> bool:
        """Return True if a request must hold a secret, or be signed with one, wherever it comes from."""
        return bool(self.path_tokens())

    def sends_in_clear(self) -> bool:
        """Return True if messages are sent without TLS."""
        return self.send_url is not None and address_of(self.send_url).scheme == "http"

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        if production and not self.is_guarded():
            signed = (
                f"set providers.{name}.secret (signed requests), or " if "secret" in type(self).model_fields else ""
            )
            yield (
                f"providers.{name}: anybody could post messages to /webhooks/{name}/inbound; {signed}fence it with "
                "path_token, allowed_ips or basic_auth"
            )
        if self.sends_in_clear() and not private:
            yield (
                f"providers.{name}.send_url: messages would travel in the clear; use https, or set "
                "SMSGW_ALLOW_PRIVATE_WEBHOOKS=true if the carrier is in your own network"
            )


class SignedOptions(WebhookOptions):
    """The settings of a provider that signs its requests, if it has a secret."""

    secret: Secrets = Field(
        default=None,
        description="what its requests are signed with; several, the newest first, while one is being replaced",
        examples=["(what the carrier gave)"],
    )

    def secrets(self) -> tuple[str, ...]:
        """Return the signing secrets, newest first."""
        return secret_values(self.secret)

    @override
    def is_guarded(self) -> bool:
        return bool(self.secrets()) or super().is_guarded()

    @override
    def asks_for_secret(self) -> bool:
        return bool(self.secrets()) or super().asks_for_secret()


@value
class Invalid:
    """An unreadable item of a carrier's request. ``detail`` says why, and never quotes what was sent."""

    detail: str


@value
class Answer:
    """The HTTP answer to a carrier's request."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"


class WebhookProvider(Provider):
    """The adapter of a provider that calls us by HTTP.

    Attributes:
        methods: the HTTP methods of its webhooks.
        acknowledgement: the answer to everything that was stored; None: answers that tell what became of it.
    """

    options: ClassVar[type[ProviderOptions]] = WebhookOptions
    methods: ClassVar[frozenset[str]] = frozenset({"POST"})
    acknowledgement: ClassVar[Answer | None] = None

    def __init__(self, name: str, options: WebhookOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self._fence = options.fence()

    def admit(self, request: WebhookRequest) -> None:
        """Raise NotAuthenticError unless the request passes the fence and is authentic."""
        self._fence.check(request)
        self.authenticate(request)

    def authenticate(self, request: WebhookRequest) -> None:
        """Raise NotAuthenticError unless the request comes from the carrier; it passed the fence already."""

    @abstractmethod
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the MO of a request, or a list of MOs and unreadable items. Raise MalformedRequestError."""

    @abstractmethod
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the reports of a request, without those that cannot be used. Raise MalformedRequestError."""

    def answer_one(self, stored: InboundResult) -> Answer:
        """Return the answer to a single MO: a success also for a repeat, or the carrier would send it again."""
        status, told = (202, b"accepted") if stored.new else (200, b"duplicate")
        return self.acknowledgement or Answer(status, b'{"id":"%b","status":"%b"}' % (stored.id.encode(), told))

    def answer_list(self, items: Sequence[InboundResult | Invalid]) -> Answer:
        """Return the answer to a list, item by item; never called if no item was readable."""
        return self.acknowledgement or Answer(200, to_json([item_result(item) for item in items]))

    def answer_reports(self, *, known: bool) -> Answer:
        """Return the answer to reports: a success also if no message is known (``known`` False)."""
        told = b'{"status":"accepted"}' if known else b'{"status":"ignored"}'
        return self.acknowledgement or Answer(200, told)


def item_result(item: InboundResult | Invalid) -> dict[str, str]:
    """Return the answer for one item of a list, as JSON has it."""
    if isinstance(item, Invalid):
        return {"status": "invalid", "detail": item.detail}
    return {"id": item.id, "status": "accepted" if item.new else "duplicate"}
