"""What every provider adapter is: both directions of one carrier behind a handful of verbs.

An adapter knows its carrier's words and nothing of turns or the database. Whether to try again is decided by the
kind of result that it returns, nowhere else.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from app.domain.messages import OutboundStatus


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Accepted:
    """The network took it."""

    provider_message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never be taken."""

    error_code: str


@dataclass(frozen=True, slots=True)
class RefusedForNow:
    """It may be taken later; ``throttled``: we are too fast, ``retry_after`` as the carrier said."""

    error_code: str
    retry_after: timedelta | None = None
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The bytes went out and no answer came."""

    error_code: str


@dataclass(frozen=True, slots=True)
class NotTried:
    """An earlier message of the same recipient and lane was not taken, so this one was held back."""


SendResult = Accepted | Refused | RefusedForNow | Unknown | NotTried


@dataclass(frozen=True, slots=True)
class Incoming:
    """An MO in a carrier's request."""

    message_id: str
    sender: str
    dialled: str
    text: str
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invalid:
    """An item of a carrier's request that cannot be read, and why; never quotes what was sent."""

    detail: str


@dataclass(frozen=True, slots=True)
class ReportIn:
    """A delivery report in a carrier's request."""

    provider_message_id: str
    status: OutboundStatus
    error_code: str | None
    at: datetime | None


class MalformedRequestError(ValueError):
    """A request of a carrier that cannot be read at all; its words never quote what was sent."""


class NotAuthenticError(Exception):
    """A request that does not prove that it comes from the carrier."""


class Provider(ABC):
    """One carrier. Adapters override what their carrier can do."""

    kind: ClassVar[str]
    can_send: ClassVar[bool] = False
    # Whether the carrier takes a message once however often we send the same reference.
    recognises_reference: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name

    def authenticate(self, headers: Mapping[str, str], body: bytes) -> None:  # noqa: B027  not every carrier signs
        """Raise NotAuthenticError unless the request comes from the carrier."""

    @abstractmethod
    def parse_inbound(self, body: bytes) -> list[Incoming | Invalid] | Incoming:
        """The MOs of a request: one, or a list judged item by item. Raises MalformedRequestError."""

    @abstractmethod
    def parse_reports(self, body: bytes) -> list[ReportIn]:
        """The reports of a request that say something to us. Raises MalformedRequestError."""

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Hand messages over, in order for each recipient and lane; a result for each."""
        raise NotImplementedError(f"{self.kind} cannot send")

    async def close(self) -> None:  # noqa: B027  not every carrier holds connections
        """Let go of connections."""
