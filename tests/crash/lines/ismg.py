"""An ISMG that keeps what is not answered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from typing_extensions import override

from app.providers.cmpp.adapter import encoded
from app.toys.ismg import CONNECT, SP_ID, Ismg, Pdu, Session, answer_connect, behave
from app.toys.submits import V2, V3, read_submit
from tests.crash.carrier import Answer
from tests.crash.judging import Row
from tests.crash.lines.keeping import Keeping, Segment

_VERSIONS = {V2: "2.0", V3: "3.0"}
# Of those that are no flow control, 3 is one after which the gateway tries again.
_RESULT = {Answer.TAKEN: 0, Answer.THROTTLED: 8, Answer.BROKEN: 3}


class KeepingIsmg(Keeping[Session, Pdu], Ismg):
    """An ISMG to which all SPs may connect. The mark of a segment is its LinkID, which 2.0 does not have."""

    greetings: ClassVar[frozenset[int]] = frozenset({CONNECT})
    test: ClassVar[int] = 0x8
    goodbye: ClassVar[int] = 0x2

    def __init__(self, version: int) -> None:
        super().__init__(version, behaviour=self.hear)

    @override
    def options(self, name: str) -> Mapping[str, object]:
        return {"kind": "cmpp", "version": _VERSIONS[self.version], "sp_id": name or SP_ID, "service_id": "HELP"}

    @override
    def message_body(self, number: str, text: str) -> bytes:
        made = self.message(number.removeprefix("+86"), "10086", text)
        return replace(made, link_id=made.msg_id.hex() if self.version == V3 else "").body(self.version)

    @override
    def send(self, session: Session, command: int, body: bytes = b"") -> int:
        sequence = next(self.sequence)
        session.send(command, sequence, body)
        return sequence

    @override
    def result_of(self, answer: Pdu) -> int:
        return int.from_bytes(answer.body[8:])

    @override
    def segment_of(self, pdu: Pdu, theirs: str) -> Segment:
        message = read_submit(pdu.body, self.version)
        report = self.report(message, theirs).body(self.version)
        return Segment(f"+86{message.destination}", message.link_id, message.header, message.octets, report)

    @override
    def answer_segment(self, session: Session, pdu: Pdu, answer: Answer, theirs: str) -> None:
        session.answer(pdu, (bytes.fromhex(theirs) or bytes(8)) + self.result(_RESULT[answer]))

    @override
    def behave_well(self, session: Session, pdu: Pdu) -> None:
        if pdu.command == CONNECT:
            answer_connect(session, pdu, 0)
            session.bound = pdu.body[:6].decode()
        else:
            behave(session, pdu)

    @override
    def segments_of(self, row: Row, questions: Mapping[str, str]) -> Sequence[tuple[str, bytes]]:
        mark = questions[row["in_reply_to"]] if self.version == V3 else ""
        return [(mark, octets) for octets in encoded(row["text"]).segments]

    @override
    def who(self, session: Session) -> str:
        return session.bound
