"""Why a database is unavailable, in words that tell an operator what to look at, from what its driver raised."""

import errno
import sqlite3
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError

from app.domain.storage import StorageUnavailableError
from app.failures import Kind

# The primary codes of SQLite, and the SQLSTATEs of PostgreSQL. Another one shows that the database is away.
_SQLITE: Mapping[int, tuple[Kind, str]] = {
    sqlite3.SQLITE_FULL: (Kind.DISK_FULL, "there is no room for another page"),
    sqlite3.SQLITE_READONLY: (Kind.READ_ONLY, "the file cannot be written"),
    sqlite3.SQLITE_BUSY: (Kind.DATABASE_AWAY, "another program holds the file"),
    sqlite3.SQLITE_IOERR: (Kind.DATABASE_AWAY, "the file cannot be read or written"),
    sqlite3.SQLITE_CANTOPEN: (Kind.DATABASE_AWAY, "the file cannot be opened"),
    sqlite3.SQLITE_CORRUPT: (Kind.DATABASE_AWAY, "the file is broken: restore a backup"),
    sqlite3.SQLITE_NOTADB: (Kind.DATABASE_AWAY, "the file is no database"),
}
_POSTGRESQL: Mapping[str, tuple[Kind, str]] = {
    "53100": (Kind.DISK_FULL, "there is no room on the server"),
    "25006": (Kind.READ_ONLY, "the server takes no writes, as a standby does"),
    "53300": (Kind.DATABASE_AWAY, "the server has no connection left"),
    "28P01": (Kind.DATABASE_AWAY, "the server does not accept the password"),
    "3D000": (Kind.DATABASE_AWAY, "the server has no such database"),
    "57P01": (Kind.DATABASE_AWAY, "the server is being stopped"),
    "57P03": (Kind.DATABASE_AWAY, "the server is starting"),
    "57014": (Kind.DATABASE_AWAY, "a statement took too long"),
    "55P03": (Kind.DATABASE_AWAY, "a lock was waited for too long"),
}
_FILE: Mapping[int, Kind] = {errno.ENOSPC: Kind.DISK_FULL, errno.EDQUOT: Kind.DISK_FULL, errno.EROFS: Kind.READ_ONLY}


def cause_of(error: StorageUnavailableError) -> tuple[Kind, str]:
    """Return what kind of failure this is, and why."""
    raised = error.__cause__.orig if isinstance(error.__cause__, DBAPIError) else error.__cause__
    if isinstance(raised, sqlite3.Error):
        code = getattr(raised, "sqlite_errorcode", 0)
        return _SQLITE.get(code & 0xFF, (Kind.DATABASE_AWAY, getattr(raised, "sqlite_errorname", str(error))))
    if isinstance(raised, OSError):
        return kind_of_file_error(raised) or Kind.DATABASE_AWAY, raised.strerror or str(error)
    state = getattr(raised, "sqlstate", None)
    if raised is not None and state is None:
        return Kind.DATABASE_AWAY, "the server cannot be reached, or ended the connection"
    return _POSTGRESQL.get(str(state), (Kind.DATABASE_AWAY, str(error) if state is None else f"SQLSTATE {state}"))


def kind_of_file_error(error: OSError) -> Kind | None:
    """Return what kind of failure an error of a file shows; None if it need not be one."""
    return _FILE.get(error.errno or 0)
