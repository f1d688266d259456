"""Building blocks of tables: naming of constraints, the columns that all customer data start with, partial indexes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, SmallInteger, Text, text
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Further arguments of a table whose rows lie in the order of their primary key, with no second copy of it: small rows
# that are found by their key and seldom written. The rows of messages, questions and evidence lie in the order of
# their making: they are wide, and as neighbours those of a batch share few pages (ADR 26).
CLUSTERED: Mapping[str, Any] = {"sqlite_with_rowid": False}
# The condition of indexes of providers' ids, for a column that may be NULL: an expression, as PostgreSQL would conclude
# from what it counted of the column itself that no row has one. Statements repeat it by ``reports.has_provider_id``.
HAS_PROVIDER_ID = "coalesce(provider_message_id, '') <> ''"
# Storage of tables in PostgreSQL. Room in each page lets a new version of a row stay beside the old one, and no index
# has to be changed. A queue is always short of rows and full of dead ones, so it is cleaned by their number alone.
UPDATED_IN_PLACE = {"fillfactor": 80}
QUEUE = {
    "fillfactor": 80,
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 1000,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 1000,
}


def by_time(column: str = "id") -> Mapping[str, Any]:
    """Return the further arguments of a table that PostgreSQL partitions by an id, and so by time (ADR 28)."""
    return {"postgresql_partition_by": f"RANGE ({column})"}


def customer(*, tenure: bool = True) -> list[Column[Any]]:
    """Return the columns that every row of customer data starts with."""
    columns = [*required(SmallInteger, "bucket"), *required(Text, "msisdn")]
    return [*columns, *required(Integer, "tenure")] if tenure else columns


def required(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> list[Column[Any]]:
    """Return columns of one type that are NOT NULL."""
    return [Column(name, kind, nullable=False) for name in names]


def optional(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> list[Column[Any]]:
    """Return columns of one type that may be NULL."""
    return [Column(name, kind) for name in names]


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return a partial index; it is used only by statements that repeat the condition ``where`` literally."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
