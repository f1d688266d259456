"""Group commit for SQLite, and what its driver and others raise when a database is unavailable."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from app.batching import Batcher
from app.db.causes import cause_in
from app.domain.storage import StorageUnavailableError

_T = TypeVar("_T")
_WRITES_TOGETHER = 16
# What PostgreSQL raises at a write while it is a standby, or while its administrator has stopped all writing.
_READ_ONLY = "25006"


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise StorageUnavailableError for what the driver raises when the database is unavailable."""
    try:
        yield
    except OperationalError as error:
        raise StorageUnavailableError(str(cause_in(error))) from error
    except sqlite3.OperationalError as error:
        raise StorageUnavailableError(str(cause_in(error))) from error
    except DBAPIError as error:
        # This class and no subclass of it: the file is no database, or a broken one.
        is_broken = error.connection_invalidated or type(error) is DatabaseError
        if is_broken or getattr(error.orig, "sqlstate", None) == _READ_ONLY:
            raise StorageUnavailableError(str(cause_in(error))) from error
        raise


_Work = Callable[[Connection], Any]
_Done = tuple[Any, Exception | None]


class GroupCommit:
    """Group commit for SQLite: pieces of work that wait for its writer share a transaction and a sync (ADR 6).

    While one group is being committed, the next one gathers. If a piece fails, the group is rolled back and each piece
    runs again in a transaction of its own, so that no piece suffers from another. A piece may therefore run twice, and
    must change nothing but the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # The last transaction failed as the file could not be written, as on a disk that is full.
        self.is_failing = False
        # The writer keeps its connection until something fails: to take one from the pool and to give it back costs as
        # much as a statement or two.
        self._connection: Connection | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="db-writer")
        # Of the large pieces one at a time takes its turn, so that a group waits for one of them at most.
        self._large, self._turn = asyncio.Lock(), asyncio.Lock()
        self._gathered: Batcher[_Work, _Done] = Batcher(self._run, _WRITES_TOGETHER, turn=self._turn)

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Run a piece of work, and return its result after the commit."""
        result: _T
        # With the caller's context, so that the log's lines of a request have its id.
        run = copy_context().run
        result, error = await self._gathered.submit(lambda connection: run(work, connection))
        if error is not None:
            raise error
        return result

    async def write_large(self, work: Callable[[Connection], _T]) -> _T:
        """Run a piece of work in a transaction of its own. The group that gathered meanwhile is committed next."""
        async with self._large, self._turn:
            return await asyncio.get_running_loop().run_in_executor(self._writer, self._in_transaction, work)

    def close(self) -> None:
        """Wait for running work, then stop the writer's thread and close its connection."""
        self._writer.submit(self._disconnect)
        self._writer.shutdown()

    async def _run(self, pieces: Sequence[_Work]) -> Sequence[_Done]:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._commit, pieces)

    def _commit(self, pieces: Sequence[_Work]) -> Sequence[_Done]:
        try:
            return self._in_transaction(lambda connection: [(work(connection), None) for work in pieces])
        except Exception as error:  # noqa: BLE001  raised again where the piece is awaited
            if len(pieces) == 1:
                return [(None, error)]
            return [self._commit([work])[0] for work in pieces]

    def _in_transaction(self, work: Callable[[Connection], _T]) -> _T:
        try:
            with storage_errors():
                self._connection = self._connection or self._engine.connect()
                with self._connection.begin():
                    done = work(self._connection)
        except Exception as error:
            self.is_failing = isinstance(error, StorageUnavailableError)
            self._disconnect()
            raise
        self.is_failing = False
        return done

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
