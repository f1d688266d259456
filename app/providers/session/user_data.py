"""User data with a header: its part of a long message, and the text (carriers.md 5.6; 3GPP TS 23.040, 9.2.3.24)."""

from collections.abc import Iterator

from app.domain.parts import PartOf
from app.domain.values import value

# Information elements for concatenation, with a reference of one octet or two, and their lengths in octets.
_CONCATENATION = {0x00: 3, 0x08: 4}
_PORTS = frozenset({0x04, 0x05})
WIDE = 2


@value
class UserData:
    """The octets of the text without their header, the part, and whether it is addressed to a program (ports)."""

    octets: bytes
    part: PartOf | None = None
    has_ports: bool = False


def behind_header(octets: bytes) -> UserData:
    """Return user data that begins with a header. One that says nothing sensible is left out."""
    if not octets:
        return UserData(octets)
    end = octets[0] + 1
    if end > len(octets):
        return UserData(octets[1:])
    elements = list(_elements(octets[1:end]))
    part = None
    for kind, data in elements:
        if len(data) == _CONCATENATION.get(kind):
            part = part_of(int.from_bytes(data[:-2]), len(data) - 2, data[-2], data[-1])
    return UserData(octets[end:], part, has_ports=any(kind in _PORTS for kind, _ in elements))


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 2 <= len(header):
        behind = place + 2 + header[place + 1]
        if behind > len(header):
            return
        yield header[place], header[place + 2 : behind]
        place = behind


def part_of(reference: int, width: int, total: int, number: int) -> PartOf | None:
    """Return a part, None for one that cannot be; references of one octet and of two are different keys."""
    if not 1 <= number <= total:
        return None
    return PartOf(f"{reference}/16" if width == WIDE else str(reference), number, total)
