"""PDUs of CMPP 2.0 and 3.0, both from one table of fields. Sections [C n] are those of CMPP 3.0.0 (QB-GF-028-2003)."""

from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from functools import cache
from struct import Struct

from app.domain.values import value

HEADER = Struct(">III")
_RESPONSE = 0x80000000
SHORTEST, LONGEST = HEADER.size, 4096
MSG_ID_OCTETS = 8
NO_MSG_ID = "0" * 2 * MSG_ID_OCTETS


class Version(StrEnum):
    """The versions that are spoken."""

    V2 = "2.0"
    V3 = "3.0"

    @property
    def octet(self) -> int:
        """How CONNECT writes it: the major number in the upper four bits [C 8.4.1.1]."""
        return 0x20 if self is Version.V2 else 0x30

    @property
    def has_link_id(self) -> bool:
        """Whether the last field of SUBMIT and DELIVER is LinkID; it is Reserve in 2.0."""
        return self is Version.V3


class Command(IntEnum):
    """The commands that are understood [C 8.7.1]. Answers have the highest bit set."""

    CONNECT = 0x1
    TERMINATE = 0x2
    SUBMIT = 0x4
    DELIVER = 0x5
    ACTIVE_TEST = 0x8

    @property
    def answer(self) -> int:
        """The command of its answer."""
        return self.value | _RESPONSE


class TruncatedError(Exception):
    """Octets end within what they must hold."""


def packed(command: int, sequence: int, body: bytes = b"") -> bytes:
    """Return a PDU."""
    return HEADER.pack(HEADER.size + len(body), command, sequence) + body


# ---- the table of fields


@value
class _Field:
    """A field and its octets in 2.0, and in 3.0 if it has others there; 0: the version does not have it."""

    name: str
    octets: int
    octets_3: int | None = None

    def width(self, version: Version) -> int:
        """Return its octets in a version."""
        return self.octets if version is Version.V2 or self.octets_3 is None else self.octets_3


_CONTENT = _Field("msg_content", 0)
"""As long as the field before it says."""


class Form(StrEnum):
    """What the table describes: the bodies of PDUs, and the report inside a DELIVER."""

    CONNECT = "CONNECT"
    CONNECT_RESP = "CONNECT_RESP"
    SUBMIT = "SUBMIT"
    SUBMIT_RESP = "SUBMIT_RESP"
    DELIVER = "DELIVER"
    DELIVER_RESP = "DELIVER_RESP"
    REPORT = "report"


_F = _Field
_TABLE: Mapping[Form, Sequence[_Field]] = {
    Form.CONNECT: (_F("source_addr", 6), _F("authenticator", 16), _F("version", 1), _F("timestamp", 4)),
    Form.CONNECT_RESP: (_F("status", 1, 4), _F("authenticator", 16), _F("version", 1)),
    Form.SUBMIT: (
        _F("msg_id", 8), _F("pk_total", 1), _F("pk_number", 1), _F("registered_delivery", 1), _F("msg_level", 1),
        _F("service_id", 10), _F("fee_user_type", 1), _F("fee_terminal_id", 21, 32), _F("fee_terminal_type", 0, 1),
        _F("tp_pid", 1), _F("tp_udhi", 1), _F("msg_fmt", 1), _F("msg_src", 6), _F("fee_type", 2), _F("fee_code", 6),
        _F("valid_time", 17), _F("at_time", 17), _F("src_id", 21), _F("dest_usr_tl", 1), _F("dest_terminal_id", 21, 32),
        _F("dest_terminal_type", 0, 1), _F("msg_length", 1), _CONTENT, _F("link_id", 8, 20),
    ),
    Form.SUBMIT_RESP: (_F("msg_id", 8), _F("result", 1, 4)),
    Form.DELIVER: (
        _F("msg_id", 8), _F("dest_id", 21), _F("service_id", 10), _F("tp_pid", 1), _F("tp_udhi", 1), _F("msg_fmt", 1),
        _F("src_terminal_id", 21, 32), _F("src_terminal_type", 0, 1), _F("registered_delivery", 1), _F("msg_length", 1),
        _CONTENT, _F("link_id", 8, 20),
    ),
    Form.DELIVER_RESP: (_F("msg_id", 8), _F("result", 1, 4)),
    Form.REPORT: (
        _F("msg_id", 8), _F("stat", 7), _F("submit_time", 10), _F("done_time", 10), _F("dest_terminal_id", 21, 32),
        _F("smsc_sequence", 4),
    ),
}  # fmt: skip


# What is written into fields.
Values = dict[str, int | str | bytes]


class Read:
    """Fields that were read. One that the octets do not reach is empty; strings end before their first NUL."""

    def __init__(self, octets: bytes, places: Mapping[str, slice]) -> None:
        self._octets = octets
        self._places = places

    def octets(self, name: str) -> bytes:
        """Return a field as it was sent."""
        place = self._places.get(name)
        return self._octets[place] if place is not None else b""

    def number(self, name: str) -> int:
        """Return an integer; 0 for a field that is not there."""
        return int.from_bytes(self.octets(name))

    def text(self, name: str) -> str:
        """Return a string, without blanks around it."""
        return self.octets(name).partition(b"\0")[0].decode("latin-1").strip()

    def hex(self, name: str) -> str:
        """Return a field in lower-case hexadecimal digits."""
        return self.octets(name).hex()


class Layout:
    """One row of the table in one version: where each field lies."""

    def __init__(self, form: Form, version: Version) -> None:
        self._fields = [(field, field.width(version)) for field in _TABLE[form]]
        self._content = next((place for place, (field, _) in enumerate(self._fields) if field is _CONTENT), None)
        self._head = _places(self._fields[: self._content], 0)
        self.octets = sum(width for _, width in self._fields[: self._content])
        """How long it is, up to the content if there is one."""

    def written(self, values: Values, content: bytes = b"") -> bytes:
        """Return the octets of fields; those without a value are zeros.

        Raise ValueError for a value that does not fit: nothing is ever cut.
        """
        return b"".join(
            content if field is _CONTENT else _octets_of(field.name, values.get(field.name, b""), width)
            for field, width in self._fields
        )

    def read(self, octets: bytes) -> Read:
        """Return the fields; what lies behind the content may be missing. Raise TruncatedError if more is."""
        if len(octets) < self.octets:
            raise TruncatedError
        if self._content is None:
            return Read(octets, self._head)
        # Before a content stands its length.
        end = self.octets + octets[self.octets - 1]
        if end > len(octets):
            raise TruncatedError
        content = {_CONTENT.name: slice(self.octets, end)}
        return Read(octets, {**self._head, **content, **_places(self._fields[self._content + 1 :], end)})

    def read_some(self, octets: bytes) -> Read:
        """Return the fields as far as the octets go, without a content."""
        return Read(octets, self._head)


def _places(fields: Sequence[tuple[_Field, int]], begin: int) -> dict[str, slice]:
    found = {}
    for field, width in fields:
        found[field.name] = slice(begin, begin + width)
        begin += width
    return found


@cache
def layout(form: Form, version: Version) -> Layout:
    """Return where the fields lie in a version."""
    return Layout(form, version)


def _octets_of(name: str, given: int | str | bytes, width: int) -> bytes:
    """Return a field: integers are big-endian, strings are padded with NULs on the right [C 8.1]."""
    if isinstance(given, int):
        try:
            return given.to_bytes(width)
        except OverflowError:
            raise ValueError(f"{name} takes {width} octets") from None
    octets = given.encode("latin-1") if isinstance(given, str) else given
    if len(octets) > width:
        raise ValueError(f"{name} takes at most {width} octets")
    return octets.ljust(width, b"\0")
