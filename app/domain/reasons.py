"""Reasons that people give for looking at a customer's data (http-api.md, Management API)."""

import unicodedata

_LEAST = 5
# Separators, controls and marks that stand on another letter; and letters and signs that are blank to the eye.
_UNSEEN = ("Z", "C", "M")
_BLANK = frozenset("\u115f\u1160\u2800")


def reason_in(text: str) -> str | None:
    """The reason on one line, with single blanks; None if fewer than five characters of it are to be seen."""
    seen = [char for char in unicodedata.normalize("NFKC", text) if _is_seen(char)]
    return " ".join(text.split()) if len(seen) >= _LEAST else None


def _is_seen(char: str) -> bool:
    return not unicodedata.category(char).startswith(_UNSEEN) and char not in _BLANK
