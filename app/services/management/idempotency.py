"""Idempotency keys of management calls: a repeated call gets the stored answer for 24 hours."""

import hashlib
from functools import partial

from app.db import idempotency
from app.db.session import Database
from app.domain.values import value
from app.services.sealing import Sealer

RecordedCall = idempotency.RecordedCall


@value
class CallKey:
    """An idempotency key together with a hash of its caller, so that keys of two callers never collide."""

    caller: str
    key: str

    @classmethod
    def of(cls, name: str, key: str) -> "CallKey":
        """Return the key for a caller by the name of its token, which outlives a change of the secret."""
        return cls(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest(), key)


class IdempotentCalls:
    """Stores calls and their answers."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def begin(self, call: CallKey, request: bytes) -> RecordedCall | None:
        """Record the start of a call. Return None, or the earlier call that had the same key.

        Raise StorageUnavailableError if the database cannot be reached.
        """
        begun = partial(
            idempotency.begin,
            caller=call.caller,
            key=call.key,
            request_hash=self._sealer.fingerprint(request),
        )
        return await self._database.write(begun)

    def is_same(self, known: RecordedCall, request: bytes) -> bool:
        """Return True if the earlier call had the same request."""
        return self._sealer.is_fingerprint(known.request_hash, request)

    async def end(self, call: CallKey, status: int, media_type: str, body: str) -> None:
        """Store the answer."""
        ended = partial(
            idempotency.end, caller=call.caller, key=call.key, status=status, media_type=media_type, body=body
        )
        await self._database.write(ended)

    async def drop(self, call: CallKey) -> None:
        """Delete a call that had no effect, so that it can be repeated."""
        await self._database.write(partial(idempotency.drop, caller=call.caller, key=call.key))
