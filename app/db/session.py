"""Engines and transactions: the only place that commits.

Work on the database is a plain function of a connection, run in a thread. SQLite has one writer, so its writes run in
one thread, one after the other; PostgreSQL gets a few. Readers of SQLite see the last commit (WAL).
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from app.batching import Batcher
from app.db.types import to_micros

_T = TypeVar("_T")
_BUSY_TIMEOUT_MS = 10_000
_POSTGRES_THREADS = 6
_SQLITE_READERS = 3
_WRITES_TOGETHER = 16
# The key of PostgreSQL's advisory lock, a number that nobody else uses.
_WHOLE_DATABASE = 10_086_000


class StorageUnavailableError(Exception):
    """The database did not take the work; nothing was stored. Trying again later may help."""


def normalise_url(text: str) -> URL:
    """A database URL with the driver that we use; ``postgresql://`` means psycopg 3."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StorageUnavailableError("its URL cannot be read") from None
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def make_engine(url: URL, *, read_only: bool = False) -> Engine:
    """An engine with the pragmas and transaction modes that our guarantees need."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=_POSTGRES_THREADS * 2, max_overflow=0, pool_pre_ping=True)
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        try:
            make_private(Path(url.database))
        except OSError as error:
            raise StorageUnavailableError(f"{error.filename}: {error.strerror}") from None
    _teach_driver()
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # sqlite3: we begin transactions ourselves
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            # Of a new database: a batch touches fewer pages, and each is one write to the log.
            "page_size = 8192",
            "journal_mode = WAL",
            "synchronous = FULL",
            # Pages that change again and again reach the main file once in 40 MB of log, not once in 4.
            "wal_autocheckpoint = 5000",
            "foreign_keys = ON",
            "cache_size = -65536",
            "temp_store = MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that will write takes its place in the queue at once, so none fails half-way.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def make_private(path: Path) -> None:
    """See that a file is there, and that nobody else can read it; SQLite makes those beside it in its likeness."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def loose_files(url: URL) -> list[Path]:
    """The files of an SQLite database that others on this machine can read or write."""
    path = url.database if url.get_backend_name() == "sqlite" else None
    if not path or path == ":memory:" or path.startswith("file:"):
        return []
    found = [Path(path + end) for end in ("", "-wal", "-shm", ".lock")]
    return [one for one in found if one.exists() and one.stat().st_mode & 0o077]


def _take_part(connection: Connection) -> None:
    """A transaction that needs to be alone waits for those under way, and those that come meanwhile wait for it."""
    how = "lock" if connection.get_execution_options().get("alone") else "lock_shared"
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_{how}({_WHOLE_DATABASE})")


def _teach_driver() -> None:
    """Tell sqlite3 what to make of our values, each by a function in C.

    It looks for an adapter for whatever is not exactly an int, float, str or bytes, and finding none takes it longest.
    """
    sqlite3.register_adapter(datetime, lru_cache(maxsize=4096)(to_micros))
    sqlite3.register_adapter(bool, int)
    sqlite3.register_adapter(NoneType, {None: None}.__getitem__)
    for words in StrEnum.__subclasses__():
        sqlite3.register_adapter(words, str.__str__)


# Any number, the same in all processes.
_EXCLUSIVE = 10086


def exclusively(connection: Connection) -> None:
    """Let no other process do what asks for the same, until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _EXCLUSIVE})


class Database:
    """Runs functions of a connection in threads, each all or nothing."""

    def __init__(self, url: URL, *, may_be_emptied: bool = False) -> None:
        """``may_be_emptied``: everything may go at once (``write_alone``), and nothing else is under way then."""
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.engine = make_engine(url)
        if may_be_emptied and not self.is_sqlite:
            event.listen(self.engine, "begin", _take_part)
        self._reading = make_engine(url, read_only=True) if self.is_sqlite else self.engine
        self._together = WritesTogether(self.engine) if self.is_sqlite else None
        self._threads = ThreadPoolExecutor(
            _SQLITE_READERS if self.is_sqlite else _POSTGRES_THREADS, thread_name_prefix="db"
        )

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` and commit it; what it raises rolls everything of it back."""
        if self._together is not None:
            return await self._together.write(work)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_now, work)

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` on a snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _in_transaction, self._reading, work)

    async def write_alone(self, work: Callable[[Connection], _T]) -> _T:
        """The same, while no other transaction of any process is under way: none sees a part of what it does."""
        if self.is_sqlite:  # its writers are alone, and its readers see what was there before
            return await self.write(work)
        alone = self.engine.execution_options(alone=True)
        return await asyncio.get_running_loop().run_in_executor(self._threads, _in_transaction, alone, work)

    def write_now(self, work: Callable[[Connection], _T]) -> _T:
        """The same in the calling thread."""
        return _in_transaction(self.engine, work)

    def close(self) -> None:
        """Wait for running work, then close all connections."""
        if self._together is not None:
            self._together.close()
        self._threads.shutdown()
        self.engine.dispose()
        self._reading.dispose()


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction, committed at its end; a database that is away is a StorageUnavailableError."""
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise StorageUnavailableError(type(error.orig).__name__) from error
    except sqlite3.OperationalError as error:
        raise StorageUnavailableError(type(error).__name__) from error
    except DBAPIError as error:
        # One of this very class: the file is no database, or a broken one.
        if error.connection_invalidated or type(error) is DatabaseError:
            raise StorageUnavailableError(type(error.orig).__name__) from error
        raise


def _in_transaction(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    with _transaction(engine) as connection:
        return work(connection)


_Work = Callable[[Connection], Any]
_Done = tuple[Any, Exception | None]


class WritesTogether:
    """SQLite has one writer: whatever waits for it shares one transaction, and so one sync of the disk (ADR 6).

    While one commit is under way, the pieces of the next gather. If one of them fails, all are undone and done again
    each by itself, so that each piece is all or nothing and none suffers from another. A piece may therefore run
    twice, and must change nothing but the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="db-writer")
        self._gathered: Batcher[_Work, _Done] = Batcher(self._run, _WRITES_TOGETHER)

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Do a piece of work; its result comes after the commit."""
        result: _T
        result, error = await self._gathered.submit(work)
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """Finish what is under way, then end."""
        self._writer.shutdown()

    async def _run(self, pieces: Sequence[_Work]) -> Sequence[_Done]:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._commit, pieces)

    def _commit(self, pieces: Sequence[_Work]) -> Sequence[_Done]:
        try:
            with _transaction(self._engine) as connection:
                return [(work(connection), None) for work in pieces]
        except Exception as error:  # noqa: BLE001  it goes on: to whoever waits for the piece that failed
            if len(pieces) == 1:
                return [(None, error)]
            return [self._commit([work])[0] for work in pieces]
