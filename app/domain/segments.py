"""Counts the SMS segments of texts, cuts texts into them, and splits long lists into messages.

Nothing else counts segments.

GSM 03.38 carries 160 septets in one message or 153 in each of several, UCS-2 70 or 67 sixteen-bit units
(delivery.md 13; 3GPP TS 23.038, 23.040).
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache

import gsm0338

from app.domain.values import value


class Encoding(StrEnum):
    """The encoding that a message is sent in."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


_ESCAPE = 0x1B
_ONE_SEPTET = str(gsm0338.Codec().decode(bytes(code for code in range(128) if code != _ESCAPE))[0])
_TWO_SEPTETS = "\f^{}\\[~]|€"
_GSM7 = re.compile(f"[{re.escape(_ONE_SEPTET + _TWO_SEPTETS)}]*")
# Units in a single message, and in each segment of a longer one.
_LIMITS = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}
_BMP_END = "\uffff"
# Room for a page mark such as (10/12).
_MARK_ROOM = 8
# Full-width brackets are customary, but would turn a GSM-7 message into a UCS-2 one with twice the segments.
_UCS2_MARK = "\uff08{number}/{count}\uff09"
_GSM7_MARK = "({number}/{count}) "


@value
class Size:
    """The encoding of a text and the number of segments that it takes."""

    encoding: Encoding
    segments: int


@lru_cache(maxsize=1024)
def measure(text: str) -> Size:
    """Return the encoding and the number of segments of a text, which must include the sign-off.

    Cached, as a turn measures each text three times: to split it, to check the cap, and to store it.
    """
    encoding = Encoding.GSM7 if _GSM7.fullmatch(text) else Encoding.UCS2
    total = _units(text, encoding)
    single, multi = _LIMITS[encoding]
    if total <= single:
        return Size(encoding, 1)
    if total == len(text):
        return Size(encoding, -(-total // multi))
    if encoding is Encoding.GSM7:
        return Size(encoding, _packed((2 if char in _TWO_SEPTETS else 1 for char in text), multi))
    return Size(encoding, _packed((2 if char > _BMP_END else 1 for char in text), multi))


def _units(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return len(text) + sum(map(text.count, _TWO_SEPTETS))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _packed(widths: Iterable[int], room: int) -> int:
    """Return the segments needed if no pair (surrogates, escape and its character) may be split."""
    segments, used = 1, 0
    for width in widths:
        if used + width > room:
            segments, used = segments + 1, 0
        used += width
    return segments


# ---- cutting

_MOST_SEGMENTS = 255
# User data header: its length, element 0 (concatenation, reference of one octet) and the element's length.
_HEADER = b"\x05\x00\x03"


@value
class Segment:
    """A segment as it travels: its user data header, empty if it is the only one, and its text."""

    header: bytes
    text: str


def split(text: str, reference: int) -> tuple[Segment, ...]:
    """Return the segments of a text, as many as ``measure`` counts; no pair is parted.

    ``reference``, from 0 to 255, is the same in all segments of a message. Raise ValueError for more than 255 segments.
    """
    size = measure(text)
    if size.segments == 1:
        return (Segment(b"", text),)
    if size.segments > _MOST_SEGMENTS:
        raise ValueError(f"{size.segments} segments; the header counts up to {_MOST_SEGMENTS}")
    texts = cut(text, size.encoding)
    return tuple(
        Segment(_HEADER + bytes((reference, len(texts), number)), part) for number, part in enumerate(texts, 1)
    )


def cut(text: str, encoding: Encoding) -> list[str]:
    """Return the texts of the segments in an encoding, for carriers that do not take the measured one; part no pair."""
    single, room = _LIMITS[encoding]
    if _units(text, encoding) <= single:
        return [text]
    (start, used), texts = (0, 0), []
    for place, char in enumerate(text):
        wide = char in _TWO_SEPTETS if encoding is Encoding.GSM7 else char > _BMP_END
        if used + 1 + wide > room:
            texts.append(text[start:place])
            start, used = place, 0
        used += 1 + wide
    return [*texts, text[start:]]


# ---- pages


@value
class Passage:
    """A text in pieces. Messages may break between pieces, such as items of a list, but never inside one."""

    pieces: tuple[str, ...]


def paginate(passage: Passage, sign: Callable[[str], str], max_segments: int) -> tuple[str, ...]:
    """Return a passage as messages, in order; several are marked like (1/2).

    ``sign`` returns a text with its sign-off. Each message takes at most ``max_segments`` segments, except for a longer
    piece, which gets a message of its own.
    """
    whole = sign("".join(passage.pieces).rstrip())
    if measure(whole).segments <= max_segments:
        return (whole,)
    pages: list[str] = []
    page = ""
    for piece in passage.pieces:
        if page and measure(sign("(" * _MARK_ROOM + page + piece)).segments > max_segments:
            pages.append(page)
            page = ""
        page += piece
    pages.append(page)
    if len(pages) == 1:
        return (whole,)
    return tuple(_marked(sign, text.rstrip(), number, len(pages)) for number, text in enumerate(pages, 1))


def _marked(sign: Callable[[str], str], text: str, number: int, count: int) -> str:
    mark = _GSM7_MARK if measure(sign(text)).encoding is Encoding.GSM7 else _UCS2_MARK
    return sign(mark.format(number=number, count=count) + text)
