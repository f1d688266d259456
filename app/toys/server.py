"""What toy carriers over sessions share: they listen on loopback, and keep all that comes over each connection."""

import asyncio
import socket
import time
from abc import abstractmethod
from collections.abc import Callable
from itertools import count
from ssl import SSLContext
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from typing_extensions import override

_LENGTH_OCTETS = 4


class Pdu(Protocol):
    """A PDU as it was received."""

    @property
    def command(self) -> int:
        """What it is."""

    @property
    def sequence(self) -> int:
        """Its number, which that of its answer equals."""


P = TypeVar("P", bound=Pdu)


class Session(asyncio.Protocol, Generic[P]):
    """One connection of a client.

    Attributes:
        header: the least octets of a PDU; all PDUs begin with their length in four octets.
        bound: the kind of its bind; empty: it is not bound.
        pdus: what came, in order.
        began_at, heard_at, ended_at: when it was made, when octets came last, and when it was closed, in monotonic
            seconds.
    """

    header: ClassVar[int]

    def __init__(self, server: "Server[Any]") -> None:
        self._server = server
        self.bound = ""
        self.pdus: list[P] = []
        self.began_at = self.heard_at = time.monotonic()
        self.ended_at: float | None = None
        self._partial = b""
        self._transport: asyncio.Transport | None = None

    @abstractmethod
    def read(self, octets: bytes) -> P:
        """Return a whole PDU."""

    @abstractmethod
    def react(self, pdu: P) -> None:
        """Do what the carrier does about it."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.joined(self)

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it."""
        return self.ended_at is None

    @override
    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        octets, place = self._partial + data, 0
        while len(octets) - place >= self.header:
            length = int.from_bytes(octets[place : place + _LENGTH_OCTETS])
            if len(octets) - place < length:
                break
            pdu = self.read(octets[place : place + length])
            self.pdus.append(pdu)
            self.react(pdu)
            place += length
        self._partial = octets[place:]
        self._server.changed()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.ended_at = time.monotonic()
        self._server.left(self)

    def write(self, octets: bytes) -> None:
        """Send any octets."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def close(self) -> None:
        """Close the connection, behind what was sent."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def of(self, command: int) -> list[P]:
        """Return the PDUs of a command that came, in order."""
        return [pdu for pdu in self.pdus if pdu.command == command]


S = TypeVar("S", bound=Session[Any])


class Server(Generic[S]):
    """A carrier that listens on loopback.

    Attributes:
        sessions: all connections so far, the newest last.
        port: where it listens.
    """

    def __init__(self, port: int = 0) -> None:
        self.sessions: list[S] = []
        self.port = port
        self.sequence = count(1)
        self._ids = count(1)
        self._server: asyncio.Server | None = None
        self._change = asyncio.Event()

    @abstractmethod
    def accept(self) -> S:
        """Return the session of a new connection."""

    @abstractmethod
    def id(self, number: int) -> str:
        """Return the id of the message with a number, from 1, as reports name it."""

    async def listen(
        self, port: int = 0, ssl: SSLContext | None = None, listening: socket.socket | None = None
    ) -> None:
        """Listen on a port of loopback; 0: on any free one, which ``port`` says then; or use a socket that listens."""
        listening = listening or socket.create_server(("127.0.0.1", port))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.accept, sock=listening, ssl=ssl)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Break all connections, and listen no more."""
        if self._server is not None:
            self._server.close()
        for session in self.sessions:
            session.cut()

    async def until(self, holds: Callable[[], object], seconds: float = 10) -> None:
        """Wait until something holds that changes with what is received. Raise TimeoutError."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._change.clear()
                await self._change.wait()

    async def session(self) -> S:
        """Wait for a bound session that is open, and return the newest."""
        await self.until(lambda: self.open_sessions)
        return self.open_sessions[-1]

    @property
    def open_sessions(self) -> list[S]:
        """The bound sessions that have not ended, the newest last."""
        return [one for one in self.sessions if one.bound and one.is_open]

    def joined(self, session: S) -> None:
        """Note a new connection."""
        self.sessions.append(session)
        self.changed()

    def left(self, _session: S) -> None:
        """Note that a connection was closed."""
        self.changed()

    def changed(self) -> None:
        """Let ``until`` look again."""
        self._change.set()

    def next_id(self) -> str:
        """Return a new id of a message."""
        return self.id(next(self._ids))
