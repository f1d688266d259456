"""A toy SMSC: it accepts binds and messages, sends receipts and messages, and does worse where a test says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from typing_extensions import override

from app.toys import server

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


class Session(server.Session[Pdu]):
    """One connection of a client; ``bound`` is the kind of its bind."""

    header: ClassVar[int] = _HEADER.size

    def __init__(self, smsc: "Smsc") -> None:
        super().__init__(smsc)
        self.smsc = smsc

    @override
    def read(self, octets: bytes) -> Pdu:
        _, command, status, sequence = _HEADER.unpack_from(octets)
        return Pdu(command, status, sequence, octets[_HEADER.size :])

    @override
    def react(self, pdu: Pdu) -> None:
        self.smsc.behaviour(self, pdu)

    def send(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        """Send a PDU."""
        self.write(Pdu(command, status, sequence, body).octets)

    def answer(self, pdu: Pdu, body: bytes = b"", status: int = 0) -> None:
        """Answer a request."""
        self.send(pdu.command | ANSWER, pdu.sequence, body, status)


class Smsc(server.Server[Session]):
    """An SMSC. ``behaviour`` is called with each PDU, and by default is that of a good carrier.

    Attributes:
        receipts: whether each message is followed by a receipt that says DELIVRD.
    """

    def __init__(
        self, *, receipts: bool = False, behaviour: Callable[[Session, Pdu], None] | None = None, port: int = 0
    ) -> None:
        super().__init__(port)
        self.receipts = receipts
        self.behaviour = behaviour or behave

    @override
    def accept(self) -> Session:
        return Session(self)

    @override
    def id(self, number: int) -> str:
        return f"smsc-{number}"

    def deliver(self, session: Session, message: bytes) -> int:
        """Send a deliver_sm with this body; return its sequence number."""
        sequence = next(self.sequence)
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
