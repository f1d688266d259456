"""Names of SPs and services, and words about leaving one: none may say anything false (safety.md 29).

All are judged as a reader sees them: in NFKC form, blanks and combining marks left out.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from app.domain.texts import reserved

LONGEST_NAME = 20
LONGEST_NOTE = 60
# No width, though Unicode counts them among letters, marks and symbols.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_MARKS = frozenset({"Mn", "Me"})
_NUMERAL = "0"
# Signs between a numeral and its unit hide nothing: 5.元, 5(元).
_MONEY = re.compile(
    rf"{_NUMERAL}[^\w]*(?:{'|'.join(reserved.UNITS)})|(?:{'|'.join(reserved.UNITS_BEFORE)})[^\w]*{_NUMERAL}"
)
_SPOKEN_MONEY = re.compile(f"[0-9]{reserved.SPOKEN_UNIT}")
_FREE = re.compile("|".join(reserved.FREE))
_FREE_WORD = re.compile(rf"(?<![^\W_]){reserved.FREE_WORD}(?![^\W_])")
# A dot with two letters behind it; an address of digits; a dot as browsers read one; spaced out as no sentence is.
_DOMAIN = re.compile(
    rf"[^\W_]\.[^\W\d_]{{2}}|[0-9]+(?:\.[0-9]+){{3}}|[a-z0-9]{reserved.WIDE_STOP}[a-z]{{2}}"
    r"|[^\W_]\s+\.\s*[^\W\d_]{2}|[^\W_]\.\s+(?:com|cn|net|org|cc)(?![^\W_])"
)
_WEB = re.compile(r"http|www\.")
_ADDRESS = re.compile(r"(?:https?://)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:/[a-z0-9/_-]*)?")
# Whatever a handset may take for one address; a letter right before it would be a part of its host.
_MAYBE_ADDRESS = re.compile(r"(?<![\w.@-])[a-z0-9:/][a-z0-9._~:/?#@!$&'()*+=%\[\]\\-]*[a-z0-9/]")
_ITEM_NUMBER = re.compile(rf"{_NUMERAL}[{reserved.BEHIND_ITEM_NUMBER}]")
# Behind a name stands its price: 会员0. and 5元 are 0.5元. These end no name, nor do dashes and what opens a bracket.
_RUNS_ON = frozenset(".·•‧・/\\#*&@") | frozenset(reserved.LIST_SIGNS)
_RUN_ON_KINDS = frozenset({"Pd", "Ps", "Pi", "Pc", "Sm", "Sk"})
_MAY_END = "+"
_ORDER_KEYWORD = re.compile(r"(?=.*[A-Z])[A-Z0-9]{2,12}")

_INVISIBLE = "must not hold line breaks, control characters, or others that have no width or turn the direction"
_AMOUNT = "must not speak of money: no amount, no sign of a currency"
_GRATIS = "must not say that anything is free"
_LINK = "must not hold a link or what reads as one"


def is_numeral(char: str) -> bool:
    """Whether a character counts: digits of any script and form, ③, Ⅲ, ½, 三."""
    return char in reserved.COUNT_WORDS or unicodedata.numeric(char, None) is not None


@lru_cache(maxsize=10_000)
def ends_in_numeral(name: str) -> bool:
    """Whether a price right behind a name would run into it."""
    return _counted(name).endswith(_NUMERAL)


def name_violation(name: str) -> str | None:
    """What is wrong with the characters of a name, as the rest of a sentence, or None."""
    return _shape_violation(name) or _money_violation(name, amounts=False) or _link_violation(_seen(name))


def cancel_warning_violation(words: str) -> str | None:
    """What is wrong with the words that ask before something ends; they may name an amount."""
    return _note_violation(words) or _money_violation(words, amounts=True) or _link_violation(as_read(words))


def cancel_how_violation(words: str, own_links: Collection[str]) -> str | None:
    """What is wrong with the words for another way out; they may name a telephone number and an address of ours."""
    violation = _note_violation(words) or _money_violation(words, amounts=False)
    if violation or not _link_violation(as_read(words)):
        return violation
    elsewhere = _MAYBE_ADDRESS.sub(lambda found: "x" if _is_own(found[0], own_links) else found[0], as_read(words))
    return _link_violation(elsewhere) and f"{_LINK}, other than an address, set apart, below own_links of the settings"


def bill_item_violation(words: str) -> str | None:
    """What is wrong with the name of a line of a bill, which may speak of money."""
    if _is_invisible(words):
        return _INVISIBLE
    return (
        "must not hold a semicolon: it ends the line"
        if reserved.ITEM_END in _seen(words)
        else _link_violation(as_read(words))
    )


def order_keyword_violation(word: str) -> str | None:
    """What is wrong with an order keyword (upper case), as a sentence, or None (safety.md 9)."""
    if _ORDER_KEYWORD.fullmatch(word):
        return None
    return "must have 2 to 12 letters and digits, and not digits only"


# ---- how it is written


def _shape_violation(name: str) -> str | None:
    if _is_invisible(name):
        return _INVISIBLE
    words = _folded(name).split(" ")
    if not 1 <= len("".join(words)) <= LONGEST_NAME or "" in words:
        return f"must have 1 to {LONGEST_NAME} characters, and only single blanks between them"
    seen = _seen(name)
    if any(sign in seen for sign in reserved.LIST_SIGNS):
        return "must not hold list punctuation, colons or full stops: listings are made of them"
    if not any(map(str.isalpha, _counted(name))):
        return "must not be a number, or nothing but signs"
    if seen[-1] in _RUNS_ON or (unicodedata.category(seen[-1]) in _RUN_ON_KINDS and seen[-1] != _MAY_END):
        return "must not end in a sign that could run into the price behind it"
    return None


def _note_violation(words: str) -> str | None:
    if _is_invisible(words):
        return _INVISIBLE
    if len(_folded(words)) > LONGEST_NOTE or not _seen(words):
        return f"must have 1 to {LONGEST_NOTE} characters"
    if reserved.ITEM_END in _seen(words):
        return "must not hold a semicolon: it ends the item of a listing"
    if _ITEM_NUMBER.search(_counted(words)):
        return (
            "must not hold a numeral with a point or an enumeration comma behind it: it reads as an item of a listing"
        )
    return None


# ---- what is seen


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(" " if char.isspace() else char for char in folded)


def as_read(text: str) -> str:
    """In NFKC form and small letters, without combining marks; every kind of blank is one."""
    return "".join(char for char in _folded(text) if unicodedata.category(char) not in _MARKS)


def _seen(text: str) -> str:
    return "".join(as_read(text).split())


def _counted(text: str) -> str:
    """As it is seen, each numeral as 0: some are letters in NFKC form."""
    return _as_zeros(_seen(_as_zeros(text)))


def _as_zeros(text: str) -> str:
    return "".join(_NUMERAL if is_numeral(char) else char for char in text)


def _is_invisible(text: str) -> bool:
    printable = all(char.isprintable() or unicodedata.category(char) == "Zs" for char in text)
    return not printable or any(char in _FILLERS or ord(char) in _SELECTORS for char in text)


# ---- what is said


def _money_violation(text: str, *, amounts: bool) -> str | None:
    seen = _seen(text)
    if _FREE.search(seen) or _FREE_WORD.search(as_read(text)):
        return _GRATIS
    signs = any(unicodedata.category(char) == "Sc" or char in reserved.CURRENCY_SIGNS for char in seen)
    is_money = signs or _MONEY.search(_counted(text)) or _SPOKEN_MONEY.search(seen)
    return _AMOUNT if is_money and not amounts else None


def _link_violation(text: str) -> str | None:
    return _LINK if _WEB.search("".join(text.split())) or _DOMAIN.search(text) else None


def _is_own(address: str, own_links: Collection[str]) -> bool:
    found = _ADDRESS.fullmatch(address)
    return found is not None and any(found[1] == host or found[1].endswith(f".{host}") for host in own_links)
