"""Backups of an SQLite database, and databases that were restored from one (deployment.md, backup and restore)."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL, Connection

from app.db import copies, restoring, workers
from app.db.clock import clock_of
from app.db.copies import UnsoundError
from app.db.restoring import OnItsWay
from app.db.session import Database
from app.services.membership import GONE
from app.services.startup import DatabaseOwner, StartError, alone, open_marked, prepare_restored

# Called with what is being done, how much of it is done, and how much there is to do: pages, or 1 for the whole.
Progress = Callable[[str, int, int], None]


class BackupError(Exception):
    """A backup or a restore was not made, and nothing is left of it; the message says why and what to do."""


def back_up(database: Path, owner: DatabaseOwner, target: Path, progress: Progress) -> None:
    """Copy an SQLite database to a new file while gateways work on it, and check the copy.

    Raise BackupError and StartError. The file is there only once it is whole.
    """
    if target.exists():
        raise BackupError(f"{target} exists already: choose another name, or move it away.")
    with _unfinished(target) as unfinished:
        _copy(database, unfinished, progress)
        _in_file(unfinished, lambda connection: _checked(connection, owner))
        _finish(unfinished, target, progress)


def _checked(connection: Connection, owner: DatabaseOwner) -> None:
    open_marked(connection, owner)
    restoring.mark_as_backup(connection)


def restore_file(file: Path, owner: DatabaseOwner, database: Database, progress: Progress) -> OnItsWay | None:
    """Put a backup in the place of an SQLite database that does not exist yet. Return what is not sent by itself.

    The backup stays as it is. Raise BackupError and StartError.
    """
    target = Path(database.url.database or "")
    with alone(database):
        # What SQLite found in a log beside a database it would take for the newest state of that one.
        if (taken := next(filter(_holds_data, _files_of(target)), None)) is not None:
            raise BackupError(
                f"{taken} holds data. To put the backup in its place, move it away first, with the files beside it: "
                f"mkdir {target.parent}/before && mv {target}* {target.parent}/before/"
            )
        with _unfinished(target) as unfinished:
            _copy(file, unfinished, progress)
            on_its_way = _in_file(unfinished, lambda connection: prepare_restored(connection, owner, rolled_back=True))
            _finish(unfinished, target, progress)
    return on_its_way


def prepare_in_place(
    database: Database, owner: DatabaseOwner, *, moved: bool = False, rolled_back: bool = False
) -> OnItsWay | None:
    """See to a database that was restored where it lies, by PostgreSQL's programs or from a snapshot.

    Raise StartError, also while a gateway runs on it. The rest is as for ``prepare_restored``.
    """

    def work(connection: Connection) -> OnItsWay | None:
        # Those that a copy says are alive are the gateways of the other database; none starts on a copy.
        if not restoring.is_copy(connection) and workers.alive(connection, clock_of(connection)() - GONE):
            seconds = round(GONE / timedelta(seconds=1))
            raise StartError(f"A gateway runs on this database, or did {seconds} s ago: stop it, and wait so long.")
        return prepare_restored(connection, owner, moved=moved, rolled_back=rolled_back)

    with alone(database):
        return database.write_now(work)


# ---- files


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Yield the name of a new file beside the target, and delete what is left of it. Raise BackupError."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if not target.parent.is_dir():
            raise BackupError(f"There is no folder {target.parent}: make it first.")
        _remove(unfinished)  # what a process of the same number left that was killed
        yield unfinished
    except sqlite3.Error as error:
        raise BackupError(f"{target} could not be written: {error}.") from None
    except OSError as error:
        raise BackupError(f"{target} could not be written: {error.strerror}.") from None
    finally:
        _remove(unfinished)


def _files_of(database: Path) -> list[Path]:
    """Return where a database lies, and what SQLite may have beside it."""
    return [Path(f"{database}{end}") for end in ("", "-wal", "-shm", "-journal")]


def _holds_data(file: Path) -> bool:
    return not file.name.endswith("-shm") and file.exists() and file.stat().st_size > 0


def _remove(database: Path) -> None:
    for file in _files_of(database):
        file.unlink(missing_ok=True)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    try:
        copies.copy(source, target, lambda done, of: progress("pages copied", done, of))
    except UnsoundError as error:
        raise BackupError(f"{source} is no database that can be read: {error}.") from None


def _in_file(file: Path, work: Callable[[Connection], OnItsWay | None]) -> OnItsWay | None:
    database = Database(URL.create("sqlite", database=str(file)))
    try:
        return database.write_now(work)
    finally:
        database.close()


def _finish(unfinished: Path, target: Path, progress: Progress) -> None:
    """Check a new file and give it its name."""
    progress("checked", 0, 1)
    copies.settle(unfinished)
    try:
        copies.check(unfinished)
    except UnsoundError as error:
        raise BackupError(f"The copy is damaged, as the database may be: {error}.") from None
    progress("checked", 1, 1)
    unfinished.rename(target)
    copies.settle_folder(target.parent)
