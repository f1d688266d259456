"""Telephone numbers: parsing to E.164, the bucket of a number's rows, and masking for logs."""

import re
import unicodedata
import zlib
from enum import StrEnum
from functools import lru_cache

import phonenumbers

from app.domain.escape import escape

BUCKETS = 256
_NUMBER_FORM = re.compile(r"(?:\+|00)?[1-9][0-9]{6,14}")
# What people and programs write before and between the digits of a number.
_SCHEME = re.compile(r"\s*(?:tel|sms|smsto):", re.IGNORECASE)
_PUNCTUATION = re.compile(r"\(0\)|[\s().\-/\u2010-\u2015\u2212\u00b7]")
_LONGEST_SENDER = 64
_ANY_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_HIDDEN, _LAST_SHOWN = 4, 4
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


def _chinese_mobile() -> re.Pattern[str]:
    """Return the form of nearly all senders, with the ranges of phonenumbers, which itself takes 40 µs a number."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region("CN")
    if plan is None or plan.mobile is None:
        raise LookupError("phonenumbers has no mobile numbers of China")
    return re.compile(rf"(?P<country>(?:\+|00)?86)?(?P<national>{plan.mobile.national_number_pattern})")


_CHINESE_MOBILE = _chinese_mobile()


@lru_cache(maxsize=2_000)
def bucket_of(number: str) -> int:
    """Return the bucket of a number, 0 to 255: a hash that is the same on every machine and in every release."""
    return zlib.crc32(number.encode("utf-8", "surrogatepass")) % BUCKETS


class Numbers(StrEnum):
    """The form in which a carrier writes numbers without ``+`` or ``00``: without or with a country code."""

    NATIONAL = "national"
    INTERNATIONAL = "international"


def parse_msisdn(text: str) -> str | None:
    """Return a mobile number in E.164, or None for anything else (short codes, landlines, service numbers).

    ``13800138000``, ``+8613800138000``, ``8613800138000`` and ``008613800138000`` are the same number. A number of
    another country needs ``+`` or ``00`` unless it is no Chinese mobile number.
    """
    text = text.strip()
    return _parsed(text, Numbers.NATIONAL) if _NUMBER_FORM.fullmatch(text) else None


def parse_sender(text: str, numbers: Numbers = Numbers.NATIONAL) -> str | None:
    """Return the mobile number of a sender in E.164, or None.

    Accepts every usual form: blanks, hyphens, brackets, ``tel:``, direction marks, full-width digits. ``numbers`` says
    how to read it first if it has neither ``+`` nor ``00`` (flows.md 2).
    """
    if not _NUMBER_FORM.fullmatch(text):
        text = _bare(text)
        if not _NUMBER_FORM.fullmatch(text):
            return None
    return _parsed(text, numbers)


def _bare(text: str) -> str:
    folded = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    scheme = _SCHEME.match(folded)
    return _PUNCTUATION.sub("", folded[scheme.end() :].partition(";")[0] if scheme else folded)


def _parsed(text: str, numbers: Numbers) -> str | None:
    chinese = _CHINESE_MOBILE.fullmatch(text)
    if chinese is not None and (numbers is Numbers.NATIONAL or chinese["country"] is not None):
        return f"+86{chinese['national']}"
    return _parsed_by_plan(text, numbers)


@lru_cache(maxsize=1_000)
def _parsed_by_plan(text: str, numbers: Numbers) -> str | None:
    """Read a number by the numbering plans of all countries."""
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
    """Return True if a sender has the form of a number, such as a short code or a landline."""
    return _ANY_NUMBER.fullmatch(_bare(text)) is not None


def sender_as_given(text: str) -> str:
    """Return a sender that is not a mobile number as it is stored: escaped, at most 64 characters, ``?`` if empty."""
    return escape(text[:_LONGEST_SENDER]) or "?"


def masked(msisdn: str) -> str:
    """Return a number as logs may show it: ``+86138****8000`` (delivery.md, security)."""
    if len(msisdn) <= _HIDDEN + _LAST_SHOWN:
        return "*" * _HIDDEN
    return f"{msisdn[: -_HIDDEN - _LAST_SHOWN]}{'*' * _HIDDEN}{msisdn[-_LAST_SHOWN:]}"
