"""What tables are made of: names, the columns that every row of customer data starts with, indexes of some rows."""

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


def customer(*, tenure: bool = True) -> list[Column[Any]]:
    """The columns that every row of customer data starts with."""
    columns = [*required(SmallInteger, "bucket"), *required(Text, "msisdn")]
    return [*columns, *required(Integer, "tenure")] if tenure else columns


def required(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> list[Column[Any]]:
    """Columns of one type that are never empty."""
    return [Column(name, kind, nullable=False) for name in names]


def optional(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> list[Column[Any]]:
    """Columns of one type that may be empty."""
    return [Column(name, kind) for name in names]


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some rows only; the planner uses it where a statement says ``where`` in the same words."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
