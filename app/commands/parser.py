"""From what a thumb typed to what can be matched. Total: any text gives a result, never an exception (flows.md 2)."""

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

# A sign that is a number by itself: ①, ❷, ⑶, or a key cap, which is a digit, perhaps a selector, and the cap.
_OWN_NUMBER = rf"(?:[{vocabulary.ENCIRCLED}]|[0-9]\ufe0f?{vocabulary.KEYCAP})"
_OWN_NUMBERS = re.compile(_OWN_NUMBER)
_DIGIT = "[0-9\uff10-\uff19]"
# Zeros are no numbers of their own: they stay with what stands beside them, as in 0000 and 10.
_OWN_ZERO = re.compile(rf"0\ufe0f?{vocabulary.KEYCAP}|[{vocabulary.ENCIRCLED_ZEROS}]")
_LEADING_ZEROS = rf"(?<![0-9\uff10-\uff19{vocabulary.ENCIRCLED}{vocabulary.KEYCAP}])[0\uff10]+(?={_OWN_NUMBER})"
_ADJOINING = re.compile(
    rf"({_OWN_NUMBER})(?={_OWN_NUMBER}|[1-9\uff11-\uff19])|{_LEADING_ZEROS}|({_DIGIT})(?={_OWN_NUMBER})"
)

# What has no width: controls, format characters and lone surrogates by their category, and these by themselves.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
# Keywords and picks come again and again, and are remembered. What may hold a password is not.
_SHORTEST_PASSWORD = 6
_FILLERS = frozenset("\u034f\u115f\u1160\u180b\u180c\u180d\u180f" + "".join(map(chr, range(0xFE00, 0xFE10))))


@value
class Said:
    """A text, normalised. ``words`` keeps inner white space, ``key`` has none: keywords are matched on it."""

    words: str
    key: str

    @property
    def is_yes(self) -> bool:
        """A yes, and nothing looser (flows.md 17)."""
        return self.key in vocabulary.YES

    @property
    def is_no(self) -> bool:
        """A no."""
        return self.key in vocabulary.NO


def normalise(text: str) -> Said:
    """Apply the steps of flows.md 2 until nothing changes."""
    return _normalised_before(text) if len(text) < _SHORTEST_PASSWORD else _normalised(text)


@lru_cache(maxsize=1000)
def _normalised_before(text: str) -> Said:
    return _normalised(text)


def _normalised(text: str) -> Said:
    if text.isascii() and text.isprintable():
        words = text.lstrip(_LEFT).rstrip(_RIGHT).upper()
    else:
        words, before = text, None
        while words != before:
            before = words
            words = _visible(unicodedata.normalize("NFKC", _numbers_apart(_visible(words))))
            words = words.lstrip(_LEFT).rstrip(_RIGHT).translate(_UPPER_SIMPLE)
    key = "".join(words.split())
    if _ZEROS.fullmatch(key):
        key = words = "0" * len(key)
    return Said(words, key)


def _numbers_apart(text: str) -> str:
    """``①③`` is 1 and 3, not 13, and ``❶`` is a 1 though NFKC leaves it alone."""
    if not _OWN_NUMBERS.search(text):
        return text
    return _OWN_NUMBERS.sub(_as_digits, _ADJOINING.sub(_set_apart, _OWN_ZERO.sub("0", text)))


def _set_apart(found: re.Match[str]) -> str:
    return found[0] + "," if found[1] or found[2] else found[0]


def _as_digits(found: re.Match[str]) -> str:
    return str(int(unicodedata.numeric(found.group()[0])))


def _visible(text: str) -> str:
    """Without what has no width; every kind of white space is a blank."""
    if text.isprintable() and _FILLERS.isdisjoint(text):
        return text
    spaced = (" " if char.isspace() else char for char in text)
    return "".join(char for char in spaced if unicodedata.category(char) not in _INVISIBLE and char not in _FILLERS)


@value
class Span:
    """One number of a pick, or a range of them; ``as_written`` is how she wrote it."""

    first: int
    last: int
    as_written: str


# No pick is longer; what is longer is free text and need not be looked at more closely.
_LONGEST_PICK = 1000
# Beyond any list: a long row of digits must not become a huge integer.
_ENDLESS = 10**9
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
_BEFORE_NAME = re.compile(rf"[{re.escape(vocabulary.BEFORE_NAME)}]*")
_UNSUBSCRIBE_WORD = re.compile(
    rf"(?:{'|'.join(vocabulary.UNSUBSCRIBE_WORDS)})[\s+:]*|(?:{'|'.join(vocabulary.UNSUBSCRIBE_WORDS_ALONE)})$"
)
_NO_MARKETING = "|".join((*vocabulary.NO_MARKETING, *vocabulary.NO_MARKETING_ALONE))
_REFUSES_MARKETING = re.compile(
    rf"({_NO_MARKETING})(?:\1|{'|'.join(vocabulary.NO_MARKETING)})?[{re.escape(vocabulary.BEHIND_KEYWORD)}]*"
)
_UNSUBSCRIBE_WORD_BEHIND = re.compile(rf"(?:{'|'.join(vocabulary.UNSUBSCRIBE_WORDS_BEHIND)})$")

# What may be written behind a number, as its name.
Names = Callable[[int], Iterable[str]]


def _value(number: str) -> int:
    if number.isascii():
        return int(number) if len(number) < len(str(_ENDLESS)) else _ENDLESS
    first, *ones = _TENS.split(number)
    if not ones:
        return vocabulary.DIGIT_NUMERALS[first]
    return 10 * vocabulary.DIGIT_NUMERALS.get(first, 1) + vocabulary.DIGIT_NUMERALS.get(ones[0], 0)


def _spans_in(words: str) -> re.Pattern[str]:
    return _COUNTED_SPAN if vocabulary.ORDINAL in words else _SPAN


def _one_number(key: str) -> int | None:
    found = _spans_in(key).fullmatch(key)
    return _value(found[1]) if found and not found[2] else None


def without_unsubscribe_word(words: str) -> str:
    """``退订1.4`` as ``1.4``."""
    found = _UNSUBSCRIBE_WORD.match(words)
    return words[found.end() :] if found else words


def parse_offer(said: Said) -> int | None:
    """The one number of ``2``, ``KT2``, ``订购2`` or ``第2个``."""
    return _one_number(
        next((said.key.removeprefix(word) for word in vocabulary.ORDER_WORDS if said.key.startswith(word)), said.key)
    )


def parse_pick(said: Said, names: Names | None = None) -> tuple[Span, ...] | None:
    """The numbers and ranges of a pick, or None if anything else stands beside them (flows.md 5.2).

    Behind a number may stand one of its ``names`` (as ``name_key`` writes them), each of which begins with the one
    before.
    """
    words = without_unsubscribe_word(said.words)
    if not words or len(words) > _LONGEST_PICK:
        return None
    pattern, spans, place = _spans_in(words), list[Span](), 0
    while place < len(words):
        found = pattern.match(words, place)
        if not found:
            return None
        first, last = _value(found[1]), _value(found[2] or found[1])
        if last < first:
            return None
        spans.append(Span(first, last, found[0] if found[2] else found[1]))
        place = found.end()
        if names and place < len(words) and not found[2]:
            place = _behind_name(words, place, names(first))
        gap = _BETWEEN.match(words, place)
        if not gap and place < len(words) and words[place - 1] not in _ENDS_NUMBER:
            return None
        place = gap.end() if gap else place
    return tuple(spans)


@lru_cache(maxsize=10_000)
def name_key(name: str) -> str:
    """A name as it stands within a normalised text, without blanks; nothing of its ends is removed."""
    return normalise(f"|{name}|").key.strip("|")


def _behind_name(words: str, place: int, names: Iterable[str]) -> int:
    """Where the last of these names ends that stands at a place of a text, each beginning with the one before."""
    start = _BEFORE_NAME.match(words, place)
    begin = start.end() if start else place
    for name in names:
        end = _end_of(words, begin, name)
        if end is None:
            break
        place = end
    return place


def _end_of(words: str, place: int, name: str) -> int | None:
    """Where a name ends, blanks not counted; normalising may have taken its last brackets from the end of a text."""
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
    """``全部`` in any of its words, with or without a word for stopping, and with nothing else."""
    bare = without_unsubscribe_word(said.key)
    return bare in vocabulary.ALL or _UNSUBSCRIBE_WORD_BEHIND.sub("", bare) in vocabulary.ALL


def refuses_marketing(said: Said) -> bool:
    """A word that opts out of marketing, alone or doubled, as ``TD退订``."""
    return _REFUSES_MARKETING.fullmatch(said.key) is not None


def parse_origin_question(said: Said) -> int | None:
    """The number in ``查2`` or ``2?``."""
    asked = said.key.startswith(vocabulary.ASK_ORIGIN)
    number = said.key.removeprefix(vocabulary.ASK_ORIGIN)
    if number.endswith(vocabulary.ASK_ORIGIN_MARK):
        asked, number = True, number.removesuffix(vocabulary.ASK_ORIGIN_MARK)
    return _one_number(number) if asked else None
