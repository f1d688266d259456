"""Reading of incoming texts: without the quotes and signatures of handsets, and not beyond a length (flows.md 2)."""

import re
from collections.abc import Iterable

from app.commands import vocabulary
from app.commands.parser import Said, normalise
from app.domain.values import value

# In characters; a longer text is no keyword, pick, yes or no, and is not normalised (safety.md 37).
LONGEST_TEXT = 4_000
# The first characters, by which a long text is recognised as a complaint.
LONGEST_OPENING = 40
_NOTHING = Said("", "")
_SIGNATURE_LINES = 2
_SIGNATURE_LENGTH = 40
_SIGNATURE = re.compile(vocabulary.SIGNATURES)
_QUOTE = re.compile(rf"[\s\u200b-\u200f\u202a-\u202e\u2060\ufeff]*[{vocabulary.QUOTE_MARKS}]")
_NUMERALS = "".join(vocabulary.DIGIT_NUMERALS) + vocabulary.TENS + vocabulary.ZEROS[-2:]
# What may stand beside a Chinese numeral for it to be a number, and not part of a name as in 三星 or 一加.
_BEFORE_NUMBER = rf"[\W{vocabulary.ORDINAL}{vocabulary.AMONG_NUMBERS}]"
_BEHIND_NUMBER = rf"[\W{vocabulary.NUMBER_WORD}{vocabulary.COUNTERS}{vocabulary.AMONG_NUMBERS}]"


@value
class Reader:
    """Reads texts with the keywords of a deployment.

    Attributes:
        texts: The keywords that free text follows; signatures are not removed from such texts.
        others: Other keywords that begin with one of ``texts``.
        content: A pattern of what no signature contains, such as numbers and keywords.
    """

    texts: tuple[str, ...]
    others: frozenset[str]
    content: re.Pattern[str]

    @classmethod
    def of(cls, keywords: Iterable[str], joined: Iterable[str], texts: Iterable[str]) -> "Reader":
        """Return a reader for these keywords; a word may be joined to ``joined``, free text may follow ``texts``."""
        opening = tuple(texts)
        others = {word for word in keywords if word.startswith(opening) and word not in opening}
        return cls(opening, frozenset(others), _content_pattern(keywords, joined))

    def read(self, text: str) -> Said:
        """Return the normalised text without quote and signature.

        Beyond ``LONGEST_TEXT`` only the first characters of free text are returned, and nothing of other texts.
        """
        if text.isprintable() and len(text) <= LONGEST_TEXT:
            return normalise(text)
        if len(text) > LONGEST_TEXT:
            opening = normalise(text[:LONGEST_OPENING])
            return opening if self._opens_text(opening) else _NOTHING
        written = _without_quotes(text)
        said = normalise(_without_signature(written, self.content))
        return normalise(written) if self._opens_text(said) else said

    def _opens_text(self, said: Said) -> bool:
        bare = said.key.rstrip(vocabulary.BEHIND_KEYWORD)
        return said.key.startswith(self.texts) and bare not in self.others


def _content_pattern(keywords: Iterable[str], joined: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of what no signature contains: a number, a question mark, an answer or a keyword."""
    openings = {*joined, *vocabulary.UNSUBSCRIBE_WORDS}
    words = {
        *keywords, *openings, *vocabulary.YES, *vocabulary.NO, *vocabulary.ALL, *vocabulary.DENIALS,
        *vocabulary.NO_MARKETING, *vocabulary.NO_MARKETING_ALONE,
    }  # fmt: skip
    return re.compile(
        "|".join([
            r"[0-9?]",
            rf"(?:^|{_BEFORE_NUMBER})[{_NUMERALS}]+(?:$|{_BEHIND_NUMBER})",
            rf"(?<![A-Z0-9])(?:{_any(word for word in words if word.isascii())})(?![A-Z0-9])",
            rf"(?<![A-Z0-9])(?:{_any(word for word in openings if word.isascii())})",
            _any(word for word in words if not word.isascii()),
        ])
    )  # fmt: skip


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _without_quotes(text: str) -> str:
    """Remove the quoted lines at the start, if something else remains."""
    lines = text.splitlines()
    first = next((place for place, line in enumerate(lines) if line.strip() and not _QUOTE.match(line)), 0)
    rest = "\n".join(lines[first:])
    return rest if first and any(map(_QUOTE.match, lines[:first])) and normalise(rest).key else text


def _without_signature(text: str, content: re.Pattern[str]) -> str:
    """Remove a signature in the last two lines, if something else remains."""
    lines = text.splitlines()
    written = [place for place, line in enumerate(lines) if line.strip()]
    for start in written[-_SIGNATURE_LINES:]:
        rest = "\n".join(lines[:start])
        if _is_signature([line.strip() for line in lines[start:]], content) and normalise(rest).key:
            return rest
    return text


def _is_signature(lines: list[str], content: re.Pattern[str]) -> bool:
    opening = _SIGNATURE.match(normalise(lines[0]).words)
    if not opening or sum(map(len, lines)) > _SIGNATURE_LENGTH:
        return False
    whole = normalise(" ".join(lines))
    return not any(content.search(_without_opening(said)) for said in (whole.words, whole.key))


def _without_opening(said: str) -> str:
    return _SIGNATURE.sub("", said, count=1)
