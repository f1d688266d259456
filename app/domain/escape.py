"""A reversible escape for characters that databases and JSON parsers refuse: NUL and lone surrogates.

Providers do pass such characters on. ``␛`` (U+241B) starts an escape: ``␛0`` is NUL, ``␛D83D`` a lone surrogate,
``␛␛`` the sign itself. Texts are stored and shown in this form.
"""

import re

_UNSAFE = re.compile("[\x00\ud800-\udfff␛]")
_ESCAPED = re.compile("␛(0|␛|[Dd][89A-Fa-f][0-9A-Fa-f]{2})")


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    if char == "\x00":
        return "␛0"
    return "␛␛" if char == "␛" else f"␛{ord(char):04X}"


def _restored(match: re.Match[str]) -> str:
    code = match.group(1)
    if code == "0":
        return "\x00"
    return "␛" if code == "␛" else chr(int(code, 16))


def escape(text: str) -> str:
    """Return the text as it is stored and shown."""
    return text if text.isascii() and "\x00" not in text else _UNSAFE.sub(_escaped, text)


def unescape(text: str) -> str:
    """Return the original text; anything that is not an escape stays unchanged."""
    return _ESCAPED.sub(_restored, text) if "␛" in text else text
