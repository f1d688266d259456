"""Service passwords: their form, and how many wrong ones may be tried in a day (flows.md 11)."""

import re
from dataclasses import field
from datetime import date

from app.domain.records import Record
from app.domain.values import replace, value

# Wrong passwords allowed per day in Shanghai.
MOST_WRONG = 3
_SIX_DIGITS = re.compile(r"[0-9]{6}")
_ASCENDING, _DESCENDING = "0123456789", "9876543210"


@value
class PasswordTries(Record):
    """The password tries of a tenure on one day (``2026-03-02`` in Shanghai), as ids of messages.

    A try is counted before its password is checked, so that a crash between the two gives no extra try. The tries are
    reset when a password was right.
    """

    day: str
    messages: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Always True, so that turns get it however old it is."""
        return True

    @property
    def needs_settling(self) -> bool:
        """False, as nothing is to be done about it."""
        return False

    def on_day(self, day: date) -> "PasswordTries":
        """Return the tries of this day (Shanghai); a new day starts without any."""
        return self if self.day == day.isoformat() else replace(self, day=day.isoformat(), messages=())

    def count_besides(self, message_id: str) -> int:
        """Return the number of tries by other messages than this one."""
        return sum(other != message_id for other in self.messages)

    def with_message(self, message_id: str) -> "PasswordTries":
        """Return the tries with this message counted; a message counts once."""
        return self if message_id in self.messages else replace(self, messages=(*self.messages, message_id))


@value
class PasswordCheck:
    """A request to check a password against a hash and, if it is right, to hash the new one.

    Hashing is slow on purpose. It runs between two passes of a turn, outside any transaction, after storing ``tries``.

    Attributes:
        known_hash: the stored hash.
        password: the old password as it was sent.
        wanted: the new password.
        tries: today's tries, this message included.
    """

    known_hash: str
    password: str = field(repr=False)
    wanted: str = field(repr=False)
    tries: PasswordTries


@value
class PasswordCheckResult:
    """The result of a password check: the hash of the new password, or None if the old one was wrong."""

    known_hash: str
    new_hash: str | None


def is_six_digits(word: str) -> bool:
    """Return True if a word has the form of a password."""
    return _SIX_DIGITS.fullmatch(word) is not None


def is_easy(password: str, msisdn: str) -> bool:
    """Return True for a password that is easy to guess: one digit repeated, a run, or part of the number."""
    return len(set(password)) == 1 or any(password in digits for digits in (_ASCENDING, _DESCENDING, msisdn))
