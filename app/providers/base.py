"""What every provider adapter is: both directions of one carrier behind a handful of verbs (docs/adding-a-provider.md).

An adapter knows its carrier's words and nothing of turns or the database. Whether to try again is decided by the
kind of result that it returns, nowhere else.
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
    """An MT to hand over; ``reference`` is ours, the same at every attempt."""

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
    """The network took it."""

    provider_message_id: str


@value
class Refused:
    """It will never be taken."""

    error_code: str


@value
class RefusedForNow:
    """It may be taken later; ``throttled``: we are too fast, ``retry_after`` as the carrier said."""

    error_code: str
    retry_after: timedelta | None = None
    throttled: bool = False


@value
class Unknown:
    """The bytes went out and no answer came."""

    error_code: str


@value
class NotTried:
    """An earlier message of the same recipient and lane was not taken, so this one was held back."""


SendResult = Accepted | Refused | RefusedForNow | Unknown | NotTried


# ---- in


@value
class InboundMessage:
    """An MO in a carrier's request; ``part`` says which part of a long message it is, None: it is whole.

    ``stamp_form`` says that the carrier gave ``received_at`` without a zone, or so that nobody can mean it.
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
    """An item of a carrier's request that cannot be read, and why; never quotes what was sent."""

    detail: str


@value
class InboundResult:
    """What became of an MO: stored now, or known before; ``id`` is ours."""

    id: str
    new: bool


@value
class DeliveryReport:
    """A delivery report in a carrier's request; ``reference`` is ours, from carriers that quote it.

    A ``status`` of None is one that fits none of ours: kept, and nothing follows from it. ``part`` (from 1) is the one
    segment that it is about, None: the whole message.
    """

    provider_message_id: str
    status: OutboundStatus | None
    error_code: str | None
    at: datetime | None
    reference: str | None = None
    part: int | None = None


@value
class Answer:
    """What a carrier is answered."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"


class MalformedRequestError(ValueError):
    """A request of a carrier that cannot be read at all; its words never quote what was sent."""


# ---- what an adapter is made from


@value
class ProviderSettings:
    """What the settings say of one provider; secrets newest first."""

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
    """Where the handsets' threads are."""

    async def take(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Take messages in order, as the faults that are set allow."""


@value
class Surroundings:
    """What adapters share: the handsets of the simulated network, and the way out over HTTP."""

    network: HandsetNetwork
    transport: httpx.AsyncBaseTransport


class Provider(ABC):
    """One carrier. Adapters override what their carrier can do."""

    kind: ClassVar[str]
    can_send: bool = False
    # Whether an attempt whose end is unknown is made again: the carrier takes a message once however often we send the
    # same reference, or the settings say that twice is better than never.
    resends_unknown: bool = False
    # How many messages one call of ``send`` takes, and what holds where the settings say nothing: calls in flight,
    # messages a second (None: no limit).
    most_per_call: ClassVar[int] = 1
    default_window: ClassVar[int] = 64
    default_rate: ClassVar[float | None] = 500.0
    # Whether it may carry what another one cannot, and the other way round (delivery.md 11).
    can_fail_over: ClassVar[bool] = True
    methods: ClassVar[frozenset[str]] = frozenset({"POST"})

    # How it means senders without + or 00, and times without a zone.
    numbers: Numbers = Numbers.NATIONAL
    zone: tzinfo = SHANGHAI

    def __init__(self, name: str) -> None:
        self.name = name
        self.fence = Fence()

    @classmethod
    @abstractmethod
    def make(cls, settings: ProviderSettings, around: Surroundings) -> "Provider":
        """The adapter as the settings want it. ValueError: a secret of no known form."""

    def admit(self, request: WebhookRequest) -> None:
        """Raise NotAuthenticError unless the request passes the fences and is signed as it must be."""
        self.fence.check(request)
        self.authenticate(request)

    def authenticate(self, request: WebhookRequest) -> None:  # noqa: B027  not every carrier signs
        """Raise NotAuthenticError unless the request comes from the carrier; the fences were passed already."""

    @abstractmethod
    def parse_inbound(self, request: WebhookRequest) -> list[InboundMessage | Invalid] | InboundMessage:
        """The MOs of a request: one, or a list judged item by item. Raises MalformedRequestError."""

    @abstractmethod
    def parse_reports(self, request: WebhookRequest) -> list[DeliveryReport]:
        """The reports of a request that say something to us. Raises MalformedRequestError."""

    def answer_one(self, stored: InboundResult) -> Answer:
        """What a carrier is told of its one message: stored or known, the carrier must not send it again."""
        if stored.new:
            return Answer(202, b'{"id":"%b","status":"accepted"}' % stored.id.encode())
        return Answer(200, b'{"id":"%b","status":"duplicate"}' % stored.id.encode())

    def answer_list(self, items: Sequence[InboundResult | Invalid]) -> Answer:
        """What a carrier is told of its list, item by item; a list of which nothing was stored never comes here."""
        return Answer(200, to_json([item_result(item) for item in items]))

    def answer_reports(self, *, known: bool) -> Answer:
        """What a carrier is told of its reports; one of a message that we do not know is a success too."""
        return Answer(200, b'{"status":"accepted"}' if known else b'{"status":"ignored"}')

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Hand over at most ``most_per_call`` messages; a result for each, in their order.

        Those of one recipient and lane go one after the other, and behind one that was not taken the rest are NotTried.
        """
        raise NotImplementedError(f"{self.kind} cannot send")

    async def close(self) -> None:  # noqa: B027  not every carrier holds connections
        """Let go of connections."""


def item_result(item: InboundResult | Invalid) -> dict[str, str]:
    """The result of one item of a list."""
    if isinstance(item, Invalid):
        return {"status": "invalid", "detail": item.detail}
    return {"id": item.id, "status": "accepted" if item.new else "duplicate"}
