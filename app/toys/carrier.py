"""What a toy carrier beside a gateway is: handsets on its one side, the interface of its kind on the other."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

# What the gateway calls the provider.
NAME = "toy"
# How long the gateway waits for a toy: an answer that is lost should not take long to be missed.
TIMEOUT = "3s"


class Answer(StrEnum):
    """How a toy answers what the gateway hands over; ``timeout``: it takes it, but the answer is lost."""

    OK = "ok"
    REJECT = "reject"
    THROTTLE = "throttle"
    ERROR = "error"
    TIMEOUT = "timeout"

    @property
    def is_taken(self) -> bool:
        """Whether the toy has what was handed over."""
        return self in (Answer.OK, Answer.TIMEOUT)


class Report(StrEnum):
    """What a delivery report says."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Sms:
    """A text from a handset, or a part of one.

    Attributes:
        sender: the subscriber's number in E.164.
        dialled: the service number.
        header: the user data header of a part; empty for a whole text.
    """

    sender: str
    dialled: str
    text: str
    header: bytes = b""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message from the gateway, whole, as the toy has read it.

    Attributes:
        sender: the service number.
        recipient: the subscriber's number, as the gateway writes it to this carrier.
        report: sends the gateway a report, with the time of an event; returns True once the gateway has it.
    """

    sender: str
    recipient: str
    text: str
    report: Callable[[Report, datetime], Awaitable[bool]]


class Handsets(Protocol):
    """What a toy carrier brings messages to."""

    async def take(self, message: Taken | None) -> Answer:
        """Return how to answer what the gateway handed over. A message is on its handset then, if it is taken.

        None: a segment of a message whose other segments did not come yet.
        """


class NotCarriedError(Exception):
    """The gateway did not take a message of a handset, so it may be sent again. The message says why."""


class ToyCarrier(ABC):
    """A carrier for demos.

    Attributes:
        kind: that of the provider which speaks to it.
        handsets: whom it brings messages to; to be set before it runs.
        patience: how long it waits for the gateway, in seconds.
    """

    kind: ClassVar[str]
    handsets: Handsets
    patience: float = 5.0

    def __init__(self, listening: socket.socket, gateway: str) -> None:
        """``listening`` is a socket that listens on loopback, ``gateway`` the URL at which the gateway answers."""
        self._listening = listening
        self._gateway = gateway

    @property
    def address(self) -> str:
        """Where it listens: host and port."""
        host, port = self._listening.getsockname()
        return f"{host}:{port}"

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Return the settings of the provider that speaks to it."""

    @abstractmethod
    def running(self) -> AbstractAsyncContextManager[None]:
        """Serve within the context; close the socket and all connections at its end."""

    @abstractmethod
    async def send(self, sms: Sms, message_id: str) -> None:
        """Hand a text to the gateway. Raise NotCarriedError.

        ``message_id`` has 16 hexadecimal digits; with the same id it is the same text again.
        """

    def id_of(self, message_id: str) -> str:
        """Return the id by which the gateway knows a text that was sent with this one."""
        return message_id
