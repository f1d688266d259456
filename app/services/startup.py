"""Whether this program may work on a database: its schema, its mark, its keys (safety.md 26 and 35).

Every command that uses the database comes through here, so that they may be given in any order.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection

from app import observability
from app.db import migrations, state, work
from app.db.session import Database, files_open_to_others, lock_exclusively, make_private
from app.domain.heads import HeadKeys
from app.domain.values import value
from app.services.sealing import Sealer

log = observability.logger(__name__)


class StartError(Exception):
    """Nobody can work on this database as it is; the words say what to do."""


@value
class DatabaseOwner:
    """Whose a database is: it is marked with the environment, and its evidence is signed with these keys."""

    environment: str
    sealer: Sealer

    @property
    def heads(self) -> HeadKeys:
        """What signs its evidence."""
        return self.sealer.heads


def prepare(
    database: Database,
    owner: DatabaseOwner,
    *,
    migrate: bool,
    starting: bool = False,
    lost: frozenset[str] = frozenset(),
) -> None:
    """See that a database can be worked on, before anything of it runs; StartError says what to do.

    ``migrate``: bring the schema up, but never that of another environment's database. ``starting``: a gateway is to
    run on it, beside which no other may on SQLite. ``lost``: ids of keys that signed evidence and may be missing.
    """
    if starting and (loose := files_open_to_others(database.url)):
        log.warning("others on this machine can read the database: chmod 600", files=[str(one) for one in loose])
    pending = migrate and database.write_now(migrations.current_revision) != migrations.newest_revision()
    with alone(database) if starting or pending else nullcontext():
        if pending:
            database.write_now(lambda connection: _bring_up(connection, owner))
        else:
            database.write_now(lambda connection: open_marked(connection, owner, lost))


def _bring_up(connection: Connection, owner: DatabaseOwner) -> None:
    """Schema and mark in one transaction: there is never one without the other."""
    lock_exclusively(connection)
    revision = migrations.current_revision(connection)
    if revision is not None:
        _refuse_newer(revision)
        _refuse_foreign(state.environment_of(connection), owner)
    migrations.upgrade(connection)
    open_marked(connection, owner)


def open_marked(connection: Connection, owner: DatabaseOwner, lost: frozenset[str] = frozenset()) -> str | None:
    """Mark an empty database as the owner's, refuse one that is not his; the newest id in it."""
    revision = migrations.current_revision(connection)
    if revision != migrations.newest_revision():
        if revision is not None:
            _refuse_newer(revision)
        what = "is empty" if revision is None else "has an older schema than this program"
        raise StartError(f"The database {what}: run `smsgw migrate`, if SMSGW_DATABASE_URL names the right one.")
    if state.environment_of(connection) is None:
        lock_exclusively(connection)
    environment = state.environment_of(connection)
    if environment is None:
        if not work.is_empty(connection):
            raise StartError(
                "The database holds data but no gateway's mark: restore its gateway_state row from a backup."
            )
        state.initialise_state(connection, owner.environment, owner.heads.newest)
    _refuse_foreign(environment, owner)
    _admit_keys(connection, owner.heads, lost)
    return work.newest_id(connection)


def _refuse_newer(revision: str) -> None:
    if not migrations.is_known(revision):
        raise StartError(
            f"The database's schema ({revision}) is of a newer program: install that one, or restore the backup that "
            "was made before it."
        )


def _refuse_foreign(environment: str | None, owner: DatabaseOwner) -> None:
    if environment is not None and environment != owner.environment:
        raise StartError(
            f"SMSGW_ENV is {owner.environment}, but this database belongs to {environment}: "
            "set SMSGW_ENV to that, or SMSGW_DATABASE_URL to another database."
        )


def _admit_keys(connection: Connection, heads: HeadKeys, lost: frozenset[str]) -> None:
    """Note a new key. With a key missing, what is written would go on from heads that nobody can check."""
    known = state.head_keys(connection)
    if known is None:
        return
    for key in known:
        if key not in heads and key not in lost:
            raise StartError(
                f"Evidence in this database is signed with the key {key}, which is not among those of SMSGW_SEAL_KEY "
                "(the newest first, those that it replaced behind it, joined by commas): add it there. If it is lost, "
                f"run `smsgw evidence seal --lost {key}`."
            )
    if heads.newest not in known:
        state.set_head_keys(connection, [heads.newest, *known])


@contextmanager
def alone(database: Database) -> Iterator[bool]:
    """Own a SQLite file for as long as this process works on it; whether no other process can be at work."""
    file = database.url.database if database.is_sqlite else None
    if not file or file == ":memory:":
        yield database.is_sqlite
        return
    make_private(Path(f"{file}.lock"))
    with Path(f"{file}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"Another gateway is running on {file}: stop it, or set SMSGW_DATABASE_URL to another database."
            ) from None
        yield True
