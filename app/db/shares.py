"""Shares of the work: a statement that finds work can be limited to the numbers of some buckets.

Two processes may have the same share, as row locks and claims alone decide who does what: a share saves them from
finding the same rows.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Table, any_, bindparam, func, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.distribution import is_distributed
from app.db.rows import AnySelect

# Buckets, in order; None stands for all of them.
Share = tuple[int, ...]
# Returns the share of this process, which may change between two transactions.
ShareSource = Callable[[], Share | None]
_SHARE = "share"


def all_numbers() -> None:
    """Return the share of all buckets."""


class _in_share(FunctionElement[bool]):  # noqa: N801  it is called like a function
    name = "in_share"
    type = Boolean()
    inherit_cache = True

    def __init__(self, bucket: ColumnElement[Any]) -> None:
        super().__init__(bucket, bindparam(_SHARE))


@compiles(_in_share)
def _in_json(element: _in_share, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    bucket, share = element.clauses
    each = func.json_each(share).table_valued("value", name="share")
    return compiler.process(bucket.in_(select(each.c.value)), **how)


@compiles(_in_share, "postgresql")
def _in_array(element: _in_share, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    bucket, share = element.clauses
    if is_distributed(compiler.dialect):  # it finds the shard by the plain form
        return compiler.process(bucket == any_(share), **how)
    # Compared in a way that no index is used for: a primary key begins with the bucket, and holds the whole history.
    return compiler.process(bucket + literal_column("0") == any_(share), **how)


def in_share(table: Table) -> ColumnElement[bool]:
    """Return the condition for rows of a share, whose parameter is that of ``share_given``."""
    return _in_share(table.c.bucket)


def share_given(dialect: str, share: Share | None) -> dict[str, object]:
    """Return the parameter of ``in_share``; none for all buckets."""
    if share is None:
        return {}
    return {_SHARE: list(share) if dialect == "postgresql" else f"[{','.join(map(str, share))}]"}


@cache
def _limited(statement: AnySelect, *tables: Table) -> AnySelect:
    return statement.where(*map(in_share, tables))


def of_share(
    connection: Connection,
    statement: AnySelect,
    table: Table,
    share: Share | None,
    given: Mapping[str, object],
    *joined: Table,
) -> tuple[AnySelect, dict[str, object]]:
    """Return a statement that was built once, limited to the rows of ``table`` in a share, and its parameters.

    ``joined``: further tables of numbers, if the statement locks rows: Citus wants to know the buckets of each.
    """
    if share is None:
        return statement, dict(given)
    tables = (table, *joined) if is_distributed(connection.dialect) else (table,)
    return _limited(statement, *tables), {**given, **share_given(connection.dialect.name, share)}
