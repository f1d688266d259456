"""CMPP in one session: which PDU means what (carriers.md 6, 7)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from typing import ClassVar

from typing_extensions import override

from app.domain.messages import InboundMessage, Seen
from app.domain.values import value
from app.providers.base import Accepted, session_number
from app.providers.cmpp.codes import SETTINGS, refusal
from app.providers.cmpp.connect import Connect, Identity
from app.providers.cmpp.pdu import (
    HEADER,
    LONGEST,
    MSG_ID_OCTETS,
    NO_MSG_ID,
    SHORTEST,
    Command,
    Form,
    Read,
    TruncatedError,
    Values,
    layout,
    packed,
)
from app.providers.cmpp.reports import report_of
from app.providers.session.alphabets import DefaultAlphabet, decoded
from app.providers.session.dialect import (
    Answered,
    Bound,
    Dialect,
    Goodbye,
    GoodbyeAnswered,
    Heard,
    Ignored,
    Incoming,
    Reply,
    Tested,
)
from app.providers.session.options import Meaning
from app.providers.session.user_data import UserData, behind_header

_ANSWER = 0x80000000
_GB18030 = 15
_STRUCTURE = 1
_END_OF_RESULT = MSG_ID_OCTETS + 4
# Of Src_terminal_type: what stands for the number [C 8.4.5.1].
_PSEUDONYM = 1
_COMMON = ("src_terminal_id", "dest_id", "tp_udhi", "msg_fmt", "msg_content")


@value
class Reading:
    """How what the carrier sends is read, by the settings; ``now`` returns the time in UTC."""

    identity: Identity
    meanings: Mapping[int, Meaning]
    now: Callable[[], datetime]


class CmppDialect(Dialect):
    """One session's CMPP."""

    shortest: ClassVar[int] = SHORTEST
    longest: ClassVar[int] = LONGEST
    least_sequence: ClassVar[int] = 0
    greatest_sequence: ClassVar[int] = 0xFFFFFFFF
    can_submit = True

    def __init__(self, reading: Reading, slot: int) -> None:
        self._reading = reading
        self._version = reading.identity.version
        # For an MO whose Msg_Id is none: slot, session and number are new for each PDU.
        self._slot, self._epoch, self._numbers = slot, session_number(), count(1)
        self._connect: Connect | None = None
        self._connect_sequence = 0
        self._goodbye_sequence: int | None = None
        self._is_bound = False

    # ---- out

    @override
    def bind(self, sequence: int) -> bytes:
        self._connect = Connect(self._reading.identity, self._reading.now())
        self._connect_sequence = sequence
        return packed(Command.CONNECT, sequence, self._connect.body())

    @override
    def submit(self, sequence: int, segment: bytes) -> bytes:
        return packed(Command.SUBMIT, sequence, segment)

    @override
    def test(self, sequence: int) -> bytes:
        return packed(Command.ACTIVE_TEST, sequence)

    @override
    def goodbye(self, sequence: int) -> bytes:
        self._goodbye_sequence = sequence
        return packed(Command.TERMINATE, sequence)

    # ---- in

    @override
    def read(self, pdu: bytes) -> Heard:
        _, command, sequence = HEADER.unpack_from(pdu)
        body = pdu[HEADER.size :]
        match command:
            case Command.ACTIVE_TEST:
                return Reply(packed(Command.ACTIVE_TEST.answer, sequence, b"\0"))
            case Command.TERMINATE:
                return Goodbye(packed(Command.TERMINATE.answer, sequence))
            case _ if not self._is_bound:
                return self._read_before(command, sequence, body)
            case Command.DELIVER:
                return self._read_deliver(sequence, body)
            case _ if command & _ANSWER:
                return self._read_answer(command, sequence, body)
            case _:
                return Ignored("unknown request")

    def _read_before(self, command: int, sequence: int, body: bytes) -> Heard:
        """Return what comes before the answer to CONNECT, or is it."""
        if command != Command.CONNECT.answer or sequence != self._connect_sequence or self._connect is None:
            return Ignored("answer to nothing" if command & _ANSWER else "request before the bind")
        found = self._connect.read_answer(body)
        self._is_bound = isinstance(found, Bound)
        return found

    def _read_answer(self, command: int, sequence: int, body: bytes) -> Heard:
        if command == Command.SUBMIT.answer:
            return self._read_submit_answer(sequence, body)
        if command == Command.ACTIVE_TEST.answer:
            return Tested(sequence)
        if command == Command.TERMINATE.answer and sequence == self._goodbye_sequence:
            return GoodbyeAnswered()
        return Ignored("unknown answer")

    def _read_submit_answer(self, sequence: int, body: bytes) -> Answered | Ignored:
        if len(body) <= MSG_ID_OCTETS:
            return Ignored("answer without a result")
        # In either width, so that carriers which write it in that of the other version are understood.
        theirs, result = body[:MSG_ID_OCTETS].hex(), int.from_bytes(body[MSG_ID_OCTETS:_END_OF_RESULT])
        if not result:
            return Answered(sequence, Accepted("" if theirs == NO_MSG_ID else theirs))
        check = None if result in self._reading.meanings else SETTINGS.get(result)
        return Answered(sequence, refusal(result, self._reading.meanings), check=check)

    def _read_deliver(self, sequence: int, body: bytes) -> Incoming | Reply:
        taken, never = (self._answer(sequence, body, result) for result in (0, _STRUCTURE))
        try:
            read = layout(Form.DELIVER, self._version).read(body)
        except TruncatedError:
            return Reply(never, "message without its fixed part")
        if read.number("registered_delivery") == 1:
            report = report_of(read.octets("msg_content"))
            return Incoming(None, report, taken, never, bad=None if report else "report without an id")
        octets = read.octets("msg_content")
        data = behind_header(octets) if read.number("tp_udhi") & 1 else UserData(octets)
        if data.has_ports:
            return Incoming(None, None, taken, never, bad="message for a program")
        is_pseudonym = read.number("src_terminal_type") == _PSEUDONYM
        message = self._message(read, data, is_pseudonym=is_pseudonym)
        return Incoming(message, None, taken, never, bad="pseudonym" if is_pseudonym else None)

    def _answer(self, sequence: int, body: bytes, result: int) -> bytes:
        values: Values = {"msg_id": body[:MSG_ID_OCTETS], "result": result}
        return packed(Command.DELIVER.answer, sequence, layout(Form.DELIVER_RESP, self._version).written(values))

    def _message(self, read: Read, data: UserData, *, is_pseudonym: bool) -> InboundMessage:
        message_id, seen = read.hex("msg_id"), None
        if message_id == NO_MSG_ID:
            common = b"\0".join(map(read.octets, _COMMON))
            seen = Seen(self._slot, self._epoch, next(self._numbers), common)
            message_id = f"{seen.slot}.{seen.epoch}.{seen.sequence}"
        sender = read.text("src_terminal_id")
        return InboundMessage(
            message_id,
            # Letters, so that it is no subscriber's number whatever its digits are.
            f"pseudonym {sender}" if is_pseudonym else sender,
            read.text("dest_id"),
            _text_of(data.octets, read.number("msg_fmt")),
            part=data.part,
            reply_token=read.text("link_id") or None if self._version.has_link_id else None,
            seen=seen,
        )


def _text_of(octets: bytes, msg_fmt: int) -> str:
    """Return the text of an MO; never fails. Of Msg_Fmt 0, ASCII, the upper half is read as Latin-1."""
    if msg_fmt == _GB18030:
        return octets.decode("gb18030", "replace")
    return decoded(octets, msg_fmt, DefaultAlphabet.LATIN1)
