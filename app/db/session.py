"""Engines and transactions: the only place that commits.

Work on the database is a plain function of a connection that runs in a thread. SQLite has one writer, so its writes run
in one thread, one after the other; PostgreSQL gets several. Readers of SQLite see the last commit (WAL).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.changes import FileVersion, Watched, count_changes
from app.db.clock import Clock, set_clock
from app.db.files import make_database_file
from app.db.group_commit import GroupCommit, storage_errors
from app.db.notices import Notices
from app.db.postgresql import TRIES, Sessions, allow_long_statements, make_postgresql_engine, may_be_tried_again
from app.db.room import FileRoom, ServerRoom
from app.db.rows import driver_of
from app.db.thread_pool import Threads
from app.db.types import to_micros
from app.domain.storage import StorageUnavailableError
from app.failures import Failures

_T = TypeVar("_T")
_BUSY_TIMEOUT_MS = 10_000
_SQLITE_READERS = 3
# For each connection. The system keeps pages of the file in memory as well, which costs a copy and no read of the disk.
_WRITER_CACHE_KB, _READER_CACHE_KB = 16_384, 2_048
# Seconds within which a carrier or a health call gets its answer. A server that hangs does not end its connections.
ANSWER_WITHIN = 5.0
_DEFAULT = Sessions()
# The key of an advisory lock of PostgreSQL: any number that no other lock has.
_WHOLE_DATABASE = 10_086_000


def normalise_url(text: str) -> URL:
    """Return a database URL with its driver: psycopg 3 for ``postgresql://``. Raise StorageUnavailableError."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StorageUnavailableError("its URL cannot be read") from None
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def is_volatile(url: URL) -> bool:
    """Return True for an SQLite file that is never synced, so that a crash of the machine may lose what was committed.

    Its URL ends in ``?synchronous=off``.
    """
    return url.get_backend_name() == "sqlite" and url.query.get("synchronous") == "off"


def for_postgresqls_programs(url: URL) -> str:
    """Return a URL as `pg_dump` and others take it, without the password."""
    return URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query).render_as_string()


def make_engine(
    url: URL, *, read_only: bool = False, clock: Clock | None = None, sessions: Sessions = _DEFAULT
) -> Engine:
    """Return an engine with the pragmas and transaction modes that durability and ordering need.

    ``clock``: of the database; a new one if none is given. Raise StorageUnavailableError if an SQLite file cannot be
    created.
    """
    if url.get_backend_name() == "sqlite":
        engine = _sqlite_engine(url, read_only=read_only)
    else:
        engine = count_changes(make_postgresql_engine(url, sessions))
    set_clock(engine, clock or Clock())
    return engine


def _sqlite_engine(url: URL, *, read_only: bool) -> Engine:
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        make_database_file(Path(url.database))
    sqlite3.register_adapter(datetime, to_micros)
    synchronous = "OFF" if is_volatile(url) else "FULL"
    engine = create_engine(url.difference_update_query(["synchronous"]), connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # sqlite3 must not begin transactions; see below
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            # A page that changes often is copied to the main file once in 40 MB of log, not once in 4.
            "wal_autocheckpoint = 10000",
            "foreign_keys = ON",
            f"cache_size = -{_READER_CACHE_KB if read_only else _WRITER_CACHE_KB}",
            "temp_store = MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction waits for the write lock at its start, so that none fails half-way.
        driver_of(connection).execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _lock_database(connection: Connection) -> None:
    """Lock the whole database in a transaction that must run alone, else share that lock."""
    how = "lock" if connection.get_execution_options().get("alone") else "lock_shared"
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_{how}({_WHOLE_DATABASE})")


# The key of another advisory lock, and how long it is waited for.
_EXCLUSIVE = 10086
_MIGRATED_WITHIN_SECONDS = 600


def lock_exclusively(connection: Connection) -> None:
    """Lock out other processes that call this, until the transaction ends. SQLite needs no lock: it has one writer."""
    if connection.dialect.name == "postgresql":
        # Another process may be migrating.
        allow_long_statements(connection, locks_within_seconds=_MIGRATED_WITHIN_SECONDS)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _EXCLUSIVE})
        allow_long_statements(connection)


class Database:
    """Runs functions of a connection in threads, each in a transaction of its own.

    Every method raises StorageUnavailableError if the database is unavailable, and what ``work`` raises. ``changes``
    counts the transactions of this process that changed rows; ``clock`` is the database's (ADR 27). ``is_shared``:
    several processes may work on it; an SQLite file belongs to one. ``failures`` learns why it is unavailable.
    """

    def __init__(
        self, url: URL, *, may_be_emptied: bool = False, sessions: Sessions = _DEFAULT, failures: Failures | None = None
    ) -> None:
        """Connect lazily. ``may_be_emptied``: all transactions take a lock, so that ``write_alone`` excludes them."""
        self.url = url
        # A command says by itself what failed.
        self.failures = failures or Failures(says=False)
        self.clock = Clock()
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.is_shared = not self.is_sqlite
        self.engine = make_engine(url, clock=self.clock, sessions=sessions)
        if may_be_emptied and not self.is_sqlite:
            event.listen(self.engine, "begin", _lock_database)
        self._reading = make_engine(url, read_only=True, clock=self.clock) if self.is_sqlite else self.engine
        self._together = GroupCommit(self.engine) if self.is_sqlite else None
        self._room = (FileRoom if self.is_sqlite else ServerRoom)(self.failures, self.engine)
        self._file = FileVersion(self._reading) if self.is_sqlite else None
        self.notices = None if self.is_sqlite else Notices(sessions.notices_from(url), self.failures)
        self.changes = 0
        # Called in the event loop after a commit that changed rows.
        self.when_changed: Callable[[], None] = lambda: None
        # One connection is left for what calls ``read_now`` and ``write_now``.
        threads = _SQLITE_READERS if self.is_sqlite else max(1, sessions.connections - 1)
        self.threads = Threads(threads)

    async def write(self, work: Callable[[Connection], _T], *, within: float | None = None) -> _T:
        """Run ``work`` and commit; roll back if it raises.

        ``work`` may run twice, after a rollback (see ``GroupCommit``; on PostgreSQL after a deadlock, or over another
        connection). ``within``: seconds after which StorageUnavailableError is raised, though PostgreSQL may still
        commit; for what may be repeated without harm.
        """
        if self._together is not None:
            return await self._written(work, self._together.write)
        return await self._written(work, partial(self.threads.run, self.write_now), within)

    async def write_large(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` and commit, for work that takes long: nothing else waits in its transaction.

        Where several pieces of large work follow each other, what else is to be written goes between them.
        """
        if self._together is None:
            return await self.write(work)
        return await self._written(work, self._together.write_large)

    async def write_quietly(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` and commit, for rows in which no loop of any process finds work: nobody looks for some."""
        watched = Watched(work)
        with self._room.noted():
            done = await (
                self._together.write(watched) if self._together else self.threads.run(self.write_now, watched)
            )
        self._room.note_commit(has_changed=watched.has_changed)
        return done

    async def read(self, work: Callable[[Connection], _T], *, within: float | None = None) -> _T:
        """Run ``work``, which must not write. ``within``: seconds after which StorageUnavailableError is raised."""
        with self._room.noted():
            async with _patience(within):
                return await self.threads.run(_in_transaction, self._reading, work)

    async def try_again(self) -> None:
        """Show that rows can be written (``prove_writing``), if they could not be of late."""
        if self._room.is_lacking or (self._together is not None and self._together.is_failing):
            await self.prove_writing()

    async def prove_writing(self, *, within: float = ANSWER_WITHIN) -> None:
        """Write, and take room on the disk. Raise StorageUnavailableError if that is impossible ``within`` seconds.

        PostgreSQL, to which processes write all the time, is only asked for room, and only once it lacked some.
        """
        if self._together is None and not self._room.is_lacking:
            return
        with self._room.noted():
            async with _patience(within):
                take = self._room.take
                await (self._together.write(take) if self._together else self.threads.run(self.write_now, take))
        self._room.note_room()

    async def may_have_changed(self) -> bool:
        """Return True if any process may have written since the last call. Only an SQLite file knows that none did."""
        return self._file is None or await self.threads.run(self._file.has_changed)

    async def write_alone(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` and commit, while no other transaction of any process runs. Needs ``may_be_emptied``."""
        if self.is_sqlite:  # one writer, and readers see the last commit
            return await self.write(work)
        alone = self.engine.execution_options(alone=True)
        return await self._written(work, partial(self.threads.run, _in_transaction, alone))

    def read_now(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work``, which must not write, in the calling thread."""
        return _in_transaction(self._reading, work)

    def write_now(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` and commit, in the calling thread."""
        return _in_transaction(self.engine, work)

    def close(self) -> None:
        """Wait for running work, then close all connections."""
        if self._together is not None:
            self._together.close()
        self.threads.close()
        if self._file is not None:
            self._file.close()
        self.engine.dispose()
        self._reading.dispose()

    async def _written(
        self, work: Callable[[Connection], _T], run: Callable[[Watched[_T]], Awaitable[_T]], within: float | None = None
    ) -> _T:
        """Commit ``work`` by ``run``, and tell if it changed rows."""
        watched = Watched(work) if self.notices is None else Watched(work, self.notices.tell)
        with self._room.noted():
            async with _patience(within):
                done = await run(watched)
        self._room.note_commit(has_changed=watched.has_changed)
        if watched.has_changed:
            self.changes += 1
            self.when_changed()
        return done


@asynccontextmanager
async def _patience(seconds: float | None) -> AsyncIterator[None]:
    """Raise StorageUnavailableError after so many seconds; None: never. What waits for a thread is not begun then."""
    try:
        async with nullcontext() if seconds is None else asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise StorageUnavailableError("it does not answer") from None


def _in_transaction(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    """Run ``work`` in a transaction that is committed at its end, again if it had no effect (may_be_tried_again)."""
    with storage_errors():
        for left in reversed(range(TRIES)):
            is_worked = False
            try:
                with engine.begin() as connection:
                    done = work(connection)
                    is_worked = True
            except DBAPIError as error:
                if not left or not may_be_tried_again(error, was_sent_to_commit=is_worked):
                    raise
            else:
                return done
        raise AssertionError("the last try returns or raises")
