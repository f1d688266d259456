"""Rules for names of SPs and services and for words about unsubscribing: they must not mislead (safety.md 29).

Texts are checked as a reader sees them: in NFKC form, without blanks and combining marks. A violation is the end of a
sentence that begins with the name of the field.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from app.domain.texts import reserved

LONGEST_NAME = 20
LONGEST_NOTE = 60
# Characters without width that Unicode counts as letters, marks or symbols.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_MARKS = frozenset({"Mn", "Me"})
_NUMERAL = "0"
# An amount is found even with signs between the numeral and its unit: 5.元, 5(元).
_MONEY = re.compile(
    rf"{_NUMERAL}[^\w]*(?:{'|'.join(reserved.UNITS)})|(?:{'|'.join(reserved.UNITS_BEFORE)})[^\w]*{_NUMERAL}"
)
_SPOKEN_MONEY = re.compile(f"[0-9]{reserved.SPOKEN_UNIT}")
_FREE = re.compile("|".join(reserved.FREE))
_FREE_WORD = re.compile(rf"(?<![^\W_]){reserved.FREE_WORD}(?![^\W_])")
# A dot before two letters; an IPv4 address; a dot that browsers convert; a dot spaced as in no sentence.
_DOMAIN = re.compile(
    rf"[^\W_]\.[^\W\d_]{{2}}|[0-9]+(?:\.[0-9]+){{3}}|[a-z0-9]{reserved.WIDE_STOP}[a-z]{{2}}"
    r"|[^\W_]\s+\.\s*[^\W\d_]{2}|[^\W_]\.\s+(?:com|cn|net|org|cc)(?![^\W_])"
)
_WEB = re.compile(r"http|www\.")
_ADDRESS = re.compile(r"(?:https?://)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:/[a-z0-9/_-]*)?")
# Whatever a handset may turn into one link; a letter right before it would belong to its host.
_MAYBE_ADDRESS = re.compile(r"(?<![\w.@-])[a-z0-9:/][a-z0-9._~:/?#@!$&'()*+=%\[\]\\-]*[a-z0-9/]")
_ITEM_NUMBER = re.compile(rf"{_NUMERAL}[{reserved.BEHIND_ITEM_NUMBER}]")
# A price follows the name, and 会员0. before 5元 reads as 0.5元: no name ends in one of these, a dash or a bracket.
_RUN_ON_SIGNS = frozenset(".·•‧・/\\#*&@") | frozenset(reserved.LIST_SIGNS)
_RUN_ON_KINDS = frozenset({"Pd", "Ps", "Pi", "Pc", "Sm", "Sk"})
_ALLOWED_END = "+"
_BRACKETS = frozenset({"Ps", "Pe"})
_NUMERAL_AND_BLANK = re.compile(f"{_NUMERAL} ")
_ORDER_KEYWORD = re.compile(r"(?=.*[A-Z])[A-Z0-9]{2,12}")

_INVISIBLE = "must not hold line breaks, control characters, or others that have no width or turn the direction"
_AMOUNT = "must not speak of money: no amount, no sign of a currency"
_GRATIS = "must not say that anything is free"
_LINK = "must not hold a link or what reads as one"


def is_numeral(char: str) -> bool:
    """Return True for a character that is a numeral: digits of any script and form, ③, Ⅲ, ½, 三."""
    return char in reserved.COUNT_WORDS or unicodedata.numeric(char, None) is not None


@lru_cache(maxsize=10_000)
def ends_in_numeral(name: str) -> bool:
    """Return True if a price right after the name could be read as part of it."""
    return _with_zeros(name).endswith(_NUMERAL)


def name_violation(name: str) -> str | None:
    """Return what is wrong with a name of a service or SP, or None."""
    return _shape_violation(name) or _money_violation(name, amounts=False) or _link_violation(_as_seen(name))


def sign_off_violation(name: str) -> str | None:
    """Return what is wrong with the name that signs messages, or None; an empty one is fine."""
    if not name:
        return None
    if any(unicodedata.category(char) in _BRACKETS for char in name):
        return "must not hold brackets: those in front of a text are added"
    if _NUMERAL_AND_BLANK.search(_as_zeros(as_read(name))):
        return "must not hold a numeral with a blank behind it: it reads as an item of a listing"
    return name_violation(name)


def cancel_warning_violation(words: str) -> str | None:
    """Return what is wrong with a cancel warning, or None; it may name an amount."""
    return _note_violation(words) or _money_violation(words, amounts=True) or _link_violation(as_read(words))


def cancel_how_violation(words: str, own_links: Collection[str]) -> str | None:
    """Return what is wrong with the words on how to unsubscribe without SMS, or None.

    They may name a telephone number, and a link below one of the hosts ``own_links``.
    """
    violation = _note_violation(words) or _money_violation(words, amounts=False)
    if violation or not _link_violation(as_read(words)):
        return violation
    without_own = _MAYBE_ADDRESS.sub(lambda match: "x" if _is_own(match[0], own_links) else match[0], as_read(words))
    return (
        _link_violation(without_own) and f"{_LINK}, other than an address, set apart, below own_links of the settings"
    )


def bill_item_violation(words: str) -> str | None:
    """Return what is wrong with the name of a bill item, or None; it may name an amount."""
    if _is_invisible(words):
        return _INVISIBLE
    return (
        "must not hold a semicolon: it ends the line"
        if reserved.ITEM_END in _as_seen(words)
        else _link_violation(as_read(words))
    )


def order_keyword_violation(word: str) -> str | None:
    """Return what is wrong with an order keyword (upper case), or None (safety.md 9)."""
    if _ORDER_KEYWORD.fullmatch(word):
        return None
    return "must have 2 to 12 letters and digits, and not digits only"


# ---- form


def _shape_violation(name: str) -> str | None:
    if _is_invisible(name):
        return _INVISIBLE
    words = _folded(name).split(" ")
    if not 1 <= len("".join(words)) <= LONGEST_NAME or "" in words:
        return f"must have 1 to {LONGEST_NAME} characters, and only single blanks between them"
    seen = _as_seen(name)
    if any(sign in seen for sign in reserved.LIST_SIGNS):
        return "must not hold list punctuation, colons or full stops: listings are made of them"
    if not any(map(str.isalpha, _with_zeros(name))):
        return "must not be a number, or nothing but signs"
    if seen[-1] in _RUN_ON_SIGNS or (unicodedata.category(seen[-1]) in _RUN_ON_KINDS and seen[-1] != _ALLOWED_END):
        return "must not end in a sign that could run into the price behind it"
    return None


def _note_violation(words: str) -> str | None:
    if _is_invisible(words):
        return _INVISIBLE
    if len(_folded(words)) > LONGEST_NOTE or not _as_seen(words):
        return f"must have 1 to {LONGEST_NOTE} characters"
    if reserved.ITEM_END in _as_seen(words):
        return "must not hold a semicolon: it ends the item of a listing"
    if _ITEM_NUMBER.search(_with_zeros(words)):
        return (
            "must not hold a numeral with a point or an enumeration comma behind it: it reads as an item of a listing"
        )
    return None


# ---- as a reader sees it


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(" " if char.isspace() else char for char in folded)


def as_read(text: str) -> str:
    """Return the text in NFKC form and lower case, without combining marks; each white-space character is a blank."""
    return "".join(char for char in _folded(text) if unicodedata.category(char) not in _MARKS)


def _as_seen(text: str) -> str:
    return "".join(as_read(text).split())


def _with_zeros(text: str) -> str:
    """Return the text as it is seen, with 0 for each numeral. Replaced twice: NFKC turns some numerals into letters."""
    return _as_zeros(_as_seen(_as_zeros(text)))


def _as_zeros(text: str) -> str:
    return "".join(_NUMERAL if is_numeral(char) else char for char in text)


def _is_invisible(text: str) -> bool:
    printable = all(char.isprintable() or unicodedata.category(char) == "Zs" for char in text)
    return not printable or any(char in _FILLERS or ord(char) in _SELECTORS for char in text)


# ---- content


def _money_violation(text: str, *, amounts: bool) -> str | None:
    seen = _as_seen(text)
    if _FREE.search(seen) or _FREE_WORD.search(as_read(text)):
        return _GRATIS
    signs = any(unicodedata.category(char) == "Sc" or char in reserved.CURRENCY_SIGNS for char in seen)
    is_money = signs or _MONEY.search(_with_zeros(text)) or _SPOKEN_MONEY.search(seen)
    return _AMOUNT if is_money and not amounts else None


def _link_violation(text: str) -> str | None:
    return _LINK if _WEB.search("".join(text.split())) or _DOMAIN.search(text) else None


def _is_own(address: str, own_links: Collection[str]) -> bool:
    match = _ADDRESS.fullmatch(address)
    return match is not None and any(match[1] == host or match[1].endswith(f".{host}") for host in own_links)
