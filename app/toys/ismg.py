"""A toy ISMG: it accepts connects and messages, sends reports and messages, and does worse where a test says so.

Sections [C n] are those of CMPP 3.0.0.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import md5
from itertools import count
from struct import Struct
from typing import ClassVar

from typing_extensions import override

from app.toys import server
from app.toys.submits import V3, Delivery, Message, encoded, read_submit, report_content

CONNECT, TERMINATE, SUBMIT, DELIVER, ACTIVE_TEST = 0x1, 0x2, 0x4, 0x5, 0x8
ANSWER = 0x80000000
SP_ID, SECRET = "901234", "sesame"
BEIJING = timezone(timedelta(hours=8))
_HEADER = Struct(">III")
# What is not answered is sent again, so often at most [C 7.1].
REPEATED_AFTER_SECONDS, _REPEATS = 60.0, 2
_NUMBER_BITS = 16
_WRONG_SOURCE, _NOT_AUTHENTIC, _VERSION_TOO_HIGH = 2, 3, 4


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU as it was received."""

    command: int
    sequence: int
    body: bytes = b""

    @property
    def octets(self) -> bytes:
        """The whole PDU."""
        return _HEADER.pack(_HEADER.size + len(self.body), self.command, self.sequence) + self.body


class Session(server.Session[Pdu]):
    """One connection of an SP; ``bound`` is the SP_Id that it connected with."""

    header: ClassVar[int] = _HEADER.size

    def __init__(self, ismg: "Ismg") -> None:
        super().__init__(ismg)
        self.ismg = ismg

    @override
    def read(self, octets: bytes) -> Pdu:
        _, command, sequence = _HEADER.unpack_from(octets)
        return Pdu(command, sequence, octets[_HEADER.size :])

    @override
    def react(self, pdu: Pdu) -> None:
        if pdu.command == DELIVER | ANSWER:
            self.ismg.unanswered.discard((self, pdu.sequence))
        self.ismg.behaviour(self, pdu)

    def send(self, command: int, sequence: int, body: bytes = b"") -> None:
        """Send a PDU."""
        self.write(Pdu(command, sequence, body).octets)

    def answer(self, pdu: Pdu, body: bytes = b"") -> None:
        """Answer a request."""
        self.send(pdu.command | ANSWER, pdu.sequence, body)


class Ismg(server.Server[Session]):
    """An ISMG. ``behaviour`` is called with each PDU, and by default is that of a good carrier.

    Attributes:
        version: 0x20 or 0x30.
        secret: the one that SPs must know; None: any will do.
        reports: whether each message is followed by a report that says DELIVRD.
        repeated_after: how many seconds it waits for the answer to a DELIVER before it sends it again.
        unanswered: the DELIVERs that wait for their answers, by session and sequence number.
    """

    def __init__(
        self,
        version: int = V3,
        *,
        secret: str | None = SECRET,
        reports: bool = False,
        behaviour: Callable[[Session, Pdu], None] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self.version = version
        self.secret = secret
        self.reports = reports
        self.behaviour = behaviour or behave
        self.repeated_after = REPEATED_AFTER_SECONDS
        self.unanswered: set[tuple[Session, int]] = set()
        # Month, day, hour, minute, second, gateway and number, in 4, 5, 5, 6, 6, 22 and 16 bits [C 8.4.3.2].
        self._mo_ids = count(1)
        self._first_id = 0
        at = datetime.now(BEIJING)
        for part, bits in (
            (at.month, 4),
            (at.day, 5),
            (at.hour, 5),
            (at.minute, 6),
            (at.second, 6),
            (0, 22 + _NUMBER_BITS),
        ):
            self._first_id = self._first_id << bits | part

    @override
    def accept(self) -> Session:
        return Session(self)

    @override
    def id(self, number: int) -> str:
        return f"{self._first_id + number:016x}"

    @property
    def width(self) -> int:
        """How many octets Status and Result have."""
        return 4 if self.version == V3 else 1

    def result(self, number: int) -> bytes:
        """Return a Status or Result as this version writes it."""
        return number.to_bytes(self.width)

    def deliver(self, session: Session, delivery: Delivery) -> int:
        """Send a DELIVER, and again if it is not answered; return its sequence number."""
        return self.deliver_body(session, delivery.body(self.version))

    def deliver_body(self, session: Session, body: bytes) -> int:
        """Send a DELIVER with this body, and again if it is not answered; return its sequence number."""
        sequence = next(self.sequence) & 0xFFFFFFFF
        self.unanswered.add((session, sequence))
        self._send(session, sequence, body, _REPEATS)
        return sequence

    def _send(self, session: Session, sequence: int, body: bytes, repeats: int) -> None:
        if (session, sequence) not in self.unanswered or not session.is_open:
            self.unanswered.discard((session, sequence))
            return
        session.send(DELIVER, sequence, body)
        if repeats:
            loop = asyncio.get_running_loop()
            loop.call_later(self.repeated_after, self._send, session, sequence, body, repeats - 1)

    def message(self, source: str, destination: str, text: str) -> Delivery:
        """Return a message of a handset under a new Msg_Id."""
        msg_fmt, content = encoded(text)
        # Another gateway's, so that it is none of those which SUBMITs get.
        number = 1 << _NUMBER_BITS | next(self._mo_ids)
        return Delivery(bytes.fromhex(self.id(number)), source, destination, content, msg_fmt)

    def report(self, message: Message, theirs: str, stat: str = "DELIVRD", done: datetime | None = None) -> Delivery:
        """Return the report on a message, from its recipient to its sender."""
        done = (done or datetime.now(BEIJING)).astimezone(BEIJING)
        msg_id = bytes.fromhex(theirs)
        content = report_content(self.version, msg_id, message.destination, stat, done)
        return Delivery(msg_id, message.destination, message.source, content, is_report=True)


def behave(session: Session, pdu: Pdu) -> None:
    """Do what a good carrier does: accept everything."""
    ismg = session.ismg
    if pdu.command == CONNECT:
        status = connect_status(ismg, pdu.body)
        answer_connect(session, pdu, status)
        if not status:
            session.bound = pdu.body[:6].decode()
    elif pdu.command == SUBMIT:
        theirs = ismg.next_id()
        session.answer(pdu, bytes.fromhex(theirs) + ismg.result(0))
        if ismg.reports:
            ismg.deliver(session, ismg.report(read_submit(pdu.body, ismg.version), theirs))
    elif pdu.command == ACTIVE_TEST:
        session.answer(pdu, b"\0")
    elif pdu.command == TERMINATE:
        session.answer(pdu)
        session.close()


def connect_status(ismg: Ismg, body: bytes) -> int:
    """Return the Status that a CONNECT deserves [C 8.4.1.2]."""
    source, authenticator, version = body[:6], body[6:22], body[22]
    if source != SP_ID.encode():
        return _WRONG_SOURCE
    stamp = f"{int.from_bytes(body[23:27]):010}"
    if ismg.secret is not None and authenticator != _md5(source + bytes(9) + ismg.secret.encode() + stamp.encode()):
        return _NOT_AUTHENTIC
    return 0 if version <= ismg.version else _VERSION_TOO_HIGH


def answer_connect(session: Session, pdu: Pdu, status: int) -> None:
    """Answer a CONNECT, and show that the secret is known."""
    ismg = session.ismg
    written = ismg.result(status)
    authenticator = _md5(written + pdu.body[6:22] + (ismg.secret or "").encode())
    session.answer(pdu, written + authenticator + bytes((ismg.version,)))


def _md5(octets: bytes) -> bytes:
    return md5(octets, usedforsecurity=False).digest()
