"""Spam reports: whose message was forwarded, and what it said (flows.md 12)."""

import itertools
import re
from datetime import datetime, timedelta

from app.domain.msisdn import parse_msisdn
from app.domain.records import Record
from app.domain.values import value

# The same number and content from the same reporter within this counts once.
ONCE_WITHIN = timedelta(hours=24)

# What people and telephones put between the digits of a number, and around it, seen or not.
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_JOINT = rf"[ ()\u2010-\u2015\u2212{_INVISIBLE}-]"
# Possessive: what it takes could stand within the number, too, and every other way to part them would be tried.
_BEFORE = r"[^\w+]*+"
_STARRED = re.compile(rf"{_BEFORE}(\+?(?:{_JOINT}*[0-9]){{3,20}}){_JOINT}*\*\s*(\S.*)", re.DOTALL)
_SPACED = re.compile(rf"{_BEFORE}(\+?{_JOINT}*(?>[0-9]+(?:{_JOINT}+[0-9]++(?={_JOINT}|$))*))")
_BEHIND = re.compile(rf"[){_INVISIBLE}]* [ {_INVISIBLE}]*(\S.*)", re.DOTALL)
_DIGITS = re.compile("[0-9]+")
_FEWEST, _MOST = 3, 20
# Nobody writes a part of a number in so many digits.
_WHOLE = 10


@value
class SpamReport(Record):
    """A report by the subscriber that it is kept with; ``number`` is None where she named none."""

    number: str | None
    content: str

    def is_repeated_by(self, number: str | None, content: str, at: datetime) -> bool:
        """Whether a report that comes at ``at`` (UTC) says the same again within a day."""
        return (self.number, self.content) == (number, content) and at - self.made_at <= ONCE_WITHIN


def number_and_content(said: str) -> tuple[str, str] | None:
    """The number that a report begins with, as reports are counted by it, and the content of its message.

    Blanks and hyphens inside the number belong to it. Where no star says how far it goes, it goes as far as there are
    groups of digits, unless it is whole before.
    """
    starred = _STARRED.fullmatch(said)
    if starred:
        return reported_number(starred[1]), starred[2]
    found = _SPACED.match(said)
    if not found:
        return None
    start, last = found.span(1)
    groups = [group.span() for group in itertools.islice(_DIGITS.finditer(said, start, last), _MOST)]
    whole = [end for begin, end in groups if end - begin >= _WHOLE or parse_msisdn(_digits(said[start:end]))]
    for end in (*whole, last):
        content = _BEHIND.match(said, end)
        if content and _FEWEST <= len(_digits(said[start:end])) <= _MOST:
            return reported_number(said[start:end]), content[1]
    return None


def _digits(written: str) -> str:
    return "".join(_DIGITS.findall(written))


def reported_number(written: str) -> str:
    """A number as reports are counted by it: a subscriber's number in E.164, any other as its digits."""
    sign = "+" if written.startswith("+") else ""
    return parse_msisdn(sign + _digits(written)) or _digits(written)
