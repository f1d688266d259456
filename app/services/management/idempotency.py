"""Management calls that may be repeated: the same key gets the same answer for 24 hours (http-api.md)."""

import hashlib
from datetime import UTC, datetime
from functools import partial

from app.db import idempotency
from app.db.session import Database
from app.domain.values import value
from app.services.sealing import Sealer

KnownCall = idempotency.KnownCall
# What says nothing of the call itself: it may be made again with the same key.
_TRANSIENT_STATUSES = frozenset({401, 403, 408, 429})
_FIRST_SERVER_ERROR = 500


@value
class CallKey:
    """Whose call, by which key: keys of different tokens never meet."""

    caller: str
    key: str

    @classmethod
    def of(cls, token: str, key: str) -> "CallKey":
        """The token is kept as a hash only."""
        return cls(hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest(), key)


class IdempotentCalls:
    """Remembers calls and their answers."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def begin(self, call: CallKey, request: bytes) -> KnownCall | None:
        """Note that a call begins, or what is known of it if it was made before. StorageUnavailableError."""
        begun = partial(
            idempotency.begin,
            caller=call.caller,
            key=call.key,
            request_hash=self._sealer.fingerprint(request),
            now=datetime.now(UTC),
        )
        return await self._database.write(begun)

    def is_same(self, known: KnownCall, request: bytes) -> bool:
        """Whether a known call was made by the same words."""
        return known.request_hash == self._sealer.fingerprint(request)

    async def end(self, call: CallKey, status: int, media_type: str, body: str) -> None:
        """Keep the answer, unless it was a passing one."""
        if status in _TRANSIENT_STATUSES or status >= _FIRST_SERVER_ERROR:
            await self.drop(call)
            return
        ended = partial(
            idempotency.end, caller=call.caller, key=call.key, status=status, media_type=media_type, body=body
        )
        await self._database.write(ended)

    async def drop(self, call: CallKey) -> None:
        """Forget a call that came to nothing."""
        await self._database.write(partial(idempotency.drop, caller=call.caller, key=call.key))
