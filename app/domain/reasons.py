"""Reasons that staff give for reading a customer's data (http-api.md, Management API)."""

import unicodedata

_LEAST_VISIBLE = 5
# Unicode categories of separators, control characters and combining marks; and letters that are displayed as blanks.
_INVISIBLE = ("Z", "C", "M")
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800")


def reason_in(text: str) -> str | None:
    """Return the reason on one line, with single blanks, or None if it has fewer than five visible characters."""
    visible = [char for char in unicodedata.normalize("NFKC", text) if _is_visible(char)]
    return " ".join(text.split()) if len(visible) >= _LEAST_VISIBLE else None


def _is_visible(char: str) -> bool:
    return not unicodedata.category(char).startswith(_INVISIBLE) and char not in _BLANK_LETTERS
