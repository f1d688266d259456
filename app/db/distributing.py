"""Distribute the tables over the servers of a Citus cluster (``smsgw migrate --distribute``; ADR 31)."""

from sqlalchemy import Connection, text

from app.db.distribution import DISTRIBUTED, FIRST, IS_THERE
from app.db.schema import metadata

# What Alembic makes, beside the tables of the schema.
_OF_ALEMBIC = "alembic_version"


class NotDistributableError(Exception):
    """The tables cannot be distributed; the message says what to do."""


def undistributed(connection: Connection) -> list[str]:
    """Return the tables that are not distributed yet, in the order to do that. Raise NotDistributableError."""
    if connection.dialect.name != "postgresql" or not connection.execute(text(IS_THERE)).scalar():
        message = "Only a database with Citus has tables to distribute: run `CREATE EXTENSION citus` in it first."
        raise NotDistributableError(message)
    known = set(connection.execute(text(DISTRIBUTED)).scalars())
    names = (_OF_ALEMBIC, *(table.name for table in metadata.sorted_tables))
    # All others lie beside the first one.
    return sorted((name for name in names if name not in known), key=lambda name: name != FIRST)


def distribute(connection: Connection, name: str, shards: int) -> None:
    """Distribute a table, with its rows, by their buckets; one without customers is copied to every node."""
    if name == FIRST:
        how = "create_distributed_table(:name, 'bucket', shard_count => :shards, colocate_with => 'none')"
    elif name != _OF_ALEMBIC and "bucket" in metadata.tables[name].c:
        how = f"create_distributed_table(:name, 'bucket', colocate_with => '{FIRST}')"
    else:
        how = "create_reference_table(:name)"
    given = {"name": name, "shards": shards} if name == FIRST else {"name": name}
    connection.execute(text(f"SELECT {how}"), given)
