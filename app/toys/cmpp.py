"""A toy ISMG beside a gateway. Sections [C n] are those of CMPP 3.0.0."""

import socket
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from typing_extensions import override

from app.toys.beside import Segment, SessionToy
from app.toys.carrier import TIMEOUT, Answer, NotCarriedError, Report, Sms
from app.toys.ismg import ANSWER, DELIVER, SP_ID, SUBMIT, Ismg, Pdu, Session, behave
from app.toys.submits import ASCII, V3, Delivery, Message, decoded, encoded, read_submit

# Result [C 8.4.3.2]; of those that are no flow control, 3 is one after which the gateway tries again.
_RESULTS = {Answer.OK: 0, Answer.REJECT: 13, Answer.THROTTLE: 8, Answer.ERROR: 3}
_STATS = {Report.DELIVERED: "DELIVRD", Report.UNDELIVERED: "UNDELIV", Report.EXPIRED: "EXPIRED"}
# Octets of a content, of the only one and of one of several behind its header [C 8.4.3.1].
_MOST, _MOST_OF_PART = {True: 159, False: 140}, {True: 153, False: 134}
_MOST_CONTENT = 255
_ID_BITS = 64


class CmppToy(SessionToy[Session, Pdu, Message]):
    """A toy ISMG of version 3.0: the gateway connects to it."""

    kind: ClassVar[str] = "cmpp"

    def __init__(self, listening: socket.socket, gateway: str) -> None:
        self._ismg = Ismg(V3, behaviour=self._hear)
        super().__init__(listening, gateway, self._ismg)

    @override
    def settings(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "address": self.address,
            "tls": False,
            "version": "3.0",
            "sp_id": SP_ID,
            "secret": self._ismg.secret,
            "service_id": "HELP",
            "timeout": TIMEOUT,
        }

    def _hear(self, session: Session, pdu: Pdu) -> None:
        if pdu.command == SUBMIT:
            self.hear_submit(session, pdu)
        elif pdu.command == DELIVER | ANSWER:
            self.hear_answer(pdu.sequence, is_good=not int.from_bytes(pdu.body[8:]))
        else:
            behave(session, pdu)

    @override
    def segment_of(self, pdu: Pdu) -> Segment[Message]:
        message = read_submit(pdu.body, self._ismg.version)
        return Segment(
            self._ismg.next_id(), message, message.source, message.destination, message.header, message.octets
        )

    @override
    def text_of(self, first: Message, octets: bytes) -> str:
        return decoded(octets, first.msg_fmt)

    @override
    def answer(self, session: Session, pdu: Pdu, answer: Answer, theirs: str) -> None:
        msg_id = bytes.fromhex(theirs) if answer is Answer.OK else bytes(8)
        session.answer(pdu, msg_id + self._ismg.result(_RESULTS[answer]))

    @override
    def deliveries_of(self, sms: Sms, message_id: str) -> Sequence[bytes]:
        sender, version = sms.sender.removeprefix("+86"), self._ismg.version
        found = []
        for place, (header, msg_fmt, octets) in enumerate(_contents(sms, message_id)):
            # The first one has the id of the text.
            msg_id = ((int(message_id, 16) + place) % (1 << _ID_BITS)).to_bytes(8)
            delivery = Delivery(
                msg_id, sender, sms.dialled, header + octets, msg_fmt, has_header=bool(header), link_id=message_id
            )
            found.append(delivery.body(version))
        return found

    @override
    def report_of(self, segment: Segment[Message], report: Report, at: datetime) -> bytes:
        return self._ismg.report(segment.message, segment.theirs, _STATS[report], at).body(self._ismg.version)

    @override
    def deliver(self, session: Session, body: bytes) -> int:
        return self._ismg.deliver_body(session, body)


def _contents(sms: Sms, message_id: str) -> list[tuple[bytes, int, bytes]]:
    """Return header, Msg_Fmt and octets of each part of a text, which is cut if it is too long for one."""
    msg_fmt, octets = encoded(sms.text)
    if sms.header:
        if len(sms.header) + len(octets) > _MOST_CONTENT:
            raise NotCarriedError("a part of a long message has no room for so much text")
        return [(sms.header, msg_fmt, octets)]
    is_ascii = msg_fmt == ASCII
    if len(octets) <= _MOST[is_ascii]:
        return [(b"", msg_fmt, octets)]
    encoding = "ascii" if is_ascii else "utf-16-be"
    parts = [b""]
    for char in sms.text:
        char_octets = char.encode(encoding, "surrogatepass")
        if len(parts[-1]) + len(char_octets) > _MOST_OF_PART[is_ascii]:
            parts.append(b"")
        parts[-1] += char_octets
    header = bytes((5, 0, 3, int(message_id[-2:], 16), len(parts)))
    return [(header + bytes((number,)), msg_fmt, part) for number, part in enumerate(parts, 1)]
