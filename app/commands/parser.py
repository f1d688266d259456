"""Normalising of texts, and parsing of picks. Any text gives a result, never an exception (flows.md 2)."""

import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

from app.commands import vocabulary
from app.domain.values import value

_WHITE = string.whitespace
_LEFT = _WHITE + vocabulary.OPENING
_RIGHT = _WHITE + vocabulary.CLOSING + vocabulary.TRAILING
_UPPER_SIMPLE = str.maketrans(
    {**dict(zip(string.ascii_lowercase, string.ascii_uppercase, strict=True)), **vocabulary.TRADITIONAL}
)
_ZEROS = re.compile(f"[{vocabulary.ZEROS}]+")

# A sign that is a number by itself: ①, ❷, ⑶, or a key cap, which is a digit, perhaps a selector, and the cap. Further
# caps go with the first: left for the next pass, a row of them would take as many passes.
_CAPS = rf"(?:\ufe0f?{vocabulary.KEYCAP})+"
_OWN_NUMBER = rf"(?:[{vocabulary.ENCIRCLED}](?:{_CAPS})?|[0-9]{_CAPS})"
_OWN_NUMBERS = re.compile(_OWN_NUMBER)
_DIGIT = "[0-9\uff10-\uff19]"
# A zero is not a number by itself: it belongs to the digits beside it, as in 0000 and 10.
_OWN_ZERO = re.compile(rf"(?:0|[{vocabulary.ENCIRCLED_ZEROS}]){_CAPS}|[{vocabulary.ENCIRCLED_ZEROS}]")
_LEADING_ZEROS = rf"(?<![0-9\uff10-\uff19{vocabulary.ENCIRCLED}{vocabulary.KEYCAP}])[0\uff10]+(?={_OWN_NUMBER})"
_ADJOINING = re.compile(
    rf"({_OWN_NUMBER})(?={_OWN_NUMBER}|[1-9\uff11-\uff19])|{_LEADING_ZEROS}|({_DIGIT})(?={_OWN_NUMBER})"
)

# Characters without width: the categories of controls, format characters and lone surrogates, and the fillers below.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
# Shorter texts, such as keywords and picks, are cached. Longer ones may contain a password and are not.
_SHORTEST_PASSWORD = 6
_FILLERS = frozenset("\u034f\u115f\u1160\u180b\u180c\u180d\u180f" + "".join(map(chr, range(0xFE00, 0xFE10))))


@value
class Said:
    """A normalised text.

    Attributes:
        words: The text with its inner white space.
        key: The text without white space; keywords are matched against it.
    """

    words: str
    key: str

    @property
    def is_yes(self) -> bool:
        """True for an exact word of yes (flows.md 17)."""
        return self.key in vocabulary.YES

    @property
    def is_no(self) -> bool:
        """True for an exact word of no."""
        return self.key in vocabulary.NO


def normalise(text: str) -> Said:
    """Normalise a text: apply the steps of flows.md 2 until nothing changes."""
    return _normalised_cached(text) if len(text) < _SHORTEST_PASSWORD else _normalised(text)


@lru_cache(maxsize=1000)
def _normalised_cached(text: str) -> Said:
    return _normalised(text)


def _normalised(text: str) -> Said:
    if text.isascii() and text.isprintable():
        words = text.lstrip(_LEFT).rstrip(_RIGHT).upper()
    else:
        words, before = text, None
        while words != before:
            before = words
            words = _without_invisible(unicodedata.normalize("NFKC", _separate_numbers(_without_invisible(words))))
            words = words.lstrip(_LEFT).rstrip(_RIGHT).translate(_UPPER_SIMPLE)
    key = "".join(words.split())
    if _ZEROS.fullmatch(key):
        key = words = "0" * len(key)
    return Said(words, key)


def _separate_numbers(text: str) -> str:
    """Write encircled numbers as digits: ``①③`` as ``1,3`` and not 13, and ``❶``, which NFKC leaves alone, as 1."""
    if not _OWN_NUMBERS.search(text):
        return text
    return _OWN_NUMBERS.sub(_as_digits, _ADJOINING.sub(_with_separator, _OWN_ZERO.sub("0", text)))


def _with_separator(match: re.Match[str]) -> str:
    return match[0] + "," if match[1] or match[2] else match[0]


def _as_digits(match: re.Match[str]) -> str:
    return str(int(unicodedata.numeric(match.group()[0])))


def _without_invisible(text: str) -> str:
    """Remove characters without width, and replace every white space by a blank."""
    if text.isprintable() and _FILLERS.isdisjoint(text):
        return text
    spaced = (" " if char.isspace() else char for char in text)
    return "".join(char for char in spaced if unicodedata.category(char) not in _INVISIBLE and char not in _FILLERS)


@value
class Span:
    """A number of a pick, or a range: 0 to 10**9, not checked against a listing; ``as_written`` as in the text."""

    first: int
    last: int
    as_written: str


# In characters; a longer text is no pick, and is not parsed.
_LONGEST_PICK = 1000
# Larger than any listing; a long row of digits must not become a huge integer.
_LARGEST_NUMBER = 10**9
_NUMERAL = "".join(vocabulary.DIGIT_NUMERALS)
_TENS = re.compile(f"[{vocabulary.TENS}]")
_NUMBER = rf"(?:[0-9]+|[{_NUMERAL}]?[{vocabulary.TENS}][{_NUMERAL}]?|[{_NUMERAL}])"
_ITEM = rf"(?:(?:{vocabulary.ORDINAL}|{vocabulary.NUMBER_MARK})\s*)?({_NUMBER})(?:\s*{vocabulary.NUMBER_WORD})?"
_COUNTED = rf"{_ITEM}(?:\s*[{vocabulary.COUNTERS}])?"
_RANGE = rf"\s*(?:{'|'.join(vocabulary.LONG_RANGE_MARKS)}|[{re.escape(vocabulary.RANGE_MARKS)}])\s*"
_SPAN = re.compile(rf"{_ITEM}(?:{_RANGE}{_ITEM})?")
_COUNTED_SPAN = re.compile(rf"{_COUNTED}(?:{_RANGE}{_COUNTED})?")
_BETWEEN = re.compile(rf"(?:[{re.escape(vocabulary.SEPARATORS)}]|{vocabulary.AND})+")
_ENDS_NUMBER = vocabulary.NUMBER_WORD + vocabulary.COUNTERS
_GAP_BEFORE_NAME = re.compile(rf"[{re.escape(vocabulary.BEFORE_NAME)}]*")
_UNSUBSCRIBE_WORD = re.compile(rf"(?:{'|'.join(vocabulary.UNSUBSCRIBE_WORDS)})[\s+:]*")
_WISH = re.compile(rf"(?:{'|'.join(vocabulary.WISHES)})(?={'|'.join(vocabulary.UNSUBSCRIBE_WORDS)})")
_NO_MARKETING = "|".join((*vocabulary.NO_MARKETING, *vocabulary.NO_MARKETING_ALONE))
_REFUSES_MARKETING = re.compile(
    rf"({_NO_MARKETING})(?:\1|{'|'.join(vocabulary.NO_MARKETING)})?[{re.escape(vocabulary.BEHIND_KEYWORD)}]*"
)
_UNSUBSCRIBE_WORD_BEHIND = re.compile(rf"(?:{'|'.join(vocabulary.UNSUBSCRIBE_WORDS_BEHIND)})$")

# The names that may be written behind a number of a pick.
Names = Callable[[int], Iterable[str]]


def _value(number: str) -> int:
    if number.isascii():
        return int(number) if len(number) < len(str(_LARGEST_NUMBER)) else _LARGEST_NUMBER
    first, *ones = _TENS.split(number)
    if not ones:
        return vocabulary.DIGIT_NUMERALS[first]
    return 10 * vocabulary.DIGIT_NUMERALS.get(first, 1) + vocabulary.DIGIT_NUMERALS.get(ones[0], 0)


def _spans_in(words: str) -> re.Pattern[str]:
    return _COUNTED_SPAN if vocabulary.ORDINAL in words else _SPAN


def _one_number(key: str) -> int | None:
    match = _spans_in(key).fullmatch(key)
    return _value(match[1]) if match and not match[2] else None


def without_unsubscribe_word(words: str) -> str:
    """Return a text without the unsubscribe word at its start: ``1.4`` for ``退订1.4``."""
    match = _UNSUBSCRIBE_WORD.match(words)
    return words[match.end() :] if match else words


def without_wish(key: str) -> str:
    """Return a key without the wish before its unsubscribe word: ``退订彩铃`` for ``我要退订彩铃``."""
    return _WISH.sub("", key, count=1) if _WISH.match(key) else key


def parse_offer(said: Said) -> int | None:
    """Return the number in ``2``, ``KT2``, ``订购2`` or ``第2个``; None for any other text."""
    return _one_number(
        next((said.key.removeprefix(word) for word in vocabulary.ORDER_WORDS if said.key.startswith(word)), said.key)
    )


def parse_pick(said: Said, names: Names | None = None) -> tuple[Span, ...] | None:
    """Return the numbers and ranges of a pick, or None if the text holds anything else (flows.md 5.2).

    A number may be followed by one of its ``names``, normalised by ``name_key``. They are tried in order; each begins
    with the one before.
    """
    words = without_unsubscribe_word(said.words)
    if not words or len(words) > _LONGEST_PICK:
        return None
    pattern, spans, place = _spans_in(words), list[Span](), 0
    while place < len(words):
        match = pattern.match(words, place)
        if not match:
            return None
        first, last = _value(match[1]), _value(match[2] or match[1])
        if last < first:
            return None
        spans.append(Span(first, last, match[0] if match[2] else match[1]))
        place = match.end()
        if names and place < len(words) and not match[2]:
            place = _skip_name(words, place, names(first))
        gap = _BETWEEN.match(words, place)
        if not gap and place < len(words) and words[place - 1] not in _ENDS_NUMBER:
            return None
        place = gap.end() if gap else place
    return tuple(spans)


@lru_cache(maxsize=10_000)
def name_key(name: str) -> str:
    """Normalise a name as if it were inside a text: without blanks, but with all signs at its ends."""
    return normalise(f"|{name}|").key.strip("|")


def _skip_name(words: str, place: int, names: Iterable[str]) -> int:
    """Return where the longest of these names ends that is written at ``place``, or ``place`` if none is."""
    start = _GAP_BEFORE_NAME.match(words, place)
    begin = start.end() if start else place
    for name in names:
        end = _end_of(words, begin, name)
        if end is None:
            break
        place = end
    return place


def _end_of(words: str, place: int, name: str) -> int | None:
    """Return where a name ends that begins at ``place``, or None if it is not there; blanks do not count.

    At the end of a text the last signs of the name may be missing, as normalising removes them there.
    """
    for number, char in enumerate(name):
        while words[place : place + 1] == " ":
            place += 1
        if place == len(words):
            return None if name[number:].strip(_RIGHT) else place
        if words[place] != char:
            return None
        place += 1
    return place


def is_all(said: Said) -> bool:
    """Return True for ``全部`` or a synonym, with or without an unsubscribe word, and nothing else."""
    bare = without_unsubscribe_word(said.key)
    return bare in vocabulary.ALL or _UNSUBSCRIBE_WORD_BEHIND.sub("", bare) in vocabulary.ALL


def refuses_marketing(said: Said) -> bool:
    """Return True for a word that opts out of marketing, alone or doubled as in ``TD退订``."""
    return _REFUSES_MARKETING.fullmatch(said.key) is not None


def parse_origin_question(said: Said) -> int | None:
    """Return the number in ``查2`` or ``2?``; None for any other text."""
    asked = said.key.startswith(vocabulary.ASK_ORIGIN)
    number = said.key.removeprefix(vocabulary.ASK_ORIGIN)
    if number.endswith(vocabulary.ASK_ORIGIN_MARK):
        asked, number = True, number.removesuffix(vocabulary.ASK_ORIGIN_MARK)
    return _one_number(number) if asked else None
