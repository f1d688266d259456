"""The interface of provider adapters: both directions of one carrier (docs/adding-a-provider.md).

An adapter knows its carrier's protocol and nothing of turns or the database. The type of the result that it returns
decides whether a message is tried again; nothing else does.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime, timedelta, tzinfo
from typing import ClassVar, Protocol

import httpx
from pydantic_core import to_json

from app.domain.calendar import SHANGHAI
from app.domain.messages import OutboundStatus
from app.domain.msisdn import Numbers
from app.domain.parts import PartOf
from app.domain.stamps import StampForm
from app.domain.values import value
from app.providers.fences import Fence
from app.providers.requests import WebhookRequest

# ---- out


@value
class Submission:
    """An MT to send.

    Attributes:
        reference: the gateway's id of the message, the same at every attempt.
        sender: the service number that it comes from.
        recipient: the subscriber's number, in E.164.
        encoding: ``gsm7`` or ``ucs2``.
        segments: how many segments the network will count, from 1.
        kind: the message class.
        lane: ``prompt`` or ``bulk``; the messages of a recipient are sent in order within a lane.
        in_reply_to: the id of the MO that it answers, if any.
    """

    reference: str
    sender: str
    recipient: str
    text: str
    encoding: str
    segments: int
    kind: str
    lane: str
    in_reply_to: str | None


@value
class Accepted:
    """The provider took the message; ``provider_message_id`` is what its reports will name."""

    provider_message_id: str


@value
class Refused:
    """The provider will never take the message. ``error_code`` must not hold a number or a text."""

    error_code: str


@value
class RefusedForNow:
    """The provider certainly did not take the message, but may do so later.

    Attributes:
        retry_after: how long to wait, if the provider said so.
        throttled: the gateway sends too fast.
    """

    error_code: str
    retry_after: timedelta | None = None
    throttled: bool = False


@value
class Unknown:
    """The request may have reached the provider, and there is no usable answer: it may have taken the message."""

    error_code: str


@value
class NotTried:
    """The message was not sent, as an earlier one of the same recipient and lane was not taken."""


SendResult = Accepted | Refused | RefusedForNow | Unknown | NotTried


# ---- in


@value
class InboundMessage:
    """An MO in a carrier's request.

    Attributes:
        message_id: the carrier's id, by which repeats are recognised.
        sender: the number that sent it, as the carrier writes it.
        dialled: the service number that it was sent to, as the carrier writes it.
        received_at: the carrier's time, with a zone; None if it gave none that is credible.
        part: which part of a long message it is; None: it is whole.
        stamp_form: whether the carrier's time had no zone or was impossible; None: neither.
    """

    message_id: str
    sender: str
    dialled: str
    text: str
    received_at: datetime | None
    part: PartOf | None = None
    stamp_form: StampForm | None = None


@value
class Invalid:
    """An unreadable item of a carrier's request. ``detail`` says why, and never quotes what was sent."""

    detail: str


@value
class InboundResult:
    """The result of storing an MO. ``id`` is the gateway's; ``new`` is False for a repeat."""

    id: str
    new: bool


@value
class DeliveryReport:
    """A delivery report in a carrier's request.

    Attributes:
        provider_message_id: the carrier's id of the MT.
        status: None for one without an equivalent; it is stored, and nothing follows from it.
        error_code: the carrier's reason, if it gave one.
        at: the carrier's time, with a zone.
        reference: the gateway's id of the MT, from carriers that quote it.
        part: the segment that it is about, from 1; None: the whole message.
    """

    provider_message_id: str
    status: OutboundStatus | None
    error_code: str | None
    at: datetime | None
    reference: str | None = None
    part: int | None = None


@value
class Answer:
    """The HTTP answer to a carrier's request."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"


class MalformedRequestError(ValueError):
    """A carrier's request is not readable at all. The message never quotes what was sent."""


# ---- how an adapter is made


@value
class ProviderSettings:
    """The settings of one provider.

    Attributes:
        kind: which adapter it uses.
        secrets: what requests are signed with, newest first.
        send_url: where messages are posted to; None: the adapter's own URL, or it cannot send.
        resend_unknown: messages that may have arrived are sent again.
        timeout_seconds: for a whole request, from connecting to the last byte of the answer.
        numbers: how senders without + or 00 are read.
        zone: the zone of times that name none.
    """

    name: str
    kind: str
    secrets: tuple[str, ...] = ()
    fence: Fence = field(default_factory=Fence)
    send_url: str | None = None
    resend_unknown: bool = False
    timeout_seconds: float = 10
    numbers: Numbers = Numbers.NATIONAL
    zone: tzinfo = SHANGHAI


class HandsetNetwork(Protocol):
    """The simulated network, as its adapter sees it."""

    async def take(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Deliver messages in order, and return a result for each, as the simulated faults say."""


@value
class Surroundings:
    """What adapters share: the simulated network and the HTTP transport."""

    network: HandsetNetwork
    transport: httpx.AsyncBaseTransport


class Provider(ABC):
    """The adapter of one provider. Subclasses override what their carrier can do.

    Attributes:
        kind: the name of the adapter in the settings.
        can_send: False for a provider that only brings messages.
        resends_unknown: an attempt with an unknown result is repeated: the carrier takes a message once however often
            it gets the same reference, or the settings prefer two copies to none.
        most_per_call: how many messages one call of ``send`` takes.
        default_window: how many calls may run at a time, unless the settings say otherwise.
        default_rate: how many messages a second are sent, unless the settings say otherwise; None: no limit.
        can_fail_over: it may send for failing providers, and they for it (delivery.md 11).
        methods: the HTTP methods of its webhooks.
        numbers: how senders without + or 00 are read.
        zone: the zone of times that name none.
    """

    kind: ClassVar[str]
    can_send: bool = False
    resends_unknown: bool = False
    most_per_call: ClassVar[int] = 1
    default_window: ClassVar[int] = 64
    default_rate: ClassVar[float | None] = 500.0
    can_fail_over: ClassVar[bool] = True
    methods: ClassVar[frozenset[str]] = frozenset({"POST"})
    numbers: Numbers = Numbers.NATIONAL
    zone: tzinfo = SHANGHAI

    def __init__(self, name: str) -> None:
        self.name = name
        self.fence = Fence()

    @classmethod
    @abstractmethod
    def make(cls, settings: ProviderSettings, around: Surroundings) -> "Provider":
        """Return an adapter for these settings. Raise ValueError for a malformed secret."""

    def admit(self, request: WebhookRequest) -> None:
        """Raise NotAuthenticError unless the request passes the fence and is authentic."""
        self.fence.check(request)
        self.authenticate(request)

    def authenticate(self, request: WebhookRequest) -> None:  # noqa: B027  not every carrier signs
        """Raise NotAuthenticError unless the request comes from the carrier; it passed the fence already."""

    @abstractmethod
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """Return the MO of a request, or a list of MOs and unreadable items. Raise MalformedRequestError."""

    @abstractmethod
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """Return the reports of a request, without those that cannot be used. Raise MalformedRequestError."""

    def answer_one(self, stored: InboundResult) -> Answer:
        """Return the answer to a single MO: a success also for a repeat, or the carrier would send it again."""
        if stored.new:
            return Answer(202, b'{"id":"%b","status":"accepted"}' % stored.id.encode())
        return Answer(200, b'{"id":"%b","status":"duplicate"}' % stored.id.encode())

    def answer_list(self, items: Sequence[InboundResult | Invalid]) -> Answer:
        """Return the answer to a list, item by item; never called if no item was readable."""
        return Answer(200, to_json([item_result(item) for item in items]))

    def answer_reports(self, *, known: bool) -> Answer:
        """Return the answer to reports: a success also if no message is known (``known`` False)."""
        return Answer(200, b'{"status":"accepted"}' if known else b'{"status":"ignored"}')

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Send at most ``most_per_call`` messages, and return a result for each, in their order.

        Messages of one recipient and lane are sent one after the other; after one that was not taken, the rest are
        NotTried. Never tries again, and never raises for what the carrier did.
        """
        raise NotImplementedError(f"{self.kind} cannot send")

    async def close(self) -> None:  # noqa: B027  not every carrier holds connections
        """Close connections of the adapter's own."""


def item_result(item: InboundResult | Invalid) -> dict[str, str]:
    """Return the answer for one item of a list, as JSON has it."""
    if isinstance(item, Invalid):
        return {"status": "invalid", "detail": item.detail}
    return {"id": item.id, "status": "accepted" if item.new else "duplicate"}
