"""SMPP 3.4 in one session: which PDU means what (carriers.md 5, 7)."""

from collections.abc import Mapping
from datetime import tzinfo
from itertools import count
from typing import ClassVar

from typing_extensions import override

from app.domain.messages import DeliveryReport, InboundMessage, Seen
from app.domain.values import replace, value
from app.providers.base import Accepted, session_number
from app.providers.session.alphabets import DefaultAlphabet, decoded
from app.providers.session.dialect import (
    Answered,
    Bound,
    Dialect,
    End,
    Goodbye,
    GoodbyeAnswered,
    Heard,
    Ignored,
    Incoming,
    Reply,
    Tested,
)
from app.providers.session.options import Meaning
from app.providers.smpp.codes import SETTINGS, bind_refusal, end_after, refusal
from app.providers.smpp.id_forms import IdWatch
from app.providers.smpp.pdu import (
    HEADER,
    LONGEST,
    SHORTEST,
    BindRequest,
    Command,
    Received,
    Tag,
    TruncatedError,
    packed,
    read_data,
    read_deliver,
    string_at,
    tlvs_of,
)
from app.providers.smpp.receipts import LONGEST_ID, IdForm, id_of, report_of
from app.providers.smpp.user_data import SAR, user_data_of

_NO_SUCH_COMMAND, _WRONG_STATE, _NOT_NOW, _NEVER = 0x03, 0x04, 0x64, 0x66
_ANSWER = 0x80000000
_VERSION = 0x34
_INTERNATIONAL = 1
# Receipts are written in ASCII, whatever data_coding 0 holds for people.
_LATIN1 = 0x03
# Of esm_class: which kind of message it is, receipts of the carrier, acknowledgements of the handset [S 5.2.12].
_KIND, _RECEIPT, _INTERMEDIATE, _OF_HANDSET = 0x3C, 0x04, 0x20, frozenset({0x08, 0x10})
# The octets of user_message_reference, which stand last in a segment.
REFERENCE_TLV_OCTETS, _REFERENCE_OCTETS = 6, 2


@value
class Reading:
    """How what the carrier sends is read, by the settings."""

    default: DefaultAlphabet
    submit_ids: IdForm
    receipt_ids: IdForm
    is_text_first: bool
    has_unmarked_receipts: bool
    mo_id_tlv: int | None
    zone: tzinfo
    meanings: Mapping[int, Meaning]
    is_silent: bool
    watch: IdWatch


class SmppDialect(Dialect):
    """One session's SMPP."""

    shortest: ClassVar[int] = SHORTEST
    longest: ClassVar[int] = LONGEST
    least_sequence: ClassVar[int] = 1
    greatest_sequence: ClassVar[int] = 0x7FFFFFFF

    def __init__(self, command: Command, request: BindRequest, reading: Reading, slot: int) -> None:
        """``command`` is that of the bind."""
        self.can_submit = command is not Command.BIND_RECEIVER
        self._can_receive = command is not Command.BIND_TRANSMITTER
        self._command, self._request, self._reading = command, request, reading
        # An MO has no id of its own: slot, session and number are new for each PDU.
        self._slot, self._epoch, self._numbers = slot, session_number(), count(1)
        self._is_bound = False
        self._knows_tlvs = True
        self._bind_sequence: int | None = None
        self._goodbye_sequence: int | None = None

    # ---- out

    @override
    def bind(self, sequence: int) -> bytes:
        self._bind_sequence = sequence
        return packed(self._command, sequence, self._request.body())

    @override
    def submit(self, sequence: int, segment: bytes) -> bytes:
        # By the book a carrier of an earlier version knows no optional parameters; what is set is sent all the same.
        return packed(Command.SUBMIT_SM, sequence, segment if self._knows_tlvs else segment[:-REFERENCE_TLV_OCTETS])

    @override
    def test(self, sequence: int) -> bytes:
        return packed(Command.ENQUIRE_LINK, sequence)

    @override
    def goodbye(self, sequence: int) -> bytes:
        self._goodbye_sequence = sequence
        return packed(Command.UNBIND, sequence)

    # ---- in

    @override
    def read(self, pdu: bytes) -> Heard:
        _, command, status, sequence = HEADER.unpack_from(pdu)
        if command == Command.GENERIC_NACK and not status:
            status = _NO_SUCH_COMMAND  # it refuses, whatever it says
        if command & _ANSWER:
            return self._read_answer(pdu, command, status, sequence)
        return self._read_request(pdu, command, sequence)

    def _read_answer(self, pdu: bytes, command: int, status: int, sequence: int) -> Heard:
        if not self._is_bound:
            if sequence == self._bind_sequence and command in (self._command.answer, Command.GENERIC_NACK):
                return self._read_bind_answer(pdu, status)
            return Ignored("answer to nothing")
        if sequence == self._goodbye_sequence and command in (Command.UNBIND.answer, Command.GENERIC_NACK):
            return GoodbyeAnswered()
        if command in (Command.SUBMIT_SM.answer, Command.GENERIC_NACK):
            return self._read_submit_answer(pdu, status, sequence)
        return Tested(sequence) if command == Command.ENQUIRE_LINK.answer else Ignored("unknown answer")

    def _read_submit_answer(self, pdu: bytes, status: int, sequence: int) -> Answered:
        if status:
            check = None if status in self._reading.meanings else SETTINGS.get(status)
            return Answered(sequence, refusal(status, self._reading.meanings), end_after(status), check)
        theirs = id_of(string_at(pdu, HEADER.size)[0].decode("latin-1"), self._reading.submit_ids)
        self._reading.watch.accepted(theirs)
        return Answered(sequence, Accepted(theirs))

    def _read_bind_answer(self, pdu: bytes, status: int) -> Bound | End:
        if status:
            return bind_refusal(status, is_transceiver=self._command is Command.BIND_TRANSCEIVER)
        self._is_bound = True
        _, place = string_at(pdu, HEADER.size)
        version = tlvs_of(pdu, place).get(Tag.SC_INTERFACE_VERSION, b"")
        self._knows_tlvs = bool(version) and version[0] >= _VERSION
        return Bound()

    def _read_request(self, pdu: bytes, command: int, sequence: int) -> Heard:
        match command:
            case Command.ENQUIRE_LINK:
                return Reply(packed(Command.ENQUIRE_LINK.answer, sequence))
            case Command.UNBIND:
                return Goodbye(packed(Command.UNBIND.answer, sequence))
            case Command.OUTBIND | Command.ALERT_NOTIFICATION:
                return Ignored("outbind or alert_notification")
            case _ if not self._is_bound:
                bad, status = "request before the bind", _WRONG_STATE
            case Command.DELIVER_SM | Command.DATA_SM:
                if self._can_receive:
                    return self._read_message(Command(command), sequence, pdu[HEADER.size :])
                bad, status = "message on a transmitter", _WRONG_STATE
            case _:
                bad, status = "unknown request", _NO_SUCH_COMMAND
        return Reply(packed(Command.GENERIC_NACK, sequence, status=status), bad)

    def _read_message(self, command: Command, sequence: int, body: bytes) -> Incoming | Reply:
        # An answer has a message_id, which is empty [S 4.6.2].
        taken, never, not_now = (packed(command.answer, sequence, b"\0", status) for status in (0, _NEVER, _NOT_NOW))
        try:
            received = read_deliver(body) if command is Command.DELIVER_SM else read_data(body)
        except TruncatedError:
            return Reply(never, "message without its fixed part")
        later = None if self._reading.is_silent else not_now
        kind = received.esm_class & _KIND
        if kind == _RECEIPT or kind & _INTERMEDIATE or Tag.RECEIPTED_MESSAGE_ID in received.tlvs:
            report = self._report(received)
            return Incoming(None, report, taken, never, later, None if report else "receipt without an id")
        if kind in _OF_HANDSET:
            return Incoming(None, None, taken, never, later, "acknowledgement of the handset")
        message = self._message(received)
        if message is None:
            return Incoming(None, None, taken, never, later, "message for a program")
        report = self._report(received) if self._reading.has_unmarked_receipts and message.part is None else None
        if report is not None and report.status is not None:
            report = replace(report, is_doubtful=True)
            return Incoming(message, report, taken, never, later)
        return Incoming(message, None, taken, never, later)

    def _report(self, received: Received) -> DeliveryReport | None:
        """Return what a receipt reports; None if it names no message."""
        reading = self._reading
        report = report_of(
            received.tlvs,
            decoded(user_data_of(received).octets, received.data_coding or _LATIN1, reading.default),
            form=reading.receipt_ids,
            is_text_first=reading.is_text_first,
            zone=reading.zone,
        )
        short = received.tlvs.get(Tag.USER_MESSAGE_REFERENCE, b"")
        reference = int.from_bytes(short) if len(short) == _REFERENCE_OCTETS else None
        return report and replace(report, sent_to=_sender_of(received), short_reference=reference)

    def _message(self, received: Received) -> InboundMessage | None:
        """Return an MO; None if it is addressed to a program of the handset."""
        data = user_data_of(received)
        if data.has_ports:
            return None
        source, destination = _sender_of(received), received.destination.decode("latin-1")
        message_id, seen = self._own_id(received), None
        if not message_id:
            seen = Seen(self._slot, self._epoch, next(self._numbers), _common(received))
            message_id = f"{seen.slot}.{seen.epoch}.{seen.sequence}"
        text = decoded(data.octets, received.data_coding, self._reading.default)
        return InboundMessage(message_id, source, destination, text, part=data.part, seen=seen)

    def _own_id(self, received: Received) -> str:
        """Return the carrier's own id of an MO; empty if it gives none."""
        octets = received.tlvs.get(self._reading.mo_id_tlv or 0, b"")
        return octets.strip(b"\0 ").decode("latin-1")[:LONGEST_ID]


def _sender_of(received: Received) -> str:
    source = received.source.decode("latin-1")
    is_bare = received.source_ton == _INTERNATIONAL and not source.startswith("+")
    return f"+{source}" if is_bare else source


def _common(received: Received) -> bytes:
    """Return all that an MO has in common with its repeats."""
    tlvs = [received.tlvs.get(tag, b"") for tag in SAR]
    fields = (received.source, received.destination, bytes((received.esm_class, received.data_coding)), *tlvs)
    return b"\0".join((*fields, received.text))
