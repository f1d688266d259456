"""Names of SPs and services: what must not stand in a text that customers and programs read (safety.md 29)."""

import re

from app.domain.texts.listing import MONEY_WORDS, PUNCTUATION

LONGEST = 20
_LINK = re.compile(r"https?:|www\.|\w\.(?:com|cn|net|org|example|top|vip|cc)\b", re.IGNORECASE)
_ORDER_KEYWORD = re.compile(r"(?=.*[A-Z])[A-Z0-9]{2,12}")


def name_fault(name: str) -> str | None:
    """What is wrong with a name, as a sentence, or None."""
    if not 1 <= len(name.strip()) <= LONGEST or len(name) > LONGEST:
        return f"must have 1 to {LONGEST} characters"
    if not name.isprintable() or any(sign in name for sign in PUNCTUATION):
        return "must not hold list punctuation, colons or line breaks: listings are made of them"
    if any(word in name for word in MONEY_WORDS):
        return "must not speak of money"
    if _LINK.search(name):
        return "must not hold a link"
    return None


def order_keyword_fault(word: str) -> str | None:
    """What is wrong with an order keyword (upper case), as a sentence, or None (safety.md 9)."""
    if _ORDER_KEYWORD.fullmatch(word):
        return None
    return "must have 2 to 12 letters and digits, and not digits only"
