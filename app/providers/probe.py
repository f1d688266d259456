"""The provider of the gateway's own test messages: accepts every reply and sends it nowhere (mission.md, M19)."""

from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from app.providers.base import (
    Accepted,
    DeliveryReport,
    InboundMessage,
    Invalid,
    Provider,
    ProviderSettings,
    SendResult,
    Submission,
    Surroundings,
)
from app.providers.requests import NotAuthenticError, WebhookRequest


class ProbeProvider(Provider):
    """Accepts every message. Its webhooks are closed: the gateway stores test messages directly."""

    kind = "probe"
    can_send = True
    resends_unknown = True
    can_fail_over = False
    most_per_call: ClassVar[int] = 100
    default_window: ClassVar[int] = 1
    default_rate: ClassVar[float | None] = None

    @override
    @classmethod
    def make(cls, settings: ProviderSettings, around: Surroundings) -> Provider:
        return cls(settings.name)

    @override
    def admit(self, request: WebhookRequest) -> None:
        raise NotAuthenticError("These webhooks are closed.")

    @override
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        raise NotImplementedError("these webhooks are closed")

    @override
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        raise NotImplementedError("these webhooks are closed")

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        return [Accepted(item.reference) for item in submissions]
