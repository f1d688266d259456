"""Whether anything was written, so that work is looked for only where there may be some."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, event

from app.db.group_commit import storage_errors
from app.db.rows import driver_of

_T = TypeVar("_T")
_KEY = "changes"


def count_changes(engine: Engine) -> Engine:
    """Count the rows that are changed over each connection of a PostgreSQL engine; SQLite's driver counts by itself.

    Return the engine.
    """

    @event.listens_for(engine, "after_cursor_execute")
    def count(connection: Connection, cursor: Any, *_: object) -> None:  # noqa: ANN401  psycopg may be missing
        if cursor.rowcount > 0 and not (cursor.statusmessage or "").startswith("SELECT"):
            connection.info[_KEY] = _changes_over(connection) + cursor.rowcount

    return engine


def _changes_over(connection: Connection) -> int:
    """Return how many rows were changed over a connection since it was opened."""
    if connection.dialect.name == "sqlite":
        return driver_of(connection).total_changes
    return int(connection.info.get(_KEY, 0))


class Watched(Generic[_T]):
    """A piece of work in a transaction; ``has_changed``: it changed rows, if the transaction is committed."""

    def __init__(self, work: Callable[[Connection], _T], then: Callable[[Connection], None] = lambda _: None) -> None:
        """``then`` is called in the transaction after work that changed rows."""
        self._work = work
        self._then = then
        self.has_changed = False

    def __call__(self, connection: Connection) -> _T:
        """Do the work."""
        before = _changes_over(connection)
        done = self._work(connection)
        self.has_changed = _changes_over(connection) != before
        if self.has_changed:
            self._then(connection)
        return done


class FileVersion:
    """Tells whether an SQLite file was changed, by this process or another; that is no query, and reads no table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # The version means something to one connection only.
        self._connection: Connection | None = None
        self._seen: object = None

    def has_changed(self) -> bool:
        """Return True if the file was changed since the last call, and at the first one.

        Raise StorageUnavailableError if it cannot be read.
        """
        with storage_errors():
            self._connection = self._connection or self._engine.connect()
            seen, self._seen = self._seen, driver_of(self._connection).execute("PRAGMA data_version").fetchone()
        return seen != self._seen

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
