"""A toy SMSC: it accepts binds and messages, sends receipts and messages, and does worse where a test says so."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from ssl import SSLContext
from struct import Struct
from typing import cast

from typing_extensions import override

BINDS = {0x01: "receiver", 0x02: "transmitter", 0x09: "transceiver"}
SUBMIT, DELIVER, UNBIND, ENQUIRE, NACK = 0x04, 0x05, 0x06, 0x15, 0x80000000
ANSWER = 0x80000000
_HEADER, _TLV = Struct(">IIII"), Struct(">HH")


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU as it was received."""

    command: int
    status: int
    sequence: int
    body: bytes = b""

    @property
    def octets(self) -> bytes:
        """The whole PDU."""
        return _HEADER.pack(_HEADER.size + len(self.body), self.command, self.status, self.sequence) + self.body


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of a submit_sm."""

    source: tuple[int, int, str]
    destination: tuple[int, int, str]
    esm_class: int
    priority: int
    validity: str
    data_coding: int
    short_message: bytes
    tlvs: Mapping[int, bytes]


class Session(asyncio.Protocol):
    """One connection of a client; ``bound`` is the kind of its bind.

    ``began_at``, ``heard_at`` and ``ended_at`` are when it was made, when octets came last, and when it was closed, in
    monotonic seconds.
    """

    def __init__(self, smsc: "Smsc") -> None:
        self.smsc = smsc
        self.bound = ""
        self.pdus: list[Pdu] = []
        self.began_at = self.heard_at = time.monotonic()
        self.ended_at: float | None = None
        self._partial = b""
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.smsc.joined(self)

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it."""
        return self.ended_at is None

    @override
    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        octets, place = self._partial + data, 0
        while len(octets) - place >= _HEADER.size:
            length, command, status, sequence = _HEADER.unpack_from(octets, place)
            if len(octets) - place < length:
                break
            pdu = Pdu(command, status, sequence, octets[place + _HEADER.size : place + length])
            self.pdus.append(pdu)
            self.smsc.behaviour(self, pdu)
            place += length
        self._partial = octets[place:]
        self.smsc.changed()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.ended_at = time.monotonic()
        self.smsc.left(self)

    def write(self, octets: bytes) -> None:
        """Send any octets."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def send(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        """Send a PDU."""
        self.write(Pdu(command, status, sequence, body).octets)

    def answer(self, pdu: Pdu, body: bytes = b"", status: int = 0) -> None:
        """Answer a request."""
        self.send(pdu.command | ANSWER, pdu.sequence, body, status)

    def close(self) -> None:
        """Close the connection, behind what was sent."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def of(self, command: int) -> list[Pdu]:
        """Return the PDUs of a command that came, in order."""
        return [pdu for pdu in self.pdus if pdu.command == command]


@dataclass
class Smsc:
    """Listens on loopback; ``behaviour`` is called with each PDU, and by default is that of a good carrier.

    Attributes:
        sessions: all connections so far, the newest last.
        receipts: whether each message is followed by a receipt that says DELIVRD.
    """

    receipts: bool = False
    behaviour: Callable[[Session, Pdu], None] = field(default_factory=lambda: behave)
    sessions: list[Session] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _change: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: "count[int]" = field(default_factory=lambda: count(1))
    _sequence: "count[int]" = field(default_factory=lambda: count(1))

    async def listen(
        self, port: int = 0, ssl: SSLContext | None = None, listening: socket.socket | None = None
    ) -> None:
        """Listen on a port of loopback; 0: on any free one, which ``port`` says then; or use a socket that listens."""
        listening = listening or socket.create_server(("127.0.0.1", port))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), sock=listening, ssl=ssl)
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

    async def session(self) -> Session:
        """Wait for a bound session that is open, and return the newest."""
        await self.until(lambda: any(one.bound and one.is_open for one in self.sessions))
        return next(one for one in reversed(self.sessions) if one.bound and one.is_open)

    def joined(self, session: Session) -> None:
        """Note a new connection."""
        self.sessions.append(session)
        self.changed()

    def left(self, _session: Session) -> None:
        """Note that a connection was closed."""
        self.changed()

    def changed(self) -> None:
        """Let ``until`` look again."""
        self._change.set()

    def next_id(self) -> str:
        """Return a new id of a message."""
        return f"smsc-{next(self._ids)}"

    def deliver(self, session: Session, message: bytes) -> int:
        """Send a deliver_sm with this body; return its sequence number."""
        sequence = next(self._sequence)
        session.send(DELIVER, sequence, message)
        return sequence


def behave(session: Session, pdu: Pdu) -> None:
    """Do what a good carrier does: accept everything."""
    if pdu.command in BINDS:
        session.bound = BINDS[pdu.command]
        session.answer(pdu, b"toy\0" + _TLV.pack(0x0210, 1) + b"\x34")
    elif pdu.command == SUBMIT:
        theirs = session.smsc.next_id()
        session.answer(pdu, theirs.encode() + b"\0")
        if session.smsc.receipts:
            session.smsc.deliver(session, receipt(read_submit(pdu.body), theirs))
    elif pdu.command == ENQUIRE:
        session.answer(pdu)
    elif pdu.command == UNBIND:
        session.answer(pdu)
        session.close()


def read_submit(body: bytes) -> Message:
    """Return the fields of a submit_sm."""
    _, place = _string(body, 0)
    source, place = _party(body, place)
    destination, place = _party(body, place)
    esm_class, priority = body[place], body[place + 2]
    _, place = _string(body, place + 3)
    validity, place = _string(body, place)
    data_coding, length = body[place + 2], body[place + 4]
    end = place + 5 + length
    return Message(
        source,
        destination,
        esm_class,
        priority,
        validity.decode(),
        data_coding,
        body[place + 5 : end],
        _tlvs(body, end),
    )


def deliver_body(
    source: str, destination: str, octets: bytes, *, ton: int = 1, esm_class: int = 0, data_coding: int = 0,
    tlvs: Mapping[int, bytes] | None = None,
) -> bytes:  # fmt: skip
    """Return the body of a deliver_sm."""
    parties = b"".join(
        bytes((kind, 1)) + address.encode() + b"\0" for kind, address in ((ton, source), (0, destination))
    )
    fixed = bytes((esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0, len(octets)))
    optional = b"".join(_TLV.pack(tag, len(given)) + given for tag, given in (tlvs or {}).items())
    return b"\0" + parties + fixed + octets + optional


def receipt(message: Message, theirs: str, word: str = "DELIVRD", done: str = "2603010201") -> bytes:
    """Return the body of a receipt for a message, from its recipient to its sender."""
    text = f"id:{theirs} sub:001 dlvrd:001 submit date:{done} done date:{done} stat:{word} err:000 text:"
    return deliver_body(message.destination[2], message.source[2], text.encode(), esm_class=0x04)


def _string(body: bytes, place: int) -> tuple[bytes, int]:
    end = body.index(b"\0", place)
    return body[place:end], end + 1


def _party(body: bytes, place: int) -> tuple[tuple[int, int, str], int]:
    address, end = _string(body, place + 2)
    return (body[place], body[place + 1], address.decode()), end


def _tlvs(body: bytes, place: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while place < len(body):
        tag, length = _TLV.unpack_from(body, place)
        found[tag] = body[place + _TLV.size : place + _TLV.size + length]
        place += _TLV.size + length
    return found
