"""The interface of all provider adapters (docs/adding-a-provider.md); ``webhook`` adds that of carriers that call us.

An adapter knows its carrier's protocol and nothing of turns or the database. The type of the result that it returns
decides whether a message is tried again; nothing else does.
"""

import math
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

import httpx

from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.domain.values import value
from app.options import ProviderOptions

# ---- out

MAX_PROGRESS = 1024  # bytes of UTF-8


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
        valid_until: until when it may be handed over (UTC, by the gateway's clock).
        reply_token: that of the MO which it answers, if it came from this carrier with one.
        progress: that of the last RefusedForNow; None at the first attempt, and after others.
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
    valid_until: datetime
    reply_token: str | None = None
    progress: str | None = None


@value
class Accepted:
    """The provider took the message.

    Attributes:
        provider_message_id: what its reports will name.
        parts: instead of that one, the ids of all segments, in order, from a carrier that reports on each.
    """

    provider_message_id: str
    parts: tuple[str, ...] = ()


@value
class Refused:
    """The provider will never take the message. ``error_code`` must not hold a number or a text."""

    error_code: str


@value
class RefusedForNow:
    """The provider certainly did not take the message, but may do so later.

    Raise ValueError if ``progress`` is too long.

    Attributes:
        retry_after: how long to wait, if the provider said so.
        throttled: the gateway sends too fast.
        progress: what the next attempt must know, such as the segments that were taken; at most 1 KiB, and opaque to
            the gateway. A message with progress is never given to another provider.
        setting: the setting that the provider objects to, such as ``secret``, if it is that; logged for who can
            correct it.
        of_recipient: it says something of this recipient alone, and nothing of the provider.
    """

    error_code: str
    retry_after: timedelta | None = None
    throttled: bool = False
    progress: str | None = None
    setting: str | None = None
    of_recipient: bool = False

    def __post_init__(self) -> None:
        if self.progress is not None and len(self.progress.encode()) > MAX_PROGRESS:
            raise ValueError(f"progress has more than {MAX_PROGRESS} bytes")


@value
class Unknown:
    """The request may have reached the provider, and there is no usable answer: it may have taken the message.

    ``progress`` is as in RefusedForNow: the next attempt, if there is one, leaves out segments that were taken.
    ``of_recipient`` as there.
    """

    error_code: str
    progress: str | None = None
    of_recipient: bool = False


@value
class NotTried:
    """The message was not sent, as an earlier one of the same recipient and lane was not taken."""


SendResult = Accepted | Refused | RefusedForNow | Unknown | NotTried


# ---- how an adapter is made


@value
class Surroundings:
    """What adapters share: the HTTP transport."""

    transport: httpx.AsyncBaseTransport


class Inbox(Protocol):
    """Where an adapter puts what its carrier sends.

    Messages and reports are stored when the call returns, so that the carrier may be answered then. Both raise
    StorageUnavailableError if nothing was stored.
    """

    async def messages(self, found: Sequence[InboundMessage]) -> Sequence[InboundResult]:
        """Store messages in this order; return their ids and whether each is new.

        Raise UndecidedError if one without an id may repeat one of another session, of which nobody knows yet whether
        it is over.
        """

    async def reports(self, found: Sequence[DeliveryReport]) -> Sequence[bool]:
        """Store reports; return for each whether it has an effect, as its message and its status are known."""

    def confirm(self, slot: int, epoch: int, sequence: int) -> None:
        """Note that the carrier has the answers to the messages of a session up to one of them (see ``Seen``).

        It is written with the next renewal of the slot's lease. Repeats of these messages are not expected any more.
        """


class Lease(Protocol):
    """The right of this process to hold a bind (carriers.md 3.3)."""

    @property
    def seconds_left(self) -> float:
        """How long the bind may still be used, by a clock that counts while the machine is suspended.

        From 10 on nothing more is submitted. From 0 on nothing is written, and the connection is closed without a word.
        """


class EndlessLease:
    """The lease of a bind that no other process can take over."""

    seconds_left = math.inf


def _session_numbers() -> Iterator[int]:
    last = 0
    while True:
        last = max(last + 1, time.time_ns())
        yield last


_SESSION_NUMBERS = _session_numbers()


def session_number() -> int:
    """Return a number for a session: no other one has it, and those of this process that began before have less."""
    return next(_SESSION_NUMBERS)


class BindEndedError(Exception):
    """A bind ended or was refused. The message says why, in words for staff; it holds no number, text or secret."""

    def __init__(self, reason: str, pause: timedelta, kind: str = "link") -> None:
        """``pause``: how long to wait before the next ``run`` of the slot. ``kind``: one of few words, for metrics."""
        super().__init__(reason)
        self.pause = pause
        self.kind = kind


class Provider:
    """The adapter of one provider. Subclasses override what their carrier can do.

    Attributes:
        kind: the name of the adapter in the settings.
        options: the model of the settings of its kind.
        can_send: False for a provider that only brings messages.
        resends_unknown: an attempt with an unknown result is repeated: the carrier takes a message once however often
            it gets the same reference, or the settings prefer two copies to none.
        slots: how many binds ``run`` keeps up, each under its number from 0; 0 for a carrier that calls us.
        paces_itself: each of its binds keeps rate and window by itself, counting segments.
        most_per_call: how many messages one call of ``send`` takes.
        default_window: how many calls may run at a time, unless the settings say otherwise.
        default_rate: how many messages a second are sent, unless the settings say otherwise; None: no limit.
        can_fail_over: it may send for failing providers, and they for it (delivery.md 11).
        numbers: how senders without + or 00 are read.
        zone: the zone of times that name none.
    """

    kind: ClassVar[str]
    options: ClassVar[type[ProviderOptions]] = ProviderOptions
    can_send: bool = False
    slots: int = 0
    paces_itself: ClassVar[bool] = False
    most_per_call: ClassVar[int] = 1
    default_window: ClassVar[int] = 64
    default_rate: ClassVar[float | None] = 500.0
    can_fail_over: ClassVar[bool] = True

    def __init__(self, name: str, options: ProviderOptions, around: Surroundings) -> None:  # noqa: ARG002  kinds use it
        """``options`` are those of its kind. Nothing slow: connections are made when they are needed."""
        self.name = name
        self.resends_unknown = options.on_unknown == "resend"
        self.numbers = options.numbers
        self.zone = options.zone

    @property
    def is_ready(self) -> bool:
        """Whether messages can be handed over now; while they cannot, this process claims none of the provider's."""
        return not self.slots or bool(self.slots_up)

    @property
    def slots_up(self) -> frozenset[int]:
        """The slots over whose binds this process can hand messages over now."""
        return frozenset()

    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        """Keep one bind up until it ends or is cancelled, and put what comes over it into the inbox.

        An error ends this bind alone; the gateway logs it and calls ``run`` again: after the pause that a
        BindEndedError says, or after one that grows. When it is cancelled, it takes no more submissions, waits for the
        answers under way, and says goodbye. ``lease`` says how long this process may hold the bind.
        """
        raise NotImplementedError(f"{self.kind} has no binds")

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Send at most ``most_per_call`` messages, and return a result for each, in their order.

        Messages of one recipient and lane are sent one after the other; after one that was not taken, the rest are
        NotTried. Never tries again, and never raises for what the carrier did.
        """
        raise NotImplementedError(f"{self.kind} cannot send")

    async def close(self) -> None:
        """Close connections of the adapter's own."""
