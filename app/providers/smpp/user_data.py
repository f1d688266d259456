"""User data of an MO: its header, its part of a long message, its text (carriers.md 5.6; 3GPP TS 23.040, 9.2.3.24)."""

from collections.abc import Iterator

from app.domain.parts import PartOf
from app.domain.values import value
from app.providers.smpp.pdu import Received, Tag

_UDHI = 0x40
# Information elements for concatenation, with a reference of one octet or two, and their lengths in octets.
_CONCATENATION = {0x00: 3, 0x08: 4}
SAR = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
_PORTS = frozenset({0x04, 0x05})
_WIDE = 2


@value
class UserData:
    """The octets of the text without their header, the part, and whether it is addressed to a program (ports)."""

    octets: bytes
    part: PartOf | None
    has_ports: bool


def user_data_of(received: Received) -> UserData:
    """Return the user data. A header that says nothing sensible is left out, and the rest is a plain message."""
    octets = received.text
    if not received.esm_class & _UDHI or not octets:
        return UserData(octets, _sar(received), has_ports=False)
    end = octets[0] + 1
    if end > len(octets):
        return UserData(octets[1:], None, has_ports=False)
    elements = list(_elements(octets[1:end]))
    part = None
    for kind, data in elements:
        if len(data) == _CONCATENATION.get(kind):
            part = _part(int.from_bytes(data[:-2]), len(data) - 2, data[-2], data[-1])
    return UserData(octets[end:], part, has_ports=any(kind in _PORTS for kind, _ in elements))


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 2 <= len(header):
        behind = place + 2 + header[place + 1]
        if behind > len(header):
            return
        yield header[place], header[place + 2 : behind]
        place = behind


def _sar(received: Received) -> PartOf | None:
    given = [received.tlvs.get(tag, b"") for tag in SAR]
    if [len(one) for one in given] != [2, 1, 1]:
        return None
    reference, total, number = map(int.from_bytes, given)
    return _part(reference, _WIDE, total, number)


def _part(reference: int, width: int, total: int, number: int) -> PartOf | None:
    """Return a part; references of one octet and of two are different keys."""
    if not 1 <= number <= total:
        return None
    return PartOf(f"{reference}/16" if width == _WIDE else str(reference), number, total)
