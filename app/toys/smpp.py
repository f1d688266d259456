"""A toy SMSC beside a gateway. Sections [S n] are those of SMPP 3.4, Issue 1.2."""

import socket
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import ClassVar

import gsm0338
from typing_extensions import override

from app.toys.beside import Segment, SessionToy
from app.toys.carrier import TIMEOUT, Answer, Report, Sms
from app.toys.smsc import (
    ANSWER,
    DELIVER,
    SUBMIT,
    Message,
    Pdu,
    Session,
    Smsc,
    behave,
    deliver_body,
    read_submit,
    receipt,
)

# command_status [S 5.1.3].
_SYSTEM_ERROR = 0x08
_STATUSES = {Answer.OK: 0, Answer.REJECT: 0x0B, Answer.THROTTLE: 0x58, Answer.ERROR: _SYSTEM_ERROR}
_WORDS = {Report.DELIVERED: "DELIVRD", Report.UNDELIVERED: "UNDELIV", Report.EXPIRED: "EXPIRED"}  # [S App. B]
_UDHI, _HEADER_OCTETS = 0x40, 6
_GSM7, _UCS2 = 0x00, 0x08
# A vendor's own parameter, for the id of an MO, and that for what short_message has no room for [S 5.3.2.32].
_MO_ID, _MESSAGE_PAYLOAD = 0x1403, 0x0424
_LONGEST_SHORT_MESSAGE = 254
_BEIJING = timezone(timedelta(hours=8))
_alphabet = gsm0338.Codec()


class SmppToy(SessionToy[Session, Pdu, Message]):
    """A toy SMSC: the gateway binds to it."""

    kind: ClassVar[str] = "smpp"

    def __init__(self, listening: socket.socket, gateway: str) -> None:
        self._smsc = Smsc(behaviour=self._hear)
        super().__init__(listening, gateway, self._smsc)

    @override
    def settings(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "address": self.address,
            "tls": False,
            "system_id": "smsgw",
            "secret": "toy",
            "mo_id_tlv": _MO_ID,
            "timeout": TIMEOUT,
        }

    def _hear(self, session: Session, pdu: Pdu) -> None:
        if pdu.command == SUBMIT:
            self.hear_submit(session, pdu)
        elif pdu.command == DELIVER | ANSWER:
            self.hear_answer(pdu.sequence, is_good=pdu.status == 0)
        else:
            behave(session, pdu)

    @override
    def segment_of(self, pdu: Pdu) -> Segment[Message]:
        message = read_submit(pdu.body)
        header = message.short_message[: _HEADER_OCTETS if message.esm_class & _UDHI else 0]
        octets = message.short_message[len(header) :]
        return Segment(self._smsc.next_id(), message, message.source[2], message.destination[2], header, octets)

    @override
    def text_of(self, first: Message, octets: bytes) -> str:
        return octets.decode("utf-16-be") if first.data_coding == _UCS2 else str(_alphabet.decode(octets)[0])

    @override
    def answer(self, session: Session, pdu: Pdu, answer: Answer, theirs: str) -> None:
        session.answer(pdu, theirs.encode() + b"\0" if answer is Answer.OK else b"", _STATUSES[answer])

    @override
    def deliveries_of(self, sms: Sms, message_id: str) -> Sequence[bytes]:
        return [_deliver_body(sms, message_id)]

    @override
    def report_of(self, segment: Segment[Message], report: Report, at: datetime) -> bytes:
        return receipt(segment.message, segment.theirs, _WORDS[report], f"{at.astimezone(_BEIJING):%y%m%d%H%M%S}")

    @override
    def deliver(self, session: Session, body: bytes) -> int:
        return self._smsc.deliver(session, body)


def _deliver_body(sms: Sms, message_id: str) -> bytes:
    """Return a deliver_sm with a text that may be too long for short_message."""
    try:
        data_coding, octets = _GSM7, bytes(_alphabet.encode(sms.text)[0])
    except UnicodeEncodeError:
        # With a lone half of a pair, as some phones produce them.
        data_coding, octets = _UCS2, sms.text.encode("utf-16-be", "surrogatepass")
    tlvs, octets = {_MO_ID: message_id.encode()}, sms.header + octets
    if len(octets) > _LONGEST_SHORT_MESSAGE:
        tlvs[_MESSAGE_PAYLOAD], octets = octets, b""
    return deliver_body(
        sms.sender.removeprefix("+"),
        sms.dialled,
        octets,
        esm_class=_UDHI if sms.header else 0,
        data_coding=data_coding,
        tlvs=tlvs,
    )
