"""Statements that write many rows, one execution each, on both databases (ADR 4).

SQLite takes rows by executemany, which its driver runs in C, PostgreSQL as objects in one JSON parameter. A statement
is built once for each table and set of columns.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from operator import itemgetter
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

from app.db.rows import Row, driver_of, matching
from app.db.types import to_micros
from app.domain.values import value

_PARAMETER = "rows"
# SQLAlchemy reserves the names of columns for its own parameters.
_BIND = "given_"


# ---- many rows as one parameter of PostgreSQL


@cache
def recordset(table: Table, names: tuple[str, ...]) -> FromClause:
    """Return the objects of the JSON parameter ``rows`` as a table with these columns of a table (PostgreSQL)."""
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  SQLite does without its drivers

    objects = func.json_to_recordset(cast(bindparam(_PARAMETER), postgresql.JSON(none_as_null=True)))
    typed = [column(name, table.c[name].type) for name in names]
    return objects.table_valued(*typed, name="given").render_derived(name="given", with_types=True)


def as_parameter(rows: Sequence[Row], names: Sequence[str] | None = None) -> dict[str, str]:
    """Return the value of the parameter ``rows``; ``names``: of these columns only."""
    columns = names or tuple(rows[0])
    return {_PARAMETER: to_json([{name: _plain(row[name]) for name in columns} for row in rows]).decode()}


def _plain(value: object) -> object:
    """Return a value in the form that JSON and both drivers accept."""
    if isinstance(value, datetime):
        return to_micros(value)
    return value.value if isinstance(value, Enum) else value


# ---- statements


@value
class Statement:
    """A statement for many rows; ``values`` returns a row's values in the order of SQLite's placeholders."""

    built: UpdateBase
    sql: str = ""
    values: Callable[[Row], tuple[object, ...]] = tuple


def compiled(statement: UpdateBase) -> Statement:
    """Return a statement as SQLite's driver runs it."""
    made = statement.compile(dialect=sqlite.dialect())
    assert isinstance(made, SQLCompiler)  # noqa: S101  what SQLAlchemy makes of DML
    order = [name.removeprefix(_BIND) for name in made.positiontup or ()]
    # With a single name, itemgetter returns no tuple.
    return Statement(statement, str(made), itemgetter(*order) if len(order) > 1 else lambda row: (row[order[0]],))


def _write(
    connection: Connection, statement: Statement, rows: Sequence[Row], names: Sequence[str] | None = None
) -> int:
    """Run a statement, and return the number of rows that it changed."""
    if connection.dialect.name == "sqlite":
        # The driver converts instants to integers (see session.py).
        return driver_of(connection).executemany(statement.sql, map(statement.values, rows)).rowcount
    return connection.execute(
        statement.built, as_parameter(rows, names), execution_options={"preserve_rowcount": True}
    ).rowcount


def in_order(rows: Sequence[Row], keys: tuple[str, ...]) -> Sequence[Row]:
    """Return rows in the order of their keys: transactions that lock rows in one order do not wait for each other."""
    return sorted(rows, key=itemgetter(*keys))


@cache
def _insert(dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...] | None) -> Statement:
    """Return an INSERT. ``keys`` decides about conflicts: None: an error, (): ignored, else the row is replaced."""
    if dialect == "sqlite":
        statement = sqlite.insert(table).values({name: bindparam(_BIND + name) for name in names})
        if keys:
            statement = statement.on_conflict_do_update(
                index_elements=list(keys), set_={name: statement.excluded[name] for name in names if name not in keys}
            )
        return compiled(statement.on_conflict_do_nothing() if keys == () else statement)
    given = recordset(table, names)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  SQLite does without its drivers

    selected = postgresql.insert(table).from_select(list(names), select(*(given.c[name] for name in names)))
    if keys:
        selected = selected.on_conflict_do_update(
            index_elements=list(keys), set_={name: selected.excluded[name] for name in names if name not in keys}
        )
    if keys == ():
        return Statement(selected.on_conflict_do_nothing().returning(table.c[names[0]]))
    return Statement(selected)


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Row], names: tuple[str, ...] | None = None
) -> None:
    """Insert rows that all have the same columns; ``names``: those of the table, where the rows hold others as well.

    Raise the driver's IntegrityError if one exists already.
    """
    if rows:
        columns = names or tuple(rows[0])
        _write(connection, _insert(connection.dialect.name, table, columns, None), rows, columns)


def insert_new_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows that do not exist yet, and return their number."""
    if not rows:
        return 0
    statement = _insert(connection.dialect.name, table, tuple(rows[0]), ())
    if connection.dialect.name == "sqlite":
        return _write(connection, statement, rows)
    # Counted as they come back: what a distributed PostgreSQL reports is the number of rows that were given.
    return len(connection.execute(statement.built, as_parameter(rows)).all())


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row], keys: tuple[str, ...]) -> None:
    """Insert rows, or replace those with the same ``keys``."""
    if rows:
        _write(connection, _insert(connection.dialect.name, table, tuple(rows[0]), keys), rows)


Given = Callable[[str], ColumnElement[Any]]
Condition = Callable[[Given], ColumnElement[bool]]
Derived = Callable[[Given], Mapping[str, ColumnElement[Any]]]


def matched(
    dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...], only: Condition | None
) -> tuple[ColumnElement[bool], Given]:
    """Return the condition for the rows with the given keys where ``only`` holds, and what makes each given value."""
    if dialect == "sqlite":

        def value_of(name: str) -> ColumnElement[Any]:
            return bindparam(_BIND + name, type_=table.c[name].type)

        own = and_(*(table.c[key] == value_of(key) for key in keys))
    else:
        given = recordset(table, names)

        def value_of(name: str) -> ColumnElement[Any]:
            return given.c[name]

        own = matching(table, given, keys)
    return own if only is None else and_(own, only(value_of)), value_of


@cache
def updating(
    dialect: str,
    table: Table,
    names: tuple[str, ...],
    keys: tuple[str, ...],
    only: Condition | None,
    derived: Derived | None,
) -> Statement:
    """Return an UPDATE of the rows with the given keys.

    ``only`` makes a further condition of the given values, and ``derived`` further values.
    """
    condition, value_of = matched(dialect, table, names, keys, only)
    values = {name: value_of(name) for name in names if name not in keys}
    statement = update(table).where(condition).values({**values, **(derived(value_of) if derived else {})})
    return compiled(statement) if dialect == "sqlite" else Statement(statement)


def update_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    keys: tuple[str, ...],
    only: Condition | None = None,
    derived: Derived | None = None,
) -> int:
    """Update rows by their ``keys``, where ``only`` holds.

    ``only`` and ``derived``, which makes further values of stored and given ones, are module-level functions, as
    statements are cached by them. Return the number of rows that were updated.
    """
    if not rows:
        return 0
    statement = updating(connection.dialect.name, table, tuple(rows[0]), keys, only, derived)
    return _write(connection, statement, rows if connection.dialect.name == "sqlite" else in_order(rows, keys))
