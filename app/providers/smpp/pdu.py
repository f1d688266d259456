"""PDUs of SMPP 3.4: header, strings, optional parameters. Sections [S n] are those of the specification, Issue 1.2."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from struct import Struct

from app.domain.values import value

HEADER = Struct(">IIII")
_TLV = Struct(">HH")
_RESPONSE = 0x80000000
SHORTEST, LONGEST = HEADER.size, 70_000


class Command(IntEnum):
    """The commands that are understood [S 5.1.2.1]. Answers have the highest bit set."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103
    GENERIC_NACK = 0x80000000

    @property
    def answer(self) -> int:
        """The command of its answer."""
        return self.value | _RESPONSE


class Tag(IntEnum):
    """The optional parameters that are used [S 5.3.2]."""

    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class TruncatedError(Exception):
    """A PDU ends within its fixed part."""


# ---- writing


def packed(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """Return a PDU."""
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def c_string(text: str, most: int) -> bytes:
    """Return a C-octet string. Raise ValueError if it is longer than ``most`` octets, with its NUL, or no ASCII."""
    octets = text.encode("ascii") + b"\0"
    if len(octets) > most or b"\0" in octets[:-1]:
        raise ValueError(f"a field of SMPP takes at most {most - 1} characters")
    return octets


def tlv(tag: int, octets: bytes) -> bytes:
    """Return an optional parameter."""
    return _TLV.pack(tag, len(octets)) + octets


@value
class BindRequest:
    """A request for a session [S 4.1.1]."""

    system_id: str
    password: str
    system_type: str = ""
    address_range: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0

    def body(self) -> bytes:
        """Return the body of the PDU. Raise ValueError for a field that is too long."""
        return b"".join(
            (
                c_string(self.system_id, 16),
                # 9 by the specification; what is set as longer is wanted by the carrier.
                c_string(self.password, 256),
                c_string(self.system_type, 13),
                bytes((self.interface_version, self.addr_ton, self.addr_npi)),
                c_string(self.address_range, 41),
            )
        )


@value
class Party:
    """A source or destination: type of number, numbering plan, address."""

    ton: int
    npi: int
    address: str

    def octets(self) -> bytes:
        """Return it as it is written. Raise ValueError if the address is too long."""
        return bytes((self.ton, self.npi)) + c_string(self.address, 21)


@value
class Submit:
    """A submit_sm [S 4.4.1]. ``head`` is service type, source and destination as they are written."""

    head: bytes
    esm_class: int
    priority: int
    validity_period: str
    data_coding: int
    message: bytes
    tlvs: bytes = b""

    def body(self) -> bytes:
        """Return the body of the PDU."""
        fields = (
            self.head,
            bytes((self.esm_class, 0, self.priority, 0)),  # protocol_id 0, no schedule_delivery_time
            self.validity_period.encode("ascii"),
            # registered_delivery 1, replace_if_present 0, sm_default_msg_id 0
            bytes((0, 1, 0, self.data_coding, 0, len(self.message))),
            self.message,
            self.tlvs,
        )
        return b"".join(fields)


# ---- reading


@value
class Received:
    """A deliver_sm or data_sm [S 4.6.1, 4.7.1]; addresses and texts as octets."""

    source_ton: int
    source: bytes
    destination: bytes
    esm_class: int
    data_coding: int
    short_message: bytes
    tlvs: Mapping[int, bytes]

    @property
    def text(self) -> bytes:
        """The octets of the text, with a user data header if there is one."""
        return self.short_message or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


def read_deliver(body: bytes) -> Received:
    """Return a deliver_sm. Raise TruncatedError if its fixed part cannot be read."""
    try:
        place, ton, source, destination = _parties(body)
        esm_class = body[place]
        place = _behind_string(body, _behind_string(body, place + 3))  # schedule_delivery_time, validity_period
        data_coding, length = body[place + 2], body[place + 4]
        place += 5
        if len(body) < place + length:
            raise TruncatedError
    except IndexError:
        raise TruncatedError from None
    short_message = body[place : place + length]
    return Received(ton, source, destination, esm_class, data_coding, short_message, tlvs_of(body, place + length))


def read_data(body: bytes) -> Received:
    """Return a data_sm. Raise TruncatedError if its fixed part cannot be read."""
    try:
        place, ton, source, destination = _parties(body)
        esm_class, data_coding = body[place], body[place + 2]
    except IndexError:
        raise TruncatedError from None
    return Received(ton, source, destination, esm_class, data_coding, b"", tlvs_of(body, place + 3))


def _parties(body: bytes) -> tuple[int, int, bytes, bytes]:
    """Return the place behind the addresses, the source's type of number, source and destination."""
    place = _behind_string(body, 0)  # service_type
    ton, source_end = body[place], _behind_string(body, place + 2)
    end = _behind_string(body, source_end + 2)
    return end, ton, body[place + 2 : source_end - 1], body[source_end + 2 : end - 1]


def _behind_string(body: bytes, place: int) -> int:
    end = body.find(b"\0", place)
    if end < 0:
        raise TruncatedError
    return end + 1


def tlvs_of(body: bytes, place: int) -> dict[int, bytes]:
    """Return the optional parameters from a place on; of double ones the first. A truncated one ends the list."""
    found: dict[int, bytes] = {}
    for tag, octets in _tlvs(body, place):
        found.setdefault(tag, octets)
    return found


def _tlvs(body: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    while place + _TLV.size <= len(body):
        tag, length = _TLV.unpack_from(body, place)
        place += _TLV.size
        if place + length > len(body):
            return
        yield tag, body[place : place + length]
        place += length


def string_at(body: bytes, place: int = 0) -> tuple[bytes, int]:
    """Return a C-octet string and the place behind it; all the rest if its NUL is missing."""
    end = body.find(b"\0", place)
    return (body[place:], len(body)) if end < 0 else (body[place:end], end + 1)
