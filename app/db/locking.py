"""Statements that lock the rows they read. On Citus each locks those of one piece, in an order that all keep."""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import Connection, Table, select

from app.db.distribution import is_distributed, pieces_with
from app.db.rows import AnySelect, Fields, as_keys, fetch, given_keys, matching
from app.db.shares import of_share


@cache
def _locking(statement: AnySelect, table: Table) -> AnySelect:
    return statement.with_for_update(of=table)


@cache
def _of_keys(dialect: str, table: Table, keys: tuple[str, ...]) -> AnySelect:
    given = given_keys(dialect, table, keys)
    columns = [table.c[name] for name in keys]
    return select(*columns).join_from(table, given, matching(table, given, keys)).order_by(*columns)


def fetch_locked(
    connection: Connection, statement: AnySelect, table: Table, keys: tuple[str, ...], given: Mapping[str, object]
) -> list[Fields]:
    """Run a statement that was built once, and lock the rows of ``table`` that it reads until the transaction ends.

    The columns of the statement begin with the table's ``keys``, of which the bucket is the first.
    """
    if not is_distributed(connection.dialect):
        return list(fetch(connection, _locking(statement, table), given))

    def key_of(row: Fields) -> tuple[str, ...]:
        return tuple(map(str, row[: len(keys)]))  # the reader of a row may take its id as a number

    found = {key_of(row): int(row[0]) for row in fetch(connection, statement, given)}
    lock = _locking(_of_keys(connection.dialect.name, table, keys), table)
    locked: set[tuple[str, ...]] = set()
    for piece in pieces_with(connection, found.values()):
        locked.update(map(key_of, fetch(connection, *of_share(connection, lock, table, piece, as_keys(sorted(found))))))
    # Read again, as it is now that nobody else can change it.
    return [row for row in fetch(connection, statement, given) if key_of(row) in locked]
