"""Copies of an SQLite database, made while others read and write it."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

# Between two groups of pages the progress is told; 16 MB of pages of 4 KB.
_PAGES = 4096


class UnsoundError(Exception):
    """A file is no SQLite database, or a damaged one; the message says what is wrong with it."""


def copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy a database as it is now into a new file that only its owner can read, and write it to the disk.

    ``progress`` is called with the number of pages that were copied and of all. What is committed meanwhile is not in
    the copy. Raise sqlite3.Error and OSError, and UnsoundError if the source is no database.
    """
    # New, or not at all: in a folder that is everybody's, somebody could have put one that others can read.
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    # Not with `mode=ro`, which cannot read a database that another process keeps a log beside.
    with closing(_opened(source)) as given, closing(sqlite3.connect(target)) as taken:
        # One snapshot for all groups of pages. Without it every commit of another process would begin the copy anew.
        given.execute("BEGIN")
        try:
            given.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            raise UnsoundError(str(error)) from None
        given.backup(taken, pages=_PAGES, progress=lambda _, left, pages: progress(pages - left, pages))
        given.rollback()
    settle(target)


def _opened(source: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


def settle(file: Path) -> None:
    """Make a database one file without a log beside it, on the disk. No other process may have it open."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = delete").fetchone()
    _sync(file, os.O_RDWR)


def settle_folder(folder: Path) -> None:
    """Write the names of the files in a folder to the disk."""
    _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    opened = os.open(path, flags)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def check(file: Path) -> None:
    """Read a whole database. Raise UnsoundError if it is damaged."""
    with closing(_opened(file)) as connection:
        try:
            [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            raise UnsoundError(str(error)) from None
    if found != "ok":
        raise UnsoundError(found)
