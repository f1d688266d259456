"""The ``cmpp`` kind: CMPP 2.0 and 3.0 over sessions that the gateway opens (carriers.md 6)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from typing_extensions import override

from app.domain.calendar import SHANGHAI
from app.domain.messages import Lane
from app.domain.segments import Encoding, cut
from app.domain.values import value
from app.options import ProviderOptions
from app.providers.base import Refused, Submission, Surroundings
from app.providers.cmpp.connect import Identity
from app.providers.cmpp.dialect import CmppDialect, Reading
from app.providers.cmpp.options import CmppOptions
from app.providers.cmpp.pdu import Form, Values, layout
from app.providers.session.dialect import Dialect
from app.providers.session.provider import SessionProvider

_ASCII, _UCS2 = 0, 8
# Of Msg_Fmt 0 a content is shorter than 160 octets [C 8.4.3.1], with a header of six or without one.
_MOST_ASCII, _MOST_ASCII_OF_PART = 159, 153
_MOST_SEGMENTS = 255


class CmppProvider(SessionProvider):
    """An ISMG that speaks CMPP 2.0 or 3.0."""

    kind = "cmpp"
    options: ClassVar[type[ProviderOptions]] = CmppOptions
    default_window: ClassVar[int] = 16

    def __init__(
        self,
        name: str,
        options: CmppOptions,
        around: Surroundings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``now`` returns the time in UTC, which a CONNECT is stamped with."""
        super().__init__(name, options, around)
        self._options = options
        self._now = now
        self._layout = layout(Form.SUBMIT, options.version)
        self._always: Values = {
            "registered_delivery": 1,
            "fee_user_type": options.fee.user_type,
            "fee_type": options.fee.type,
            "fee_code": options.fee.code,
            "msg_src": options.sp_id,
            "dest_usr_tl": 1,
        }

    @override
    def dialects(self, slot: int, secret: str) -> Sequence[Dialect]:
        given = self._options
        identity = Identity(self.name, given.sp_id, secret, given.version, given.verify_ismg)
        return [CmppDialect(Reading(identity, given.codes, self._now), slot)]

    @override
    def segments(self, item: Submission, reference: int) -> Sequence[bytes] | Refused:
        text = encoded(item.text)
        total = len(text.segments)
        if total > _MOST_SEGMENTS:
            return Refused("the text has too many segments")
        values = self._values_of(item, text)
        header = bytes((5, 0, 3, reference & 0xFF, total))
        try:
            return [
                self._segment(values, number, header + bytes((number,)) + octets if total > 1 else octets)
                for number, octets in enumerate(text.segments, 1)
            ]
        except ValueError:
            return Refused("a field does not fit into CMPP")

    def _values_of(self, item: Submission, text: "Encoded") -> Values:
        """Return the fields that all segments of a message have in common."""
        given, total = self._options, len(text.segments)
        values: Values = {
            **self._always,
            "pk_total": total,
            "msg_level": 1 if item.lane == Lane.PROMPT else 0,
            "service_id": given.service_id_of(item.kind),
            "tp_udhi": 1 if total > 1 else 0,
            "msg_fmt": text.msg_fmt,
            "valid_time": f"{item.valid_until.astimezone(SHANGHAI):%y%m%d%H%M%S}032+",
            "src_id": item.sender,
            "dest_terminal_id": given.number_format.written(item.recipient),
        }
        if given.version.has_link_id and item.reply_token:
            values["link_id"] = item.reply_token
        return values

    def _segment(self, values: Values, number: int, content: bytes) -> bytes:
        return self._layout.written({**values, "pk_number": number, "msg_length": len(content)}, content)


@value
class Encoded:
    """A text as it is sent: its Msg_Fmt and the octets of its segments."""

    msg_fmt: int
    segments: Sequence[bytes]


def encoded(text: str) -> Encoded:
    """Return a text as it is sent: as ASCII, which is not GSM-7, or as UCS-2."""
    if not text.isascii():
        parts = cut(text, Encoding.UCS2)
        return Encoded(_UCS2, [part.encode("utf-16-be", "surrogatepass") for part in parts])
    octets = text.encode("ascii")
    if len(octets) <= _MOST_ASCII:
        return Encoded(_ASCII, [octets])
    return Encoded(
        _ASCII,
        [octets[place : place + _MOST_ASCII_OF_PART] for place in range(0, len(octets), _MOST_ASCII_OF_PART)],
    )
