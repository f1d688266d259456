"""Checks before a process works on a database: its schema, its environment, its keys (safety.md 26 and 35).

Every command that uses the database makes these checks, so that commands can be run in any order.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import URL, Connection

from app import observability
from app.db import restoring, revisions, schema, state, work
from app.db.files import files_open_to_others, make_private
from app.db.revisions import Fit
from app.db.session import Database, is_volatile, lock_exclusively
from app.domain.heads import HeadKeys
from app.domain.values import value
from app.services.sealing import Sealer

log = observability.logger(__name__)
_WRITABLE = "The folder of an SQLite database must be writable, and belong to the gateway's user."


class StartError(Exception):
    """The database cannot be used as it is; the message says what to do."""


class DatabaseInUseError(StartError):
    """Another gateway uses the database; ``what`` says which, without what to do."""

    def __init__(self, database: str) -> None:
        self.what = f"Another gateway uses {database}."
        super().__init__(f"{self.what} Stop it, or set SMSGW_DATABASE_URL to another database.")


@value
class DatabaseOwner:
    """The environment that a database is marked with, and the keys that sign its evidence."""

    environment: str
    sealer: Sealer

    @property
    def is_disposable(self) -> bool:
        """True if the data may be thrown away (safety.md 26)."""
        return self.environment in ("demo", "test")

    @property
    def heads(self) -> HeadKeys:
        """The keys that sign the evidence."""
        return self.sealer.heads


def prepare(
    database: Database,
    owner: DatabaseOwner,
    *,
    migrate: bool,
    starting: bool = False,
    lost: frozenset[str] = frozenset(),
) -> None:
    """Check a database before it is used, and mark an empty one as the owner's. Raise StartError if it cannot be used.

    ``migrate``: upgrade the schema, unless the database belongs to another environment. ``starting``: a gateway will
    run on the database; on SQLite no other may run beside it. ``lost``: ids of signing keys that may be missing.
    """
    if starting and (loose := files_open_to_others(database.url)):
        log.warning("others on this machine can read the database: chmod 600", files=[str(one) for one in loose])
    pending = migrate and database.read_now(revisions.fit_of) in (Fit.EMPTY, Fit.OLDER)
    with alone(database) if starting or pending else nullcontext():
        if pending:
            database.write_now(lambda connection: _migrate(connection, owner, kept=not is_volatile(database.url)))
        else:
            database.write_now(lambda connection: open_marked(connection, owner, lost))


def _migrate(connection: Connection, owner: DatabaseOwner, *, kept: bool) -> None:
    """Upgrade the schema and mark the database in one transaction, so that there is never one without the other.

    ``kept``: False for a file of one test run, which is made without Alembic.
    """
    lock_exclusively(connection)
    if revisions.fit_of(connection) is not Fit.EMPTY:
        _refuse_foreign(state.environment_of(connection), owner)
    elif not kept:
        schema.create(connection)
    if revisions.fit_of(connection) in (Fit.EMPTY, Fit.OLDER):  # another process may have been faster
        from app.db import migrations  # noqa: PLC0415  Alembic, 10 MB that a start with nothing to migrate can do without

        migrations.upgrade(connection)
    open_marked(connection, owner)


def open_marked(connection: Connection, owner: DatabaseOwner, lost: frozenset[str] = frozenset()) -> str | None:
    """Check a database, and mark an empty one as the owner's. Return the newest id in it, None if there is none.

    Raise StartError if it has another schema, belongs to another environment, or was signed with an unknown key that
    is not ``lost``.
    """
    _check_schema(connection)
    if state.environment_of(connection) is None:
        lock_exclusively(connection)
    environment = state.environment_of(connection)
    if environment is None:
        if not work.is_empty(connection):
            raise StartError(
                "The database holds data but no gateway's mark: restore its gateway_state row from a backup."
            )
        state.initialise_state(connection, owner.environment, owner.heads.newest, revisions.newest_revision())
    _refuse_foreign(environment, owner)
    _check_keys(connection, owner.heads, lost)
    _check_place(connection, owner)
    return work.newest_id(connection)


def _check_place(connection: Connection, owner: DatabaseOwner) -> None:
    """Raise StartError for a database that was restored from a backup, until `smsgw restore` has seen to it.

    In demo and test, whose data may be thrown away, copies of a PostgreSQL database may be used as they are.
    """
    here = restoring.place(connection)
    if restoring.noted_place(connection) is None and here is not None:
        restoring.note_place(connection, here)
    elif restoring.is_copy(connection) and not (here and owner.is_disposable):
        command = "smsgw restore FILE" if here is None else "smsgw restore"
        raise StartError(
            f"This database is a copy, such as one from a backup: run `{command}` first, so that nothing is sent again."
        )


def prepare_restored(
    connection: Connection, owner: DatabaseOwner, *, moved: bool = False, rolled_back: bool = False
) -> restoring.OnItsWay | None:
    """Make a database that was restored one that a gateway may run on. Return what is not sent by itself.

    ``moved``: nothing was sent since the copy was made, so that all goes on; None is returned then. ``rolled_back``:
    it is restored though it lies where it was. An older schema is taken, too. Raise StartError.
    """
    fit = revisions.fit_of(connection)
    if fit in (Fit.EMPTY, Fit.TOO_NEW):
        _check_schema(connection)
    _refuse_foreign(state.environment_of(connection), owner)
    if state.environment_of(connection) is None:
        raise StartError("The database has no gateway's mark: restore a backup of a gateway's database.")
    _check_keys(connection, owner.heads, frozenset())
    if not (moved or rolled_back or restoring.is_copy(connection)):
        raise StartError(
            "This database is where a gateway last ran on it. If it was set back there, to an earlier time or a "
            "snapshot, run `smsgw restore --rolled-back`; else start the gateway."
        )
    if restoring.knows_place(connection):
        restoring.note_place(connection, restoring.place(connection))
    return None if moved else restoring.hold_what_was_on_its_way(connection, state.current_state(connection).now)


def _check_schema(connection: Connection) -> None:
    """Raise StartError for a schema that this program cannot work on; the log names a newer one that it can."""
    fit, revision = revisions.fit_of(connection), revisions.current_revision(connection)
    if fit in (Fit.EMPTY, Fit.OLDER):
        what = "is empty" if fit is Fit.EMPTY else "has an older schema than this program"
        raise StartError(f"The database {what}: run `smsgw migrate`, if SMSGW_DATABASE_URL names the right one.")
    if fit is Fit.TOO_NEW:
        raise StartError(
            f"The database's schema ({revision}) is of a newer program: install that one, or restore the backup that "
            "was made before it."
        )
    if fit is Fit.NEWER_COMPATIBLE:
        own = revisions.newest_revision()
        log.warning("the schema is of a newer program, and compatible with this one", schema=revision, own=own)


def _refuse_foreign(environment: str | None, owner: DatabaseOwner) -> None:
    if environment is not None and environment != owner.environment:
        raise StartError(
            f"SMSGW_ENV is {owner.environment}, but this database belongs to {environment}: "
            "set SMSGW_ENV to that, or SMSGW_DATABASE_URL to another database."
        )


def _check_keys(connection: Connection, heads: HeadKeys, lost: frozenset[str]) -> None:
    """Record a new signing key. Raise StartError if a key is missing, as its heads could not be checked."""
    noted_keys = state.head_keys(connection)
    if noted_keys is None:
        return
    for key in noted_keys:
        if key not in heads and key not in lost:
            raise StartError(
                f"Evidence in this database is signed with the key {key}, which is not among those of SMSGW_SEAL_KEY "
                "(the newest first, those that it replaced behind it, joined by commas): add it there. If it is lost, "
                f"run `smsgw evidence seal --lost {key}`."
            )
    if heads.newest not in noted_keys:
        state.set_head_keys(connection, [heads.newest, *noted_keys])


@contextmanager
def alone(database: Database) -> Iterator[bool]:
    """Lock a SQLite file while this process uses it. Yield True if no other process can use the database.

    Raise DatabaseInUseError if another gateway has locked the file. A shared one is not locked: the value is False.
    """
    file = _file_of(database.url)
    if database.is_shared or file is None:
        yield not database.is_shared
        return
    try:
        make_private(_lock_file(file))
    except OSError as error:
        raise StartError(f"{_lock_file(file)} cannot be made: {error.strerror}. {_WRITABLE}") from None
    with _locked(file):
        yield True


def is_in_use(url: URL) -> bool:
    """Return True if a gateway has locked this SQLite file."""
    file = _file_of(url)
    if file is None or not _lock_file(file).exists():
        return False
    try:
        with _locked(file):
            return False
    except DatabaseInUseError:
        return True


@contextmanager
def _locked(file: str) -> Iterator[None]:
    try:
        lock = _lock_file(file).open("w")
    except OSError as error:
        raise StartError(f"{_lock_file(file)} cannot be written: {error.strerror}. {_WRITABLE}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseInUseError(os.path.normpath(file)) from None
        yield


def _file_of(url: URL) -> str | None:
    return url.database if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:") else None


def _lock_file(file: str) -> Path:
    return Path(f"{file}.lock")
