"""Numbers of subscribers: E.164, and the bucket that a number's rows live in."""

import re
import zlib
from functools import lru_cache

import phonenumbers

BUCKETS = 256
_SENDER = re.compile(r"[0-9A-Za-z+ ._-]{1,32}")
_FORMS = re.compile(r"(?:\+|00)?[1-9][0-9]{6,14}")
_LONGEST_SENDER = 32
_HIDDEN, _LAST_SHOWN = 4, 4
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@lru_cache(maxsize=20_000)
def bucket_of(number: str) -> int:
    """The bucket (0-255) of a number: a hash that is the same on every machine and in every release."""
    return zlib.crc32(number.encode("utf-8", "surrogatepass")) % BUCKETS


def parse_msisdn(text: str) -> str | None:
    """A mobile subscriber's number in E.164, or None for anything else (short codes, landlines, service numbers).

    ``13800138000``, ``+8613800138000``, ``8613800138000`` and ``008613800138000`` are the same number
    (http-api.md); a number of another country needs its ``+`` or ``00``, or to be unmistakable without.
    """
    text = text.strip()
    return _parsed(text) if _FORMS.fullmatch(text) else None


@lru_cache(maxsize=200_000)
def _parsed(text: str) -> str | None:
    digits = text.removeprefix("+").removeprefix("00")
    candidates = [f"+{digits}"] if text[0] in "+0" else [f"+86{digits}", f"+{digits}"]
    for candidate in candidates:
        try:
            number = phonenumbers.parse(candidate, None)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.number_type(number) in _MOBILE:
            return f"+{number.country_code}{number.national_number}"
    return None


def sender_as_given(text: str) -> str:
    """A sender that is no subscriber, kept short and printable for the record."""
    return "".join(_SENDER.findall(text))[:_LONGEST_SENDER] or "?"


def masked(msisdn: str) -> str:
    """``+86138****8000``: how a number may be shown in logs (delivery.md, security)."""
    if len(msisdn) <= _HIDDEN + _LAST_SHOWN:
        return "*" * _HIDDEN
    return f"{msisdn[: -_HIDDEN - _LAST_SHOWN]}{'*' * _HIDDEN}{msisdn[-_LAST_SHOWN:]}"
