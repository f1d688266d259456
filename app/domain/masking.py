"""Passwords in texts are masked before the first store (safety.md 28).

A text that starts like the password command, or that holds two or more six-digit groups joined by ``#`` or ``*``,
is treated as one that carries a password, however it is spaced or how wide its characters are.
"""

import re
import unicodedata

PASSWORD_MASK = "XGMM#******#******#******"  # noqa: S105  what is shown in place of a password
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Mn", "Me"})
# Letters to Unicode, nothing to the eye.
_FILLERS = frozenset("\u115f\u1160")
_SIGN = re.compile("[#*Xx]")
_COMMAND = re.compile(r"[\W_]*X ?G ?M ?M", re.IGNORECASE)
_GROUP = r"\d(?: ?\d){5}"
_JOINED = re.compile(rf"(?<!\d){_GROUP}(?:(?: ?[#*])+ ?{_GROUP})+(?!\d)")


def mask(text: str) -> str | None:
    """The text with whatever looks like a password masked, or None if nothing does."""
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if not _SIGN.search(folded):
        return None
    visible = "".join(char for char in folded if char.isspace() or not _is_invisible(char))
    bare = " ".join(visible.split())
    if _COMMAND.match(bare):
        return PASSWORD_MASK
    masked = _JOINED.sub(lambda found: re.sub(_GROUP, "******", found.group()), bare)
    return masked if masked != bare else None


def _is_invisible(char: str) -> bool:
    return char in _FILLERS or unicodedata.category(char) in _INVISIBLE
