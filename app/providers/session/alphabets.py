"""Texts as octets, by data_coding (carriers.md 5.3)."""

import re
from enum import StrEnum

import gsm0338

from app.domain.segments import Encoding, cut
from app.domain.values import value

_LOST = "\ufffd"
_ESCAPE = "\x1b"
_BASIC = str(gsm0338.Codec().decode(bytes(code for code in range(128) if code != ord(_ESCAPE)))[0])
_CODES = [code for code in range(128) if code != ord(_ESCAPE)]
# The characters behind an escape, by their codes [3GPP TS 23.038, 6.2.1.1].
_EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
_TO_GSM7 = str.maketrans(
    {char: chr(code) for char, code in zip(_BASIC, _CODES, strict=True)}
    | {char: f"{_ESCAPE}{chr(code)}" for code, char in _EXTENSION.items()}
)
_NONE = dict.fromkeys((ord(_ESCAPE), *range(128, 256)), _LOST)
_FROM_GSM7 = {code: char for char, code in zip(_BASIC, _CODES, strict=True)} | _NONE
_ESCAPED = re.compile(f"{_ESCAPE}([{re.escape(''.join(map(chr, _EXTENSION)))}])")
_STRAY_ESCAPE = re.compile(f"{_ESCAPE}(?=[^{_ESCAPE}])")


class DefaultAlphabet(StrEnum):
    """What the carrier takes data_coding 0 for, and which one texts are sent in that it would hold."""

    GSM7 = "gsm7"
    LATIN1 = "latin1"
    ASCII = "ascii"
    NONE = "none"


_CODECS = {DefaultAlphabet.LATIN1: ("latin-1", 0x03), DefaultAlphabet.ASCII: ("ascii", 0x01)}
_ASCII = 0x01
# With the octets of what is binary.
_LATIN1 = frozenset({0x02, 0x03, 0x04, *range(0xF4, 0xF8)})
_GSM7 = frozenset({*range(0x10, 0x14), *range(0xF0, 0xF4)})
_UCS2 = frozenset({0x08, *range(0x18, 0x1C)})


@value
class Encoded:
    """A text as it is sent: its data_coding and the octets of its segments."""

    data_coding: int
    segments: list[bytes]


def encoded(text: str, *, is_gsm7: bool, default: DefaultAlphabet, ucs2: int) -> Encoded:
    """Return a text as it is sent. ``is_gsm7``: by our own measure; ``ucs2``: the data_coding of UCS-2."""
    if is_gsm7 and default is DefaultAlphabet.GSM7:
        return Encoded(0x00, [to_gsm7(part) for part in cut(text, Encoding.GSM7)])
    if is_gsm7 and default in _CODECS:
        codec, data_coding = _CODECS[default]
        try:
            return Encoded(data_coding, [part.encode(codec) for part in cut(text, Encoding.GSM7)])
        except UnicodeEncodeError:
            pass
    return Encoded(ucs2, [part.encode("utf-16-be", "surrogatepass") for part in cut(text, Encoding.UCS2)])


def to_gsm7(text: str) -> bytes:
    """Return a text of GSM 03.38, one septet an octet."""
    return text.translate(_TO_GSM7).encode("latin-1")


def from_gsm7(octets: bytes) -> str:
    """Return the text of octets that are septets; what is none is lost.

    A code that nothing stands for behind an escape means what it means without one [3GPP TS 23.038, 6.2.1.1].
    """
    text = octets.decode("latin-1")
    if _ESCAPE not in text:
        return text.translate(_FROM_GSM7)
    pieces = _ESCAPED.split(text)
    # Every second piece is the code of an extension character.
    return "".join(
        _EXTENSION[ord(piece)] if place % 2 else _STRAY_ESCAPE.sub("", piece).translate(_FROM_GSM7)
        for place, piece in enumerate(pieces)
    )


def decoded(octets: bytes, data_coding: int, default: DefaultAlphabet) -> str:
    """Return the text of an inbound message; never fails."""
    if data_coding in _UCS2:
        return octets[: len(octets) & ~1].decode("utf-16-be", "replace")
    if data_coding == _ASCII:
        return octets.decode("ascii", "replace")
    if data_coding in _LATIN1:
        return octets.decode("latin-1")
    if data_coding in _GSM7 or default in (DefaultAlphabet.GSM7, DefaultAlphabet.NONE):
        return from_gsm7(octets)
    return octets.decode(_CODECS[default][0], "replace")
