"""Idempotency keys of management calls: a repeated call gets the stored answer for 24 hours."""

import hashlib
from functools import partial

from app.db import idempotency
from app.db.session import Database
from app.domain.values import value
from app.services.sealing import Sealer

RecordedCall = idempotency.RecordedCall


@value
class KeyedCall:
    """A request under an idempotency key, and a hash of its caller, so that keys of two callers never collide."""

    caller: str
    key: str
    request: bytes

    @classmethod
    def of(cls, name: str, key: str, request: bytes) -> "KeyedCall":
        """Return the call of a caller by the name of its token, which outlives a change of the secret."""
        return cls(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest(), key, request)


class IdempotentCalls:
    """Stores calls and their answers."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def begin(self, call: KeyedCall) -> RecordedCall | None:
        """Record the start of a call. Return None, or the earlier call that had the same key.

        Raise StorageUnavailableError if the database cannot be reached.
        """
        return await self._database.write(lambda connection: idempotency.begin(connection, *self._place(call)))

    def is_same(self, known: RecordedCall, call: KeyedCall) -> bool:
        """Return True if the earlier call had the same request."""
        return self._sealer.is_fingerprint(known.request_hash, call.request)

    async def end(self, call: KeyedCall, status: int, media_type: str, body: str) -> None:
        """Store the answer."""
        ended = partial(idempotency.end, status=status, media_type=media_type, body=body)
        await self._database.write(lambda connection: ended(connection, *self._place(call)))

    async def drop(self, call: KeyedCall) -> None:
        """Delete a call that had no effect, so that it can be repeated."""
        await self._database.write(lambda connection: idempotency.drop(connection, *self._place(call)))

    def _place(self, call: KeyedCall) -> tuple[str, str, str]:
        return call.caller, call.key, self._sealer.fingerprint(call.request)
