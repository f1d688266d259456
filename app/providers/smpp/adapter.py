"""The ``smpp`` kind: SMPP 3.4 over sessions that the gateway opens (carriers.md 5)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import ClassVar

from typing_extensions import override

from app import observability
from app.domain.messages import Lane
from app.domain.segments import Encoding
from app.options import ProviderOptions
from app.providers.base import Inbox, Lease, Refused, Submission, Surroundings
from app.providers.session.alphabets import Encoded, encoded
from app.providers.session.dialect import Dialect, End, EndKind
from app.providers.session.provider import SessionProvider
from app.providers.smpp.dialect import Reading, SmppDialect
from app.providers.smpp.id_forms import IdWatch, WatchedInbox
from app.providers.smpp.options import BindKind, Long, SmppOptions
from app.providers.smpp.pdu import BindRequest, Command, Party, Submit, Tag, c_string, tlv

_UDHI = 0x40
_MOST_SEGMENTS = 255
# The least and the most that a relative validity_period says.
_SHORTEST_VALIDITY, _LONGEST_VALIDITY = timedelta(minutes=1), timedelta(days=31)
_SENDERS = 1024
_INTERNATIONAL, _NATIONAL, _ALPHANUMERIC, _NETWORK_SPECIFIC = 1, 0, 5, 3
_ISDN = 1
log = observability.logger(__name__)


class SmppProvider(SessionProvider):
    """An SMSC that speaks SMPP 3.4."""

    kind = "smpp"
    options: ClassVar[type[ProviderOptions]] = SmppOptions
    default_window: ClassVar[int] = 10

    def __init__(
        self,
        name: str,
        options: SmppOptions,
        around: Surroundings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``now`` returns the time in UTC, which the validity of messages is measured from."""
        super().__init__(name, options, around)
        self._options = options
        self._now = now
        self._service_type = c_string(options.service_type, 6)
        self._tlvs = options.extra_tlvs()
        self._source = lru_cache(_SENDERS)(self._new_source)
        self._id_watch = IdWatch(name)
        submit_ids, receipt_ids = options.id_forms()
        self._reading = Reading(
            options.text.gsm7,
            submit_ids,
            receipt_ids,
            options.receipt_id == "text_first",
            options.receipts_in_text,
            options.mo_id_tlv,
            options.zone,
            options.codes,
            options.storage_down == "silence",
            self._id_watch,
        )
        # The carrier knows no transceiver, so the next bind is a pair.
        self._falls_back = False

    # ---- binds

    @override
    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        await super().run(slot, WatchedInbox(inbox, self._id_watch), lease)

    @override
    def dialects(self, slot: int, secret: str) -> Sequence[Dialect]:
        given = self._options
        request = BindRequest(given.system_id, secret, given.system_type, given.address_range)
        is_pair = given.bind is BindKind.PAIR or self._falls_back
        commands = (Command.BIND_TRANSMITTER, Command.BIND_RECEIVER) if is_pair else (Command.BIND_TRANSCEIVER,)
        return [SmppDialect(command, request, self._reading, slot) for command in commands]

    @override
    def note_end(self, end: End, *, was_up: bool) -> None:
        if end.kind is EndKind.NO_SUCH_BIND:
            log.warning("the carrier knows no transceiver; trying bind: tx_rx", provider=self.name)
        self._falls_back = end.kind is EndKind.NO_SUCH_BIND or (self._falls_back and was_up)

    # ---- out

    @override
    def segments(self, item: Submission, reference: int) -> Sequence[bytes] | Refused:
        given = self._options
        text = encoded(
            item.text,
            is_gsm7=item.encoding == Encoding.GSM7,
            default=given.text.gsm7,
            ucs2=given.text.ucs2,
        )
        try:
            head = self._source(item.sender) + self._destination(item.recipient)
        except ValueError:
            return Refused("an address does not fit into SMPP")
        priority = 1 if item.lane == Lane.PROMPT else 0
        validity = validity_period(item.valid_until - self._now())
        message_reference = int(item.reference) & 0xFFFF if item.reference.isdecimal() else 0
        own = self._tlvs + tlv(Tag.USER_MESSAGE_REFERENCE, message_reference.to_bytes(2))
        if len(text.segments) > _MOST_SEGMENTS:
            return Refused("the text has too many segments")
        return [
            Submit(head, esm_class, priority, validity, text.data_coding, message, tlvs + own).body()
            for esm_class, message, tlvs in _cut(text, given.long, reference)
        ]

    def _new_source(self, sender: str) -> bytes:
        """Return service type and source as they are written."""
        given = self._options.source
        ton, npi = _kind_of_source(sender)
        source = Party(
            ton if given.ton == "auto" else given.ton,
            npi if given.npi == "auto" else given.npi,
            sender.removeprefix("+"),
        )
        return self._service_type + source.octets()

    def _destination(self, recipient: str) -> bytes:
        form = self._options.number_format
        ton = _NATIONAL if form.is_national(recipient) else _INTERNATIONAL
        return Party(ton, _ISDN, form.written(recipient)).octets()


def _kind_of_source(sender: str) -> tuple[int, int]:
    """Return type of number and numbering plan of a service number."""
    if sender.startswith("+"):
        return _INTERNATIONAL, _ISDN
    return (_NETWORK_SPECIFIC, 0) if sender.isdecimal() else (_ALPHANUMERIC, 0)


def validity_period(left: timedelta) -> str:
    """Return a relative validity_period, ``YYMMDDhhmmss000R`` [S 7.1.1.2]."""
    seconds = int(min(max(left, _SHORTEST_VALIDITY), _LONGEST_VALIDITY).total_seconds())
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"0000{days:02}{hours:02}{minutes:02}{seconds:02}000R"


def _cut(text: Encoded, long: Long, reference: int) -> list[tuple[int, bytes, bytes]]:
    """Return esm_class, short_message and optional parameters of each segment (carriers.md 5.4)."""
    count = len(text.segments)
    if count == 1:
        return [(0, text.segments[0], b"")]
    if long is Long.PAYLOAD:
        return [(0, b"", tlv(Tag.MESSAGE_PAYLOAD, b"".join(text.segments)))]
    if long is Long.SAR:
        begin = tlv(Tag.SAR_MSG_REF_NUM, reference.to_bytes(2)) + tlv(Tag.SAR_TOTAL_SEGMENTS, bytes((count,)))
        return [
            (0, octets, begin + tlv(Tag.SAR_SEGMENT_SEQNUM, bytes((number,))))
            for number, octets in enumerate(text.segments, 1)
        ]
    return [
        (_UDHI, bytes((5, 0, 3, reference & 0xFF, count, number)) + octets, b"")
        for number, octets in enumerate(text.segments, 1)
    ]
