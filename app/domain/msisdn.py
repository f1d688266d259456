"""Numbers of subscribers: E.164, and the bucket that a number's rows live in."""

import re
import unicodedata
import zlib
from enum import StrEnum
from functools import lru_cache

import phonenumbers

from app.domain.escape import escape

BUCKETS = 256
_FORMS = re.compile(r"(?:\+|00)?[1-9][0-9]{6,14}")
# What people and programs put around and between the digits of a number.
_SCHEME = re.compile(r"\s*(?:tel|sms|smsto):", re.IGNORECASE)
_BETWEEN = re.compile(r"\(0\)|[\s().\-/\u2010-\u2015\u2212\u00b7]")
_LONGEST_SENDER = 64
_SERVICE = re.compile(r"\+?[0-9]{3,20}")
_HIDDEN, _LAST_SHOWN = 4, 4
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@lru_cache(maxsize=20_000)
def bucket_of(number: str) -> int:
    """The bucket (0-255) of a number: a hash that is the same on every machine and in every release."""
    return zlib.crc32(number.encode("utf-8", "surrogatepass")) % BUCKETS


class Numbers(StrEnum):
    """How a carrier means numbers without ``+`` or ``00``."""

    NATIONAL = "national"
    INTERNATIONAL = "international"


def parse_msisdn(text: str) -> str | None:
    """A mobile subscriber's number in E.164, or None for anything else (short codes, landlines, service numbers).

    ``13800138000``, ``+8613800138000``, ``8613800138000`` and ``008613800138000`` are the same number
    (http-api.md); a number of another country needs its ``+`` or ``00``, or to be unmistakable without.
    """
    text = text.strip()
    return _parsed(text, Numbers.NATIONAL) if _FORMS.fullmatch(text) else None


def parse_sender(text: str, numbers: Numbers = Numbers.NATIONAL) -> str | None:
    """The same of who wrote, in any usual form: with blanks, hyphens, brackets, ``tel:``, marks, full width.

    Where neither ``+`` nor ``00`` stands in front, ``numbers`` says which reading comes first (flows.md 2).
    """
    if not _FORMS.fullmatch(text):
        text = _bare(text)
        if not _FORMS.fullmatch(text):
            return None
    return _parsed(text, numbers)


def _bare(text: str) -> str:
    folded = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    scheme = _SCHEME.match(folded)
    return _BETWEEN.sub("", folded[scheme.end() :].partition(";")[0] if scheme else folded)


@lru_cache(maxsize=200_000)
def _parsed(text: str, numbers: Numbers) -> str | None:
    digits = text.removeprefix("+").removeprefix("00")
    candidates = [f"+{digits}"] if text[0] in "+0" else [f"+86{digits}", f"+{digits}"]
    if numbers is Numbers.INTERNATIONAL:
        candidates.reverse()
    for candidate in candidates:
        try:
            number = phonenumbers.parse(candidate, None)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.number_type(number) in _MOBILE:
            return f"+{number.country_code}{number.national_number}"
    return None


def is_service_number(text: str) -> bool:
    """Whether a sender that is no subscriber is a number all the same: a short code, a landline, our own number."""
    return _SERVICE.fullmatch(_bare(text)) is not None


def sender_as_given(text: str) -> str:
    """A sender that is no subscriber, as it came: two that differ are two."""
    return escape(text[:_LONGEST_SENDER]) or "?"


def masked(msisdn: str) -> str:
    """``+86138****8000``: how a number may be shown in logs (delivery.md, security)."""
    if len(msisdn) <= _HIDDEN + _LAST_SHOWN:
        return "*" * _HIDDEN
    return f"{msisdn[: -_HIDDEN - _LAST_SHOWN]}{'*' * _HIDDEN}{msisdn[-_LAST_SHOWN:]}"
