"""Why a database cannot be used: the kind of failure, the cause, and what to do, from what was raised.

A code of the driver tells. Its words are looked at where it gives no code, as while a connection is made. They are not
repeated: they may name data.
"""

import errno
import re
import sqlite3
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError

from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.failures import Kind


@value
class Cause:
    """The kind of a failure, its cause, and what to do; None: there is no more to do than for any of its kind."""

    kind: Kind
    text: str
    remedy: str | None = None

    def __str__(self) -> str:
        return f"{self.text}: {self.remedy}" if self.remedy else self.text


def _away(text: str, remedy: str | None = None) -> Cause:
    return Cause(Kind.DATABASE_AWAY, text, remedy)


_FULL = Cause(Kind.DISK_FULL, "its disk is full", "make room")
_FILE_READ_ONLY = Cause(
    Kind.READ_ONLY,
    "its files cannot be written",
    "put them where they can be, not read-only, and let them belong to the gateway's user",
)
_SERVER_READ_ONLY = Cause(
    Kind.READ_ONLY, "it takes no writes, as a standby does", "let the URL lead to the server that takes them"
)
_LOCKED = _away("another program holds its lock", "end that one")
_DISK_FAILS = _away("its disk fails, or is full", "see the system's log and `df -h`")
_CANNOT_OPEN = _away(
    "its file cannot be opened",
    "the folder must be there and writable, not read-only, and belong to the gateway's user",
)
_DAMAGED = _away("its file is damaged", "restore a backup")
_NO_DATABASE = _away("its file is no SQLite database", "name another one")
_WRONG_PASSWORD = _away(
    "it refuses the user's password", "correct it in the URL, with %40 for @, %3A for :, %2F for / and %25 for %"
)
_NO_SUCH_DATABASE = _away("it has no such database", "make it with createdb, or correct the URL's end")
_NO_SUCH_USER = _away("it does not know the user", "make it with createuser, or correct the URL")
_NOT_LET_IN = _away("it lets this user in from nowhere near here", "add a line to the server's pg_hba.conf")
_NO_CONNECTION_LEFT = _away(
    "all its connections are taken", "raise max_connections, or lower SMSGW_DATABASE_CONNECTIONS"
)
_NOT_STARTED = _away("it is starting or stopping", "try again soon")
_UNKNOWN_HOST = _away("its host is not known", "correct the URL, or ask the name service")
_NOTHING_LISTENS = _away("nothing listens there", "start the server, or correct host and port in the URL")
_HOST_SILENT = _away("its host does not answer", "see to the network, firewalls included, or correct the URL")
_TLS = _away("it and the URL do not agree about TLS", "see sslmode and sslrootcert in the URL")
_CONNECTION_LOST = _away("it ended the connection, or its host is gone", "see whether it runs, and its log")

# By the primary codes of SQLite, and by the SQLSTATEs of PostgreSQL.
_SQLITE: Mapping[int, Cause] = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _FILE_READ_ONLY,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_IOERR: _DISK_FAILS,
    sqlite3.SQLITE_CANTOPEN: _CANNOT_OPEN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _NO_DATABASE,
}
_POSTGRESQL: Mapping[str, Cause] = {
    "25006": _SERVER_READ_ONLY,
    "28P01": _WRONG_PASSWORD,
    "3D000": _NO_SUCH_DATABASE,
    "53100": _FULL,
    "53300": _NO_CONNECTION_LEFT,
    "55P03": _away("a lock was waited for too long", "see who holds it in pg_locks"),
    "57014": _away("a statement took too long", "see how busy it is"),
    "57P01": _NOT_STARTED,
    "57P02": _NOT_STARTED,
    "57P03": _NOT_STARTED,
    "58030": _away("its disk fails", "see its log"),
}
# A server that speaks another language is not understood.
_WORDS = tuple(
    (re.compile(pattern), cause)
    for pattern, cause in (
        ("password authentication failed|no password supplied", _WRONG_PASSWORD),
        (r'database ".*" does not exist', _NO_SUCH_DATABASE),
        (r'role ".*" does not exist', _NO_SUCH_USER),
        ("pg_hba.conf", _NOT_LET_IN),
        ("too many clients|connection slots|too many connections", _NO_CONNECTION_LEFT),
        ("starting up|shutting down|recovery mode", _NOT_STARTED),
        (
            "not currently accepting connections",
            _away("it takes no connections to this database", "ALTER DATABASE … ALLOW_CONNECTIONS true"),
        ),
        ("failed to resolve host|could not translate host name", _UNKNOWN_HOST),
        ("Connection refused|connection to server on socket .* failed: No such file", _NOTHING_LISTENS),
        ("timeout expired|timed out|No route to host|Network is unreachable", _HOST_SILENT),
        ("closed the connection|connection is lost|terminating connection|Connection reset", _CONNECTION_LOST),
        ("SSL|certificate", _TLS),
        ("No space left|disk is full", _FULL),
        ("readonly database", _FILE_READ_ONLY),
        ("unable to open database file", _CANNOT_OPEN),
        ("disk I/O error", _DISK_FAILS),
        ("file is not a database", _NO_DATABASE),
        ("malformed", _DAMAGED),
        ("database is locked", _LOCKED),
    )
)
_FILE: Mapping[int, Cause] = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EROFS: _FILE_READ_ONLY}


def cause_of(error: StorageUnavailableError) -> Cause:
    """Return why the database is unavailable; of an error that was not raised from another one, what that says."""
    return _away(str(error)) if error.__cause__ is None else cause_in(error.__cause__)


def cause_in(raised: BaseException | None) -> Cause:
    """Return why a database cannot be used, from what its driver raised, or SQLAlchemy around it."""
    error = raised.orig if isinstance(raised, DBAPIError) else raised
    if isinstance(error, OSError):
        return cause_in_file(error) or _away(error.strerror or type(error).__name__)
    code, state = getattr(error, "sqlite_errorcode", None), getattr(error, "sqlstate", None)
    known = None
    if code is not None:
        known = _SQLITE.get(code & 0xFF)
    elif state is not None:
        known = _POSTGRESQL.get(state)
    return known or _by_words(error)


def _by_words(error: BaseException | None) -> Cause:
    """Return the cause that the driver's words tell, else the name of the error, with its code if it has one."""
    said = str(error)
    state, name = getattr(error, "sqlstate", None), type(error).__name__
    unknown = getattr(error, "sqlite_errorname", None) or (f"{name}, SQLSTATE {state}" if state else name)
    return next((cause for pattern, cause in _WORDS if pattern.search(said)), _away(unknown))


def cause_in_file(error: OSError) -> Cause | None:
    """Return what an error of a file shows; None if it need not be a failure of the database."""
    return _FILE.get(error.errno or 0)
