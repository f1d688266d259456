"""Service passwords: Argon2id hashes, so that nobody can read one afterwards (M10)."""

import asyncio
from itertools import islice

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domain.passwords import PasswordCheck, PasswordCheckResult

_HASHER = PasswordHasher()
# A check takes some tens of milliseconds and 64 MiB on purpose; others who wrote wait for no more than these.
_AT_ONCE = 4
_REMEMBERED = 1000


def hash_password(password: str) -> str:
    """The hash to store; takes some tens of milliseconds on purpose."""
    return _HASHER.hash(password)


def check_password(check: PasswordCheck) -> PasswordCheckResult:
    """Whether the password is right; only then the new one is hashed."""
    try:
        _HASHER.verify(check.known_hash, check.password)
    except (VerificationError, InvalidHashError):
        return PasswordCheckResult(check.known_hash, None)
    return PasswordCheckResult(check.known_hash, hash_password(check.wanted))


class PasswordChecks:
    """What turns of messages await: looked at between two passes, outside of every transaction.

    Nothing of it is stored. After a restart a message is simply judged again, and its try has been counted.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, PasswordCheck] = {}
        self._done: dict[str, PasswordCheckResult] = {}

    def begin(self) -> None:
        """Forget what a batch wanted that was not written."""
        self._wanted.clear()

    def want(self, message_id: str, check: PasswordCheck) -> None:
        """A message awaits this, once its batch has been written."""
        self._wanted[message_id] = check

    def result(self, message_id: str | None) -> PasswordCheckResult | None:
        """What came of it, if it has been looked at."""
        return self._done.get(message_id) if message_id else None

    async def run(self) -> None:
        """Look at some of what is wanted; the others are wanted again by the next batch."""
        if not self._wanted:
            return
        wanted = dict(islice(self._wanted.items(), _AT_ONCE))
        self._wanted.clear()
        checked = await asyncio.gather(*(asyncio.to_thread(check_password, check) for check in wanted.values()))
        self._done |= dict(zip(wanted, checked, strict=True))
        for message_id in list(islice(self._done, max(0, len(self._done) - _REMEMBERED))):
            del self._done[message_id]
