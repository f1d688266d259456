"""The worker number of this process: leased, renewed while the gateway runs, given back at its end (ADR 23)."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from os import getpid

from sqlalchemy import Connection

from app import observability
from app.db import workers
from app.db.clock import clock_of
from app.db.session import Database
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.services.ids import IdSource

LEASE = timedelta(minutes=2)
RENEWED_EVERY = timedelta(seconds=30)
_TRIED_AGAIN_AFTER = timedelta(seconds=1)
log = observability.logger(__name__)


def process_name() -> str:
    """Return a name for leases that no other process has, not even one in the same container after a restart."""
    return f"{socket.gethostname()}:{getpid()}:{secrets.token_hex(4)}"


@value
class _Lease:
    """A worker number and the times of which its ids may be (UTC)."""

    number: int
    since: datetime
    until: datetime


class WorkerNumber:
    """Leases a worker number for a source of ids, which makes none beyond the lease."""

    def __init__(self, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids
        # Tells this process from those that had its number before.
        self.owner = secrets.token_hex(8)
        self._held: int | None = None
        self._is_wanted = asyncio.Event()

    @property
    def number(self) -> int:
        """The number that is held. Raise StorageUnavailableError before one is."""
        if self._held is None:
            raise StorageUnavailableError("this process holds no worker number")
        return self._held

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold a number within the context. Raise StorageUnavailableError if there is none to be had."""
        await self.renew()
        self._ids.when_ended = partial(_call_soon, asyncio.get_running_loop(), self._is_wanted.set)
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._ids.when_ended = lambda: None
            keeping.cancel()
            await self._give_back()

    async def renew(self) -> None:
        """Renew the lease, or take another number if another process has this one now."""
        lease = await self._database.write_quietly(self._lease)
        if self._held not in (None, lease.number):
            log.warning("the lease of the worker number was lost; there is another one", number=lease.number)
        self._held = lease.number
        self._ids.hold(lease.number, lease.since, lease.until)

    def _lease(self, connection: Connection) -> _Lease:
        now = clock_of(connection)()
        # Ids may be ahead of the clock.
        until = max(now, self._ids.newest_ends) + LEASE
        if self._held is not None and workers.keep(connection, self._held, self.owner, until):
            return _Lease(self._held, now, until)
        return _Lease(workers.take(connection, self.owner, now, until), now, until)

    async def _keep(self) -> None:
        while True:
            # Sooner if ids are ahead of the lease, as those of another process were whose clock is fast.
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEWED_EVERY.total_seconds()):
                    await self._is_wanted.wait()
            self._is_wanted.clear()
            if not await self._is_renewed():
                await asyncio.sleep(_TRIED_AGAIN_AFTER.total_seconds())
                self._is_wanted.set()

    async def _is_renewed(self) -> bool:
        try:
            await self.renew()
        except StorageUnavailableError:
            return False
        except Exception:
            log.exception("the lease of the worker number could not be renewed; trying again")
            return False
        return True

    async def _give_back(self) -> None:
        """End the lease at once; if the database is away, it lapses."""
        until = max(self._database.clock(), self._ids.give_up())
        try:
            await self._database.write_quietly(partial(self._end, until=until))
        except StorageUnavailableError:
            log.warning("the database is away; the worker number is free when its lease lapses")

    def _end(self, connection: Connection, *, until: datetime) -> None:
        if self._held is not None:
            workers.keep(connection, self._held, self.owner, until)


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Call a function in the event loop; this one is called in any thread."""
    loop.call_soon_threadsafe(function)
