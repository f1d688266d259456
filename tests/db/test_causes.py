"""Why a database cannot be used: one cause and remedy, whether a code or the words of the driver tell it."""

import errno
import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from app.db.causes import cause_in, cause_in_file, cause_of
from app.db.group_commit import storage_errors
from app.domain.storage import StorageUnavailableError
from app.failures import Kind


def of_sqlite(code: int, words: str = "") -> sqlite3.Error:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_NAME"
    return error


class Coded(psycopg.OperationalError):
    def __init__(self, state: str, words: str = "") -> None:
        super().__init__(words)
        self.sqlstate = state


@pytest.mark.parametrize(
    ("by_code", "by_words", "kind"),
    [
        (of_sqlite(sqlite3.SQLITE_FULL), "database or disk is full", Kind.DISK_FULL),
        (of_sqlite(sqlite3.SQLITE_READONLY | 6 << 8), "attempt to write a readonly database", Kind.READ_ONLY),
        (of_sqlite(sqlite3.SQLITE_BUSY), "database is locked", Kind.DATABASE_AWAY),
        (of_sqlite(sqlite3.SQLITE_IOERR | 10 << 8), "disk I/O error", Kind.DATABASE_AWAY),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN), "unable to open database file", Kind.DATABASE_AWAY),
        (of_sqlite(sqlite3.SQLITE_CORRUPT), "database disk image is malformed", Kind.DATABASE_AWAY),
        (of_sqlite(sqlite3.SQLITE_NOTADB), "file is not a database", Kind.DATABASE_AWAY),
        (Coded("53100"), "could not extend file: No space left on device", Kind.DISK_FULL),
        (Coded("28P01"), 'password authentication failed for user "x"', Kind.DATABASE_AWAY),
        (Coded("3D000"), 'database "x" does not exist', Kind.DATABASE_AWAY),
        (Coded("53300"), "sorry, too many clients already", Kind.DATABASE_AWAY),
        (Coded("57P03"), "the database system is starting up", Kind.DATABASE_AWAY),
    ],
)
def test_a_code_and_the_words_tell_the_same(by_code: Exception, by_words: str, kind: Kind) -> None:
    found = cause_in(by_code)
    assert (found.kind, bool(found.remedy)) == (kind, True)
    assert cause_in(RuntimeError(by_words)) == found


def test_a_code_is_believed_and_not_the_words() -> None:
    assert cause_in(of_sqlite(sqlite3.SQLITE_FULL, "database is locked")).kind is Kind.DISK_FULL
    assert cause_in(Coded("25006", "no space: disk is full")).kind is Kind.READ_ONLY


def test_the_error_of_the_driver_is_found_in_what_was_raised_around_it() -> None:
    raised = OperationalError("SELECT '+8613800138000'", {}, of_sqlite(sqlite3.SQLITE_FULL))
    with pytest.raises(StorageUnavailableError, match="its disk is full: make room") as caught, storage_errors():
        raise raised
    assert cause_of(caught.value) == cause_in(raised)
    assert cause_of(StorageUnavailableError("it does not answer")).text == "it does not answer"


def test_what_a_driver_says_is_not_repeated() -> None:
    assert str(cause_in(RuntimeError("row of +8613800138000"))) == "RuntimeError"
    assert str(cause_in(RuntimeError("database or disk is full: 13800138000"))) == "its disk is full: make room"
    assert str(cause_in(Coded("XX001", "row of +8613800138000"))) == "Coded, SQLSTATE XX001"
    assert str(cause_in(of_sqlite(sqlite3.SQLITE_PROTOCOL, "row of +8613800138000"))) == "SQLITE_NAME"


def test_errors_of_files() -> None:
    full, read_only, other = (OSError(code, "words") for code in (errno.ENOSPC, errno.EROFS, errno.EACCES))
    assert [one and one.kind for one in map(cause_in_file, (full, read_only, other))] == [
        Kind.DISK_FULL,
        Kind.READ_ONLY,
        None,
    ]
    assert cause_in(other).kind is Kind.DATABASE_AWAY
