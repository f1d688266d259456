"""Distribute the tables over the servers of a Citus cluster (``smsgw migrate --distribute``; ADR 31)."""

from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection, text

from app.db.distribution import DISTRIBUTED, FIRST, IS_THERE
from app.db.postgresql import allow_long_statements
from app.db.schema import metadata
from app.db.session import Database

# What Alembic makes, beside the tables of the schema.
_OF_ALEMBIC = "alembic_version"


class NotDistributableError(Exception):
    """The tables cannot be distributed; the message says what to do."""


def distribute(database: Database, shards: int) -> Iterator[tuple[str, int]]:
    """Distribute the tables that are not yet, each in a transaction of its own: what was done stays done.

    Yield the name of each table that was distributed, and how many are left. Raise NotDistributableError.
    """
    names = database.read_now(_undistributed)
    for left, name in reversed(list(enumerate(reversed(names)))):
        database.write_now(partial(_distribute, name=name, shards=shards))
        yield name, left


def _undistributed(connection: Connection) -> list[str]:
    """Return the tables that are not distributed yet, in the order to do that. Raise NotDistributableError."""
    if connection.dialect.name != "postgresql" or not connection.execute(text(IS_THERE)).scalar():
        message = "Only a database with Citus has tables to distribute: run `CREATE EXTENSION citus` in it first."
        raise NotDistributableError(message)
    known = set(connection.execute(text(DISTRIBUTED)).scalars())
    names = (_OF_ALEMBIC, *(table.name for table in metadata.sorted_tables))
    # All others lie beside the first one.
    return sorted((name for name in names if name not in known), key=lambda name: name != FIRST)


def _distribute(connection: Connection, name: str, shards: int) -> None:
    """Distribute a table, with its rows, by their buckets; one without customers is copied to every node."""
    allow_long_statements(connection)
    if name == FIRST:
        how = "create_distributed_table(:name, 'bucket', shard_count => :shards, colocate_with => 'none')"
    elif name != _OF_ALEMBIC and "bucket" in metadata.tables[name].c:
        how = f"create_distributed_table(:name, 'bucket', colocate_with => '{FIRST}')"
    else:
        how = "create_reference_table(:name)"
    given = {"name": name, "shards": shards} if name == FIRST else {"name": name}
    connection.execute(text(f"SELECT {how}"), given)
