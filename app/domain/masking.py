"""Masks passwords in texts before they are stored (safety.md 28).

A text is treated as one with a password if it starts like the password command, contains two or more six-digit groups
joined by ``#`` or ``*``, or contains six-digit groups after the command's name. Spacing and full-width characters make
no difference.
"""

import re
import unicodedata

PASSWORD_MASK = "XGMM#******#******#******"  # noqa: S105  what is shown in place of a password
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Mn", "Me"})
# Letters according to Unicode, but they are displayed as nothing.
_FILLERS = frozenset("\u115f\u1160")
_SIGN = re.compile("[#*Xx]")
_COMMAND = re.compile(r"[\W_]*X ?G ?M ?M", re.IGNORECASE)
_GROUP = r"\d(?: ?\d){5}"
_JOINED = re.compile(rf"(?<!\d){_GROUP}(?:(?: ?[#*])+ ?{_GROUP})+(?!\d)")
_NAMED = re.compile(rf"(?<![A-Za-z])X ?G ?M ?M(?:[\W_]*{_GROUP}(?!\d))+", re.IGNORECASE)
_DIGITS = re.compile(r"\d(?: ?\d)*")
_JOINTS = frozenset("#*")
_PASSWORD_LENGTH = 6
# Longer texts are normalised character by character: NFKC of a whole text takes too long.
_LONGEST_WRITTEN = 4_000
# No character that a password is typed with becomes longer than this in NFKC.
_LONGEST_FOLDED = 4


def mask(text: str) -> str | None:
    """Return the text with everything masked that looks like a password, or None if nothing does."""
    folded = _folded(text)
    if not _SIGN.search(folded):
        return None
    bare = _bare(folded)
    if _COMMAND.match(bare):
        return PASSWORD_MASK
    shown = bare
    for pattern in (_JOINED, _NAMED):
        shown = pattern.sub(lambda match: re.sub(_GROUP, "******", match.group()), shown)
    return shown if shown != bare else None


def masked(text: str) -> str:
    """Return the text as it may be stored and shown."""
    shown = mask(text)
    return text if shown is None else shown


def holds_password(text: str) -> bool:
    """Return True if something in the text looks like a password; a masked password does not."""
    return mask(text) not in (None, text)


def mask_part(text: str, *, first: bool, last: bool) -> str | None:
    """Return a part of a long message masked, or None if nothing has to be.

    A part can contain a piece of a password without looking like one. So digits are masked beside ``#`` or ``*``, where
    the text was cut, and in groups of six or more. ``first`` and ``last`` say that no text was cut off at that end.
    """
    bare = mask(text) or _bare(_folded(text))
    if bare == PASSWORD_MASK:
        return bare

    def hidden(match: re.Match[str]) -> str:
        start, end = match.span()
        before, after = bare[max(0, start - 2) : start].rstrip()[-1:], bare[end : end + 2].lstrip()[:1]
        cut = (not before and not first) or (not after and not last)
        long = sum(char.isdigit() for char in match.group()) >= _PASSWORD_LENGTH
        return re.sub(r"\d", "*", match.group()) if cut or long or _JOINTS & {before, after} else match.group()

    shown = _DIGITS.sub(hidden, bare)
    return shown if shown != _bare(_folded(text)) else None


def _folded(text: str) -> str:
    if text.isascii():
        return text
    # NFKC turns some characters into 18 and sorts combining marks: too slow for a text longer than a person writes.
    return unicodedata.normalize("NFKC", text) if len(text) <= _LONGEST_WRITTEN else text.translate(_NORMALISED)


def _bare(folded: str) -> str:
    """Return the visible characters of a text, with single blanks."""
    return " ".join(folded.translate(_VISIBLE).split())


class _VisibleCharacters(dict[int, str | None]):
    """Translation table that deletes invisible characters; each is classified once."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        hidden = not char.isspace() and (char in _FILLERS or unicodedata.category(char) in _INVISIBLE)
        self[code] = None if hidden else char
        return self[code]


class _NormalisedCharacters(dict[int, str]):
    """Translation table to NFKC by single characters; those that would become long stay as they are."""

    def __missing__(self, code: int) -> str:
        folded = unicodedata.normalize("NFKC", chr(code))
        self[code] = folded if len(folded) <= _LONGEST_FOLDED else chr(code)
        return self[code]


_VISIBLE, _NORMALISED = _VisibleCharacters(), _NormalisedCharacters()
