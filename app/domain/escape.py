"""A reversible escape for what no database or JSON parser takes: NUL and lone surrogates.

Providers do pass such characters on. ``␛`` (U+241B) starts an escape: ``␛0`` is NUL, ``␛D83D`` a lone surrogate,
``␛␛`` the sign itself. Stored texts and everything shown of them are in this form.
"""

import re

_UNSAFE = re.compile("[\x00\ud800-\udfff␛]")
_ESCAPED = re.compile("␛(0|␛|[Dd][89A-Fa-f][0-9A-Fa-f]{2})")


def _escaped(found: re.Match[str]) -> str:
    char = found.group()
    if char == "\x00":
        return "␛0"
    return "␛␛" if char == "␛" else f"␛{ord(char):04X}"


def _restored(found: re.Match[str]) -> str:
    code = found.group(1)
    if code == "0":
        return "\x00"
    return "␛" if code == "␛" else chr(int(code, 16))


def escape(text: str) -> str:
    """The text as it is stored and shown."""
    return text if text.isascii() and "\x00" not in text else _UNSAFE.sub(_escaped, text)


def unescape(text: str) -> str:
    """The text as it came; what is no escape stays as it is."""
    return _ESCAPED.sub(_restored, text) if "␛" in text else text
