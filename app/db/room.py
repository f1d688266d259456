"""Whether a database is available, and its disk has room.

A write that works does not tell of room: it may have gone where some was left. Once a write failed for lack of it, only
``take`` shows that there is some.
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, ExceptionContext, event
from typing_extensions import override

from app.db import duties
from app.db.causes import cause_in_file, cause_of
from app.domain.storage import StorageUnavailableError
from app.failures import Failures, Kind

_DISK_FULL = "53100"
# With less than this left on its disk, an SQLite file counts as having no room.
_ROOM_BYTES = 1 << 20


class Room(ABC):
    """Notes whether a database is available, and whether its disk lacks room."""

    def __init__(self, failures: Failures, _engine: Engine) -> None:
        """``failures`` learns why the database is unavailable."""
        self._failures = failures
        self.is_lacking = False

    @abstractmethod
    def take(self, connection: Connection) -> None:
        """Take room on the disk for the length of the transaction. Raise StorageUnavailableError."""

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note why the database is unavailable."""
        try:
            yield
        except StorageUnavailableError as error:
            cause = cause_of(error)
            self.is_lacking = self.is_lacking or cause.kind is Kind.DISK_FULL
            self._failures.met(cause.kind, cause=cause.text, to_do=cause.remedy)
            raise

    def note_commit(self, *, has_changed: bool) -> None:
        """Note that the database is there, as a transaction was committed; if it changed rows, it can be written."""
        self._failures.over(Kind.DATABASE_AWAY)
        if has_changed:
            self._failures.over(Kind.READ_ONLY)

    def note_room(self) -> None:
        """Note that there is room."""
        self.is_lacking = False
        self._failures.over(Kind.DISK_FULL)
        self.note_commit(has_changed=True)


class ServerRoom(Room):
    """Room on the disk of PostgreSQL, which goes on writing into pages that have some left."""

    def __init__(self, failures: Failures, engine: Engine) -> None:
        super().__init__(failures, engine)
        event.listen(engine, "handle_error", self._notice)

    @override
    def take(self, connection: Connection) -> None:
        duties.touch(connection)
        if not connection.exec_driver_sql("SELECT has_database_privilege(current_database(), 'TEMP')").scalar():
            return  # then a write has to do
        # New pages, of a table that ends with the transaction.
        connection.exec_driver_sql(
            "CREATE TEMPORARY TABLE room ON COMMIT DROP AS SELECT repeat('x', 1000) FROM generate_series(1, 200)"
        )

    def _notice(self, context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == _DISK_FULL:
            self.is_lacking = True


class FileRoom(Room):
    """Room on the disk of an SQLite file."""

    def __init__(self, failures: Failures, engine: Engine) -> None:
        super().__init__(failures, engine)
        file = engine.url.database
        self._folder = Path(file).parent if file and file != ":memory:" and not file.startswith("file:") else None

    @override
    def take(self, connection: Connection) -> None:
        duties.touch(connection)
        if self._folder is None:
            return
        try:  # a file without a name, beside that of the database
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(bytes(_ROOM_BYTES))
                file.flush()
        except OSError as error:
            # The database has its files already, so that it may be able to write where no other may be created.
            if (cause := cause_in_file(error)) is not None:
                raise StorageUnavailableError(str(cause)) from error
