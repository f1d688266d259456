"""Passwords in texts are masked before the first store (safety.md 28).

A text that starts like the password command, or that holds two or more six-digit groups joined by ``#`` or ``*``, or
such groups behind the command's name, is treated as one that carries a password, however it is spaced or how wide its
characters are.
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
_NAMED = re.compile(rf"(?<![A-Za-z])X ?G ?M ?M(?:[\W_]*{_GROUP}(?!\d))+", re.IGNORECASE)
_DIGITS = re.compile(r"\d(?: ?\d)*")
_JOINTS = frozenset("#*")
_PASSWORD_LENGTH = 6
_LONGEST_WRITTEN = 4_000
# Of the signs that a password is typed with none becomes longer.
_LONGEST_FOLDED = 4


def mask(text: str) -> str | None:
    """The text with whatever looks like a password masked, or None if nothing does."""
    folded = _folded(text)
    if not _SIGN.search(folded):
        return None
    bare = _bare(folded)
    if _COMMAND.match(bare):
        return PASSWORD_MASK
    shown = bare
    for carries in (_JOINED, _NAMED):
        shown = carries.sub(lambda found: re.sub(_GROUP, "******", found.group()), shown)
    return shown if shown != bare else None


def masked(text: str) -> str:
    """The text as it may be kept and shown."""
    found = mask(text)
    return text if found is None else found


def holds_password(text: str) -> bool:
    """Whether something in it looks like a password; what was masked does not any more."""
    return mask(text) not in (None, text)


def mask_part(text: str, *, first: bool, last: bool) -> str | None:
    """The same of a part of a message, which may hold a piece of a password and nothing that tells so.

    Digits are masked that stand beside ``#`` or ``*``, where the text was cut, or that are as many as a password has.
    """
    bare = mask(text) or _bare(_folded(text))
    if bare == PASSWORD_MASK:
        return bare

    def hidden(found: re.Match[str]) -> str:
        start, end = found.span()
        before, after = bare[max(0, start - 2) : start].rstrip()[-1:], bare[end : end + 2].lstrip()[:1]
        cut = (not before and not first) or (not after and not last)
        long = sum(char.isdigit() for char in found.group()) >= _PASSWORD_LENGTH
        return re.sub(r"\d", "*", found.group()) if cut or long or _JOINTS & {before, after} else found.group()

    masked = _DIGITS.sub(hidden, bare)
    return masked if masked != _bare(_folded(text)) else None


def _folded(text: str) -> str:
    if text.isascii():
        return text
    # NFKC makes 18 characters of some, and sorts the marks behind a letter: that is for what a person wrote.
    return unicodedata.normalize("NFKC", text) if len(text) <= _LONGEST_WRITTEN else text.translate(_SEEN)


def _bare(folded: str) -> str:
    """What is to be seen of a text, with single blanks."""
    return " ".join(folded.translate(_VISIBLE).split())


class _Visible(dict[int, str | None]):
    """What is to be seen of a character; each is looked at once."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        hidden = not char.isspace() and (char in _FILLERS or unicodedata.category(char) in _INVISIBLE)
        self[code] = None if hidden else char
        return self[code]


class _Seen(dict[int, str]):
    """What NFKC makes of a character alone, where that is not much more than it was."""

    def __missing__(self, code: int) -> str:
        folded = unicodedata.normalize("NFKC", chr(code))
        self[code] = folded if len(folded) <= _LONGEST_FOLDED else chr(code)
        return self[code]


_VISIBLE, _SEEN = _Visible(), _Seen()
