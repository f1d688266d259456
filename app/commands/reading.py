"""A text that came, as it is matched: without what a handset put around it, and not if it is too long (flows.md 2)."""

import re
from collections.abc import Iterable

from app.commands import vocabulary
from app.commands.parser import Said, normalise
from app.domain.values import value

# A longer text is no keyword, pick, yes or no, and is not normalised (safety.md 37).
LONGEST_TEXT = 4_000
# A complaint is known by its first characters.
LONGEST_OPENING = 40
_NOTHING = Said("", "")
_MOST_LINES = 2
_LONGEST = 40
_SIGNATURE = re.compile(vocabulary.SIGNATURES)
_QUOTE = re.compile(rf"[\s\u200b-\u200f\u202a-\u202e\u2060\ufeff]*[{vocabulary.QUOTE_MARKS}]")
_NUMERALS = "".join(vocabulary.DIGIT_NUMERALS) + vocabulary.TENS + vocabulary.ZEROS[-2:]
# What may stand beside a number without being part of a name, as in 三星 or 一加.
_BEFORE_NUMBER = rf"[\W{vocabulary.ORDINAL}{vocabulary.AMONG_NUMBERS}]"
_BEHIND_NUMBER = rf"[\W{vocabulary.NUMBER_WORD}{vocabulary.COUNTERS}{vocabulary.AMONG_NUMBERS}]"


@value
class Reader:
    """Reads texts by the keywords of a deployment.

    ``texts`` are the keywords that her own words follow, which are never cut, ``others`` those that only begin like
    them; ``telling`` is what makes a line more than a signature.
    """

    texts: tuple[str, ...]
    others: frozenset[str]
    telling: re.Pattern[str]

    @classmethod
    def of(cls, keywords: Iterable[str], joined: Iterable[str], texts: Iterable[str]) -> "Reader":
        """By the keywords, and of these the ones that something may be joined to, and that her own words follow."""
        opening = tuple(texts)
        others = {word for word in keywords if word.startswith(opening) and word not in opening}
        return cls(opening, frozenset(others), _telling(keywords, joined))

    def read(self, text: str) -> Said:
        """What she said."""
        if text.isprintable() and len(text) <= LONGEST_TEXT:
            return normalise(text)
        if len(text) > LONGEST_TEXT:
            opening = normalise(text[:LONGEST_OPENING])
            return opening if self._opens_text(opening) else _NOTHING
        written = _without_quotes(text)
        said = normalise(_without_signature(written, self.telling))
        return normalise(written) if self._opens_text(said) else said

    def _opens_text(self, said: Said) -> bool:
        bare = said.key.rstrip(vocabulary.BEHIND_KEYWORD)
        return said.key.startswith(self.texts) and bare not in self.others


def _telling(words: Iterable[str], joined: Iterable[str]) -> re.Pattern[str]:
    """What makes a line more than a signature.

    A number, a question mark, an answer, a stop word or a keyword, in any form.
    """
    openings = {*joined, *vocabulary.UNSUBSCRIBE_WORDS}
    known = {
        *words, *openings, *vocabulary.YES, *vocabulary.NO, *vocabulary.ALL, *vocabulary.DENIALS,
        *vocabulary.NO_MARKETING, *vocabulary.NO_MARKETING_ALONE,
    }  # fmt: skip
    return re.compile(
        "|".join([
            r"[0-9?]",
            rf"(?:^|{_BEFORE_NUMBER})[{_NUMERALS}]+(?:$|{_BEHIND_NUMBER})",
            rf"(?<![A-Z0-9])(?:{_any(word for word in known if word.isascii())})(?![A-Z0-9])",
            rf"(?<![A-Z0-9])(?:{_any(word for word in openings if word.isascii())})",
            _any(word for word in known if not word.isascii()),
        ])
    )  # fmt: skip


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _without_quotes(text: str) -> str:
    """Without the leading lines that quote, where something else remains."""
    lines = text.splitlines()
    first = next((place for place, line in enumerate(lines) if line.strip() and not _QUOTE.match(line)), 0)
    rest = "\n".join(lines[first:])
    return rest if first and any(map(_QUOTE.match, lines[:first])) and normalise(rest).key else text


def _without_signature(text: str, tell: re.Pattern[str]) -> str:
    """Without a signature in the last two lines, where something else remains."""
    lines = text.splitlines()
    written = [place for place, line in enumerate(lines) if line.strip()]
    for start in written[-_MOST_LINES:]:
        rest = "\n".join(lines[:start])
        if _is_signature([line.strip() for line in lines[start:]], tell) and normalise(rest).key:
            return rest
    return text


def _is_signature(lines: list[str], tell: re.Pattern[str]) -> bool:
    opening = _SIGNATURE.match(normalise(lines[0]).words)
    if not opening or sum(map(len, lines)) > _LONGEST:
        return False
    whole = normalise(" ".join(lines))
    return not any(tell.search(_behind_opening(said)) for said in (whole.words, whole.key))


def _behind_opening(said: str) -> str:
    return _SIGNATURE.sub("", said, count=1)
