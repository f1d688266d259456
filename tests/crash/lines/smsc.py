"""An SMSC that keeps what is not answered."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from app.domain.segments import Encoding
from app.providers.session.alphabets import DefaultAlphabet, encoded
from app.toys.smsc import BINDS, Pdu, Session, Smsc, behave, deliver_body, read_submit, receipt
from tests.crash.carrier import Answer
from tests.crash.judging import Row
from tests.crash.lines.keeping import Keeping, Segment

_STATUS = {Answer.TAKEN: 0, Answer.THROTTLED: 0x58, Answer.BROKEN: 0x08}
_UDHI, _UDH_OCTETS, _USER_MESSAGE_REFERENCE = 0x40, 6, 0x0204
_UCS2 = 0x08


class KeepingSmsc(Keeping[Session, Pdu], Smsc):
    """An SMSC. The mark of a segment is the last 16 bits of the gateway's reference."""

    greetings: ClassVar[frozenset[int]] = frozenset(BINDS)
    test: ClassVar[int] = 0x15
    goodbye: ClassVar[int] = 0x06

    def __init__(self) -> None:
        super().__init__(behaviour=self.hear)

    @override
    def options(self, name: str) -> Mapping[str, object]:
        return {"kind": "smpp", "system_id": "smsgw", "system_type": name}

    @override
    def message_body(self, number: str, text: str) -> bytes:
        return deliver_body(number.removeprefix("+"), "10086", text.encode("utf-16-be"), data_coding=_UCS2)

    @override
    def send(self, session: Session, command: int, body: bytes = b"") -> int:
        sequence = next(self.sequence)
        session.send(command, sequence, body)
        return sequence

    @override
    def result_of(self, answer: Pdu) -> int:
        return answer.status

    @override
    def segment_of(self, pdu: Pdu, theirs: str) -> Segment:
        message = read_submit(pdu.body)
        header = message.short_message[: _UDH_OCTETS if message.esm_class & _UDHI else 0]
        return Segment(
            f"+{message.destination[2]}",
            message.tlvs[_USER_MESSAGE_REFERENCE].hex(),
            header,
            message.short_message[len(header) :],
            receipt(message, theirs),
        )

    @override
    def answer_segment(self, session: Session, pdu: Pdu, answer: Answer, theirs: str) -> None:
        session.answer(pdu, theirs.encode() + b"\0" if theirs else b"", _STATUS[answer])

    @override
    def behave_well(self, session: Session, pdu: Pdu) -> None:
        behave(session, pdu)

    @override
    def segments_of(self, row: Row, questions: Mapping[str, str]) -> Sequence[tuple[str, bytes]]:
        is_gsm7 = row["encoding"] == Encoding.GSM7
        text = encoded(row["text"], is_gsm7=is_gsm7, default=DefaultAlphabet.GSM7, ucs2=_UCS2)
        mark = (int(row["id"]) & 0xFFFF).to_bytes(2).hex()
        return [(mark, octets) for octets in text.segments]

    @override
    def who(self, session: Session) -> str:
        bind = next((pdu for pdu in session.pdus if pdu.command in BINDS), None)
        return bind.body.split(b"\0")[2].decode() if bind else ""
