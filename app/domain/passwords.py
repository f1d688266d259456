"""Service passwords: what one may look like, and how many wrong ones a day may be tried (flows.md 11)."""

import re
from dataclasses import field
from datetime import date

from app.domain.records import Record
from app.domain.values import replace, value

MOST_WRONG = 3
_SIX_DIGITS = re.compile(r"[0-9]{6}")
_UP, _DOWN = "0123456789", "9876543210"


@value
class PasswordTries(Record):
    """The tries of a day (``2026-03-02`` in Shanghai), one for each tenure, as ids of messages.

    A try is counted before its password is looked at, so that no crash in between gives another one; it is taken back
    when the password was right.
    """

    day: str
    messages: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Kept at hand."""
        return True

    def on_day(self, day: date) -> "PasswordTries":
        """As they count on a day: a new one begins with none."""
        return self if self.day == day.isoformat() else replace(self, day=day.isoformat(), messages=())

    def count_besides(self, message_id: str) -> int:
        """How many there were beside this message."""
        return sum(known != message_id for known in self.messages)

    def with_message(self, message_id: str) -> "PasswordTries":
        """With this message, once."""
        return self if message_id in self.messages else replace(self, messages=(*self.messages, message_id))


@value
class PasswordCheck:
    """A password to be held against a hash, and the one that is to take its place if it is right.

    Slow on purpose, so it is done between two passes of a turn, outside of every transaction, and only when ``tries``
    have been stored.
    """

    known_hash: str
    password: str = field(repr=False)
    wanted: str = field(repr=False)
    tries: PasswordTries


@value
class PasswordCheckResult:
    """What came of it: the hash of the new password, None if the old one was wrong."""

    known_hash: str
    new_hash: str | None


def is_six_digits(word: str) -> bool:
    """Whether it has the form of a password."""
    return _SIX_DIGITS.fullmatch(word) is not None


def is_easy(password: str, msisdn: str) -> bool:
    """Whether anybody could guess it: one digit repeated, a run, or part of the customer's number."""
    return len(set(password)) == 1 or any(password in digits for digits in (_UP, _DOWN, msisdn))
