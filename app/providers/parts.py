"""Parsing of concatenation data: which part of a long message an MO is, by fields or by user data header.

Headers: 3GPP TS 23.040, 9.2.3.24. Error messages never quote what was sent.
"""

from collections.abc import Iterator

from app.domain.parts import MOST_PARTS, PartOf
from app.providers.requests import MalformedRequestError

# Information elements for concatenation, with a reference of one octet or two, and their lengths in octets.
_REFERENCES = {0x00: 3, 0x08: 4}


def part_of_fields(ref: int | None, total: int | None, number: int | None) -> PartOf | None:
    """Return the part that three fields describe; None without any. Raise MalformedRequestError if impossible."""
    if ref is None and total is None and number is None:
        return None
    if ref is None or total is None or number is None:
        raise MalformedRequestError("Of a part, concat_ref, concat_total and concat_part are all needed.")
    return _part(str(ref), total, number)


def part_of_header(udh: str) -> PartOf | None:
    """Return the part that a header in hex describes; None if it has no such element. Raise MalformedRequestError."""
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
    """Yield kind and data of the information elements; what follows the header is ignored."""
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
