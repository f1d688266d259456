"""Claims: rows are changed where they still are as they were found, and what was changed is the claimer's.

Two processes may find the same rows. The second one's update waits for the first one's, looks at the rows again and
leaves out those that no longer match; so no lock is held between finding and claiming.
"""

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Table, delete, select, tuple_

from app.db.rows import Row, driver_of, given_keys, matching
from app.db.writing import Condition, Statement, as_parameter, compiled, in_order, matched, updating

# The values of a row's key columns, in their order; there are at least two.
Key = tuple[Any, ...]


@cache
def _claiming(
    dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...], only: Condition | None
) -> Statement:
    statement = updating(dialect, table, names, keys, only, None)
    if dialect == "sqlite":
        return statement
    return Statement(statement.built.returning(*(table.c[key] for key in keys)))


@cache
def _removing(
    dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...], only: Condition | None
) -> Statement:
    removal = delete(table).where(matched(dialect, table, names, keys, only)[0])
    if dialect == "sqlite":
        return compiled(removal)
    return Statement(removal.returning(*(table.c[key] for key in keys)))


def _changed(connection: Connection, statement: Statement, rows: Sequence[Row], keys: tuple[str, ...]) -> set[Key]:
    if connection.dialect.name == "sqlite":
        execute, key_of = driver_of(connection).execute, itemgetter(*keys)
        return {key_of(row) for row in rows if execute(statement.sql, statement.values(row)).rowcount}
    return set(map(tuple, connection.execute(statement.built, as_parameter(in_order(rows, keys))).all()))


def claim_rows(
    connection: Connection, table: Table, rows: Sequence[Row], keys: tuple[str, ...], only: Condition | None = None
) -> set[Key]:
    """Update rows by their ``keys``, where ``only`` holds (as in ``update_rows``). Return the keys of those updated."""
    if not rows:
        return set()
    return _changed(connection, _claiming(connection.dialect.name, table, tuple(rows[0]), keys, only), rows, keys)


def remove_rows(
    connection: Connection, table: Table, rows: Sequence[Row], keys: tuple[str, ...], only: Condition | None = None
) -> set[Key]:
    """Delete rows by their ``keys``, where ``only`` holds (as in ``update_rows``). Return the keys of those deleted.

    The rows hold nothing but what these conditions need.
    """
    if not rows:
        return set()
    return _changed(connection, _removing(connection.dialect.name, table, tuple(rows[0]), keys, only), rows, keys)


@cache
def deletion(dialect: str, table: Table, names: tuple[str, ...]) -> Delete:
    """Return the statement that deletes the rows that have the given values in these columns (see ``as_keys``)."""
    given = given_keys(dialect, table, names)
    if dialect == "sqlite":
        key = tuple_(*(table.c[name] for name in names))
        return delete(table).where(key.in_(select(*(given.c[name] for name in names))))
    return delete(table).where(matching(table, given, names))
