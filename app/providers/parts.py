"""Which part of a long message one is, from the fields or the user data header that carriers pass on.

Headers: 3GPP TS 23.040, 9.2.3.24. Words of refusals never quote what was sent.
"""

from collections.abc import Iterator

from app.domain.parts import MOST_PARTS, PartOf
from app.providers.base import MalformedRequestError

# Concatenation with a reference of one octet, and of two; how long they are.
_REFERENCES = {0x00: 3, 0x08: 4}


def part_of_fields(ref: int | None, total: int | None, number: int | None) -> PartOf | None:
    """The part that three fields say, None where there are none. Raise MalformedRequestError where that cannot be."""
    if ref is None and total is None and number is None:
        return None
    if ref is None or total is None or number is None:
        raise MalformedRequestError("Of a part, concat_ref, concat_total and concat_part are all needed.")
    return _part(str(ref), total, number)


def part_of_header(udh: str) -> PartOf | None:
    """The part that a header in hex says, None where it says nothing of parts. Raise MalformedRequestError likewise."""
    try:
        octets = bytes.fromhex(udh)
    except ValueError:
        raise MalformedRequestError("udh: write the user data header in hex, two digits an octet.") from None
    found = None
    for kind, data in _elements(octets):
        if kind not in _REFERENCES:
            continue
        if len(data) != _REFERENCES[kind]:
            raise MalformedRequestError("udh: an element for concatenation has another length than its kind.")
        found = _part(str(int.from_bytes(data[:-2])), data[-2], data[-1])  # the last one counts
    return found


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The information elements: kind, length, data. What follows the header is not looked at."""
    end = octets[0] + 1 if octets else 1
    place = 1
    while place < end:
        if end > len(octets) or place + 1 >= end or (behind := place + 2 + octets[place + 1]) > end:
            raise MalformedRequestError("udh: the header is cut off; send all of it, its length first.")
        yield octets[place], octets[place + 2 : behind]
        place = behind


def _part(ref: str, total: int, number: int) -> PartOf:
    if not 1 <= total <= MOST_PARTS:
        raise MalformedRequestError(f"A message has 1 to {MOST_PARTS} parts.")
    if not 1 <= number <= total:
        raise MalformedRequestError("Parts are numbered from 1 up to how many there are.")
    return PartOf(ref, number, total)
