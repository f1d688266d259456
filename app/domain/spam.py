"""Spam reports: parses the reported number and the forwarded content (flows.md 12)."""

import itertools
import re
from datetime import datetime, timedelta

from app.domain.msisdn import parse_msisdn
from app.domain.records import Record
from app.domain.values import value

# A report with the same number and content from the same reporter within this time is a repeat.
ONCE_WITHIN = timedelta(hours=24)

# Visible and invisible characters that people and telephones write around and between the digits of a number.
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_JOINT = rf"[ ()\u2010-\u2015\u2212{_INVISIBLE}-]"
# Possessive: these characters can be inside the number, too, and backtracking would try every split.
_LEADING = r"[^\w+]*+"
_STARRED = re.compile(rf"{_LEADING}(\+?(?:{_JOINT}*[0-9]){{3,20}}){_JOINT}*\*\s*(\S.*)", re.DOTALL)
_SPACED = re.compile(rf"{_LEADING}(\+?{_JOINT}*(?>[0-9]+(?:{_JOINT}+[0-9]++(?={_JOINT}|$))*))")
_CONTENT = re.compile(rf"[){_INVISIBLE}]* [ {_INVISIBLE}]*(\S.*)", re.DOTALL)
_DIGITS = re.compile("[0-9]+")
_FEWEST_DIGITS, _MOST_DIGITS = 3, 20
# A group of this many digits is a whole number, not a part of one.
_COMPLETE_DIGITS = 10


@value
class SpamReport(Record):
    """A report by a subscriber; ``number`` is the reported one, None if the report named none."""

    number: str | None
    content: str

    def is_repeated_by(self, number: str | None, content: str, at: datetime) -> bool:
        """Return True if a report with these values at ``at`` (UTC) repeats this one within 24 hours."""
        return (self.number, self.content) == (number, content) and at - self.made_at <= ONCE_WITHIN


def number_and_content(text: str) -> tuple[str, str] | None:
    """Return the number that a report begins with, normalised, and the forwarded content; None without a number.

    The number may contain blanks and hyphens. Without a ``*`` it ends where it is a complete number, else after
    the last group of digits.
    """
    starred = _STARRED.fullmatch(text)
    if starred:
        return reported_number(starred[1]), starred[2]
    spaced = _SPACED.match(text)
    if not spaced:
        return None
    start, last = spaced.span(1)
    groups = [group.span() for group in itertools.islice(_DIGITS.finditer(text, start, last), _MOST_DIGITS)]
    whole = [end for begin, end in groups if end - begin >= _COMPLETE_DIGITS or parse_msisdn(_digits(text[start:end]))]
    for end in (*whole, last):
        content = _CONTENT.match(text, end)
        if content and _FEWEST_DIGITS <= len(_digits(text[start:end])) <= _MOST_DIGITS:
            return reported_number(text[start:end]), content[1]
    return None


def _digits(written: str) -> str:
    return "".join(_DIGITS.findall(written))


def reported_number(written: str) -> str:
    """Return a reported number as reports are grouped by it: a mobile number in E.164, any other as its digits."""
    sign = "+" if written.startswith("+") else ""
    return parse_msisdn(sign + _digits(written)) or _digits(written)
