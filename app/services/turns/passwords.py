"""Service passwords: stored as Argon2id hashes, and checked between batches of turns (mission.md, M10)."""

import asyncio
from itertools import islice

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domain.passwords import PasswordCheck, PasswordCheckResult

_HASHER = PasswordHasher()
# A check takes some tens of milliseconds and 64 MiB on purpose; the next batch of turns waits for this many at most.
_MAX_PARALLEL = 4
_MAX_RESULTS = 1000


def hash_password(password: str) -> str:
    """Return the hash to store; takes some tens of milliseconds on purpose."""
    return _HASHER.hash(password)


def check_password(check: PasswordCheck) -> PasswordCheckResult:
    """Check a password. Return the hash of the new one if it is right, else None in its place."""
    try:
        _HASHER.verify(check.known_hash, check.password)
    except (VerificationError, InvalidHashError):
        return PasswordCheckResult(check.known_hash, None)
    return PasswordCheckResult(check.known_hash, hash_password(check.wanted))


class PasswordChecks:
    """Password checks requested by the turns of messages; run between two batches, outside any transaction.

    They are kept in memory only. After a restart the turn of the message runs again; its try is already counted.
    """

    def __init__(self) -> None:
        self._requested: dict[str, PasswordCheck] = {}
        self._done: dict[str, PasswordCheckResult] = {}

    def discard_requests(self) -> None:
        """Discard the requests of an earlier batch that were not run, as it may have been rolled back."""
        self._requested.clear()

    @property
    def are_requested(self) -> bool:
        """Whether the last batch of turns requested checks that were not run yet."""
        return bool(self._requested)

    def request(self, message_id: str, check: PasswordCheck) -> None:
        """Request a check for a message; it counts once the batch of its turn is committed."""
        self._requested[message_id] = check

    def result(self, message_id: str | None) -> PasswordCheckResult | None:
        """Return the result of the check for a message, or None if there is none yet."""
        return self._done.get(message_id) if message_id else None

    async def run(self) -> bool:
        """Run some of the requested checks; the next batch requests the others again. Return True if there were any."""
        if not self._requested:
            return False
        requested = dict(islice(self._requested.items(), _MAX_PARALLEL))
        self._requested.clear()
        checked = await asyncio.gather(*(asyncio.to_thread(check_password, check) for check in requested.values()))
        self._done |= dict(zip(requested, checked, strict=True))
        for message_id in list(islice(self._done, max(0, len(self._done) - _MAX_RESULTS))):
            del self._done[message_id]
        return True
