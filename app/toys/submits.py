"""What a toy ISMG reads and writes: SUBMIT, DELIVER and the report in it, octet by octet after CMPP 3.0.0 (8.4, 12)."""

from dataclasses import dataclass
from datetime import datetime
from struct import pack, unpack

V2, V3 = 0x20, 0x30
ASCII, UCS2, GB18030 = 0, 8, 15
HEADER_OCTETS = 6
_MOST_CONTENT = 255


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of a SUBMIT, with those that 2.0 does not have empty."""

    total: int
    number: int
    wants_report: int
    level: int
    service_id: str
    fee_user_type: int
    fee_terminal: str
    has_header: int
    msg_fmt: int
    sp_id: str
    fee_type: str
    fee_code: str
    valid_until: str
    at: str
    source: str
    destination: str
    content: bytes
    link_id: str

    @property
    def header(self) -> bytes:
        """The user data header of a segment of several."""
        return self.content[: HEADER_OCTETS if self.has_header else 0]

    @property
    def octets(self) -> bytes:
        """The octets of the text."""
        return self.content[len(self.header) :]

    @property
    def text(self) -> str:
        """The text, as far as a segment holds whole characters."""
        return decoded(self.octets, self.msg_fmt)


class _Octets:
    """Octets that are read from the front."""

    def __init__(self, octets: bytes) -> None:
        self._rest = octets

    def take(self, count: int) -> bytes:
        """Return the next octets. Raise ValueError if there are too few."""
        if len(self._rest) < count:
            raise ValueError("a PDU is too short")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def number(self) -> int:
        """Return the next octet."""
        return self.take(1)[0]

    def string(self, count: int) -> str:
        """Return the next string. Raise ValueError if it is not padded with NULs."""
        octets = self.take(count)
        text = octets.rstrip(b"\0")
        if b"\0" in text:
            raise ValueError("a string goes on behind a NUL")
        return text.decode("ascii")

    def end(self) -> None:
        """Raise ValueError if there is more."""
        if self._rest:
            raise ValueError("a PDU is too long")


def read_submit(body: bytes, version: int) -> Message:
    """Return the fields of a SUBMIT. Raise ValueError for one that is not as the standard says."""
    octets = _Octets(body)
    number_octets = 32 if version == V3 else 21
    if any(octets.take(8)):
        raise ValueError("Msg_Id of a SUBMIT is the ISMG's to fill in")
    total, number, wants_report, level = (octets.number() for _ in range(4))
    service_id = octets.string(10)
    fee_user_type, fee_terminal = octets.number(), octets.string(number_octets)
    if version == V3:
        octets.take(1)
    octets.take(1)  # TP_pId
    has_header, msg_fmt = octets.number(), octets.number()
    sp_id, fee_type, fee_code, valid_until, at, source = map(octets.string, (6, 2, 6, 17, 17, 21))
    if octets.number() != 1:
        raise ValueError("a SUBMIT of this gateway has one recipient")
    destination = octets.string(number_octets)
    if version == V3:
        octets.take(1)
    content = octets.take(octets.number())
    link_id = octets.string(20 if version == V3 else 8)
    octets.end()
    return Message(
        total, number, wants_report, level, service_id, fee_user_type, fee_terminal, has_header, msg_fmt, sp_id,
        fee_type, fee_code, valid_until, at, source, destination, content, link_id,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivery:
    """A DELIVER: a message of a handset, or a report, which is its content then."""

    msg_id: bytes
    source: str
    destination: str
    content: bytes
    msg_fmt: int = ASCII
    has_header: bool = False
    is_report: bool = False
    link_id: str = ""
    source_type: int = 0

    def body(self, version: int) -> bytes:
        """Return the body of the PDU. Raise ValueError for a content that is too long."""
        if len(self.content) > _MOST_CONTENT:
            raise ValueError("Msg_Content has at most 255 octets")
        source = self.source.encode()
        parts = [
            self.msg_id,
            pack(">21s10sBBB", self.destination.encode(), b"HELP", 0, self.has_header, self.msg_fmt),
            pack(">32sB", source, self.source_type) if version == V3 else pack(">21s", source),
            pack(">BB", self.is_report, len(self.content)),
            self.content,
            pack(">20s" if version == V3 else ">8s", self.link_id.encode()),
        ]
        return b"".join(parts)


def report_content(version: int, msg_id: bytes, destination: str, stat: str, done: datetime) -> bytes:
    """Return the content of a report: 71 octets in 3.0, 60 in 2.0. ``done`` is a time of Beijing."""
    at = f"{done:%y%m%d%H%M}".encode()
    number_octets = 32 if version == V3 else 21
    return pack(f">8s7s10s10s{number_octets}sI", msg_id, stat.encode(), at, at, destination.encode(), 1)


def reported(content: bytes) -> tuple[bytes, str]:
    """Return Msg_Id and Stat of a report's content."""
    msg_id, stat = unpack(">8s7s", content[:15])
    return msg_id, stat.rstrip(b"\0").decode()


def encoded(text: str) -> tuple[int, bytes]:
    """Return the Msg_Fmt and the octets in which a handset's text is delivered."""
    # With a lone half of a pair, as some phones produce them.
    return (ASCII, text.encode()) if text.isascii() else (UCS2, text.encode("utf-16-be", "surrogatepass"))


def decoded(octets: bytes, msg_fmt: int) -> str:
    """Return the text of a content."""
    if msg_fmt == UCS2:
        return octets.decode("utf-16-be", "replace")
    return octets.decode("gb18030" if msg_fmt == GB18030 else "ascii", "replace")
