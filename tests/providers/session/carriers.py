"""The carriers over sessions that the gateway can bind to, in one form, so that one test runs with each of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from typing_extensions import override

from app.toys import ismg, smsc
from app.toys.server import Server, Session
from app.toys.submits import V2, V3, read_submit

V = TypeVar("V", bound=Server[Any])
S = TypeVar("S", bound=Session[Any])
P = TypeVar("P")
FROM, TO = "8613800138000", "10086"
SECRET = "sesame"
ANSWER = 0x80000000
_UDHI, _HEADER_OCTETS = 0x40, 6


@dataclass(frozen=True)
class Segment:
    """A segment as a carrier reads it."""

    source: str
    destination: str
    header: bytes
    octets: bytes
    text: str

    @property
    def place(self) -> bytes:
        """How many there are, and the place of this one; empty for the only one."""
        return self.header[4:]


@dataclass(frozen=True)
class Carrier(Generic[V, S, P]):
    """A kind of carrier, and what its PDUs are.

    Attributes:
        greeting, submit, deliver, test, goodbye: its commands.
        refused, throttled, never: the results for a wrong recipient, for too much, and for what cannot be stored.
        shown: how the gateway shows ``refused``.
        recipients: the form in which the gateway writes +8613800138000.
    """

    name: str
    kind: str
    options: Mapping[str, object]
    greeting: int
    submit: int
    deliver: int
    test: int
    goodbye: int
    refused: int
    throttled: int
    never: int
    shown: str
    recipients: str
    longest: int = field(default=0)

    def listening(self, behaviour: Callable[[S, P], None] | None = None, *, reports: bool = False) -> V:
        """Return a server that is to listen."""
        raise NotImplementedError

    def behave(self, session: S, pdu: P) -> None:
        """Do what a good carrier does."""
        raise NotImplementedError

    def accept(self, session: S, pdu: P, number: int) -> None:
        """Accept a segment, under the id with a number."""
        raise NotImplementedError

    def refuse(self, session: S, pdu: P, result: int) -> None:
        """Refuse a segment."""
        raise NotImplementedError

    def delivery(
        self, server: V, text: str, *, source: str = FROM, to: str = TO, is_nameless: bool = False, part: bytes = b""
    ) -> bytes:
        """Return the body of a message; ``is_nameless``: without an id; ``part``: its user data header."""
        raise NotImplementedError

    def report(self, server: V, submit: P, theirs: str, *, is_good: bool = True) -> bytes:
        """Return the body of a report on a segment: delivered, or not."""
        raise NotImplementedError

    def send(self, server: V, session: S, body: bytes) -> int:
        """Deliver a body; return its sequence number."""
        sequence = next(server.sequence)
        session.write(self.pdu(self.deliver, sequence, body))
        return sequence

    def pdu(self, command: int, sequence: int, body: bytes = b"") -> bytes:
        """Return a PDU."""
        raise NotImplementedError

    def result_of(self, answer: P) -> int:
        """Return the result of an answer to a delivery."""
        raise NotImplementedError

    def read(self, submit: P) -> Segment:
        """Return a segment."""
        raise NotImplementedError


class Smpp(Carrier[smsc.Smsc, smsc.Session, smsc.Pdu]):
    """An SMSC."""

    @override
    def listening(
        self, behaviour: Callable[[smsc.Session, smsc.Pdu], None] | None = None, *, reports: bool = False
    ) -> smsc.Smsc:
        return smsc.Smsc(receipts=reports, behaviour=behaviour)

    @override
    def behave(self, session: smsc.Session, pdu: smsc.Pdu) -> None:
        smsc.behave(session, pdu)

    @override
    def accept(self, session: smsc.Session, pdu: smsc.Pdu, number: int) -> None:
        session.answer(pdu, session.smsc.id(number).encode() + b"\0")

    @override
    def refuse(self, session: smsc.Session, pdu: smsc.Pdu, result: int) -> None:
        session.answer(pdu, status=result)

    @override
    def delivery(
        self,
        server: smsc.Smsc,
        text: str,
        *,
        source: str = FROM,
        to: str = TO,
        is_nameless: bool = False,
        part: bytes = b"",
    ) -> bytes:
        octets, esm_class = part + text.encode("utf-16-be"), _UDHI if part else 0
        return smsc.deliver_body(source, to, octets, data_coding=8, esm_class=esm_class)

    @override
    def report(self, server: smsc.Smsc, submit: smsc.Pdu, theirs: str, *, is_good: bool = True) -> bytes:
        return smsc.receipt(smsc.read_submit(submit.body), theirs, "DELIVRD" if is_good else "UNDELIV")

    @override
    def pdu(self, command: int, sequence: int, body: bytes = b"") -> bytes:
        return smsc.Pdu(command, 0, sequence, body).octets

    @override
    def result_of(self, answer: smsc.Pdu) -> int:
        return answer.status

    @override
    def read(self, submit: smsc.Pdu) -> Segment:
        read = smsc.read_submit(submit.body)
        header = read.short_message[: _HEADER_OCTETS if read.esm_class & _UDHI else 0]
        octets = read.short_message[len(header) :]
        text = octets.decode("utf-16-be" if read.data_coding else "latin-1")
        return Segment(read.source[2], read.destination[2], header, octets, text)


@dataclass(frozen=True)
class Cmpp(Carrier[ismg.Ismg, ismg.Session, ismg.Pdu]):
    """An ISMG of a version."""

    version: int = V3

    @override
    def listening(
        self, behaviour: Callable[[ismg.Session, ismg.Pdu], None] | None = None, *, reports: bool = False
    ) -> ismg.Ismg:
        return ismg.Ismg(self.version, secret=SECRET, reports=reports, behaviour=behaviour)

    @override
    def behave(self, session: ismg.Session, pdu: ismg.Pdu) -> None:
        ismg.behave(session, pdu)

    @override
    def accept(self, session: ismg.Session, pdu: ismg.Pdu, number: int) -> None:
        session.answer(pdu, bytes.fromhex(session.ismg.id(number)) + session.ismg.result(0))

    @override
    def refuse(self, session: ismg.Session, pdu: ismg.Pdu, result: int) -> None:
        session.answer(pdu, bytes(8) + session.ismg.result(result))

    @override
    def delivery(
        self,
        server: ismg.Ismg,
        text: str,
        *,
        source: str = FROM,
        to: str = TO,
        is_nameless: bool = False,
        part: bytes = b"",
    ) -> bytes:
        made = server.message(source, to, text)
        made = replace(made, content=part + text.encode("utf-16-be"), msg_fmt=8, has_header=bool(part))
        return (replace(made, msg_id=bytes(8)) if is_nameless else made).body(self.version)

    @override
    def report(self, server: ismg.Ismg, submit: ismg.Pdu, theirs: str, *, is_good: bool = True) -> bytes:
        read = read_submit(submit.body, self.version)
        return server.report(read, theirs, "DELIVRD" if is_good else "UNDELIV").body(self.version)

    @override
    def pdu(self, command: int, sequence: int, body: bytes = b"") -> bytes:
        return ismg.Pdu(command, sequence, body).octets

    @override
    def result_of(self, answer: ismg.Pdu) -> int:
        return int.from_bytes(answer.body[8:])

    @override
    def read(self, submit: ismg.Pdu) -> Segment:
        read = read_submit(submit.body, self.version)
        return Segment(read.source, read.destination, read.header, read.octets, read.text)


SMPP = Smpp(
    "smpp", "smpp", {"kind": "smpp", "system_id": "smsgw", "secret": SECRET},
    greeting=0x09, submit=0x04, deliver=0x05, test=0x15, goodbye=0x06,
    refused=0x0B, throttled=0x58, never=0x66, shown="RINVDSTADR 0x0B", recipients="8613800138000", longest=70_000,
)  # fmt: skip


def _cmpp(version: str, octet: int) -> Cmpp:
    options = {"kind": "cmpp", "version": version, "sp_id": ismg.SP_ID, "secret": SECRET, "service_id": "HELP"}
    return Cmpp(
        f"cmpp{version[0]}", "cmpp", options,
        greeting=0x1, submit=0x4, deliver=0x5, test=0x8, goodbye=0x2,
        refused=13, throttled=8, never=1, shown="CMPP 13 Dest_terminal_Id", recipients="13800138000", longest=4096,
        version=octet,
    )  # fmt: skip


CMPP2, CMPP3 = _cmpp("2.0", V2), _cmpp("3.0", V3)
AnyCarrier = Carrier[Any, Any, Any]
CARRIERS: list[AnyCarrier] = [SMPP, CMPP2, CMPP3]
AnySession = Session[Any]
AnyPdu = Any
