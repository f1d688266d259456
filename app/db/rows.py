"""Statements for many rows, one execution each, on both databases (ADR 0004).

Both databases take keys to look up as one JSON parameter, an array of arrays. PostgreSQL takes rows to write in the
same way, as objects; SQLite by executemany, which its driver runs in C. A statement is built once for each table and
set of columns.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from operator import itemgetter
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy import Row as ResultRow
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import BigInteger, TypeEngine

from app.db.types import Id, Instant, to_micros
from app.domain.values import value

Row = Mapping[str, object]
AnySelect = Select[*tuple[Any, ...]]
AnyRow = ResultRow[*tuple[Any, ...]]
Fields = tuple[Any, ...] | AnyRow
_PARAMETER, _KEYS = "rows", "keys"
# SQLAlchemy reserves the names of columns for its own parameters.
_BIND = "given_"


# ---- many rows as one parameter


@cache
def _recordset(table: Table, names: tuple[str, ...]) -> FromClause:
    """Return the objects of the JSON parameter ``rows`` as a table with these columns of a table (PostgreSQL)."""
    recordset = func.json_to_recordset(cast(bindparam(_PARAMETER), postgresql.JSON(none_as_null=True)))
    typed = [column(name, table.c[name].type) for name in names]
    return recordset.table_valued(*typed, name="given").render_derived(name="given", with_types=True)


def _as_parameter(rows: Sequence[Row]) -> dict[str, str]:
    """Return the value of the parameter ``rows``."""
    return {_PARAMETER: to_json([{key: _plain(value) for key, value in row.items()} for row in rows]).decode()}


@cache
def given_keys(dialect: str, table: Table, names: tuple[str, ...]) -> FromClause:
    """Return the keys of the JSON parameter ``keys``, one array for each, as a table with these columns of a table."""
    parameter: BindParameter[str] = bindparam(_KEYS)
    columns: list[ColumnElement[Any]] = []
    if dialect == "sqlite":
        each = func.json_each(parameter).table_valued("value", name="each")
    else:
        array = cast(parameter, postgresql.JSON(none_as_null=True))
        each = func.json_array_elements(array).table_valued("value", name="each")
    for place, name in enumerate(names):
        kind = table.c[name].type
        if dialect == "sqlite":
            columns.append(func.json_extract(each.c.value, f"$[{place}]", type_=kind).label(name))
        else:
            columns.append(cast(each.c.value.op("->>")(literal_column(str(place))), kind).label(name))
    return select(*columns).subquery("given")


def as_keys(keys: Sequence[tuple[int | str, ...]]) -> dict[str, str]:
    """Return the value of the parameter ``keys``: their numbers and strings, in the order of their columns."""
    return {_KEYS: to_json(keys).decode()}


def _plain(value: object) -> object:
    """Return a value in the form that JSON and both drivers accept."""
    if isinstance(value, datetime):
        return to_micros(value)
    return value.value if isinstance(value, Enum) else value


def matching(table: Table, given: FromClause, keys: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that joins given rows to a table by ``keys``."""
    return and_(*(table.c[key] == given.c[key] for key in keys))


def one_of(column: ColumnElement[str], *words: str) -> ColumnElement[bool]:
    """Return the condition ``column IN words`` with literals; with parameters no partial index would be used."""
    literals: list[ColumnElement[str]] = [literal_column(f"'{word}'") for word in words]
    return column == literals[0] if len(literals) == 1 else column.in_(literals)


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column that yields stored microseconds in place of instants; callers convert those that they need."""
    return type_coerce(column, BigInteger).label(column.name) if isinstance(column.type, Instant) else column


# ---- reading


@value
class _Query:
    """A statement's SQL, the names of its placeholders in order, and the values bound to it.

    ``read`` converts a row; None: no column has to be.
    """

    sql: str
    order: tuple[str, ...]
    values: dict[str, object]
    read: Callable[[Fields], Fields] | None


@cache
def _for_sqlite(statement: Executable) -> _Query:
    compiled = statement.compile(dialect=sqlite.dialect())  # type: ignore[attr-defined]  # every statement can be
    selected = [column.type for column in getattr(statement, "exported_columns", ())]
    return _Query(str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params), _converter(selected))


def _converter(selected: Sequence[TypeEngine[Any]]) -> Callable[[Fields], Fields] | None:
    """Return the function that makes strings of the ids in a row, which the driver returns as integers."""
    if not any(isinstance(kind, Id) for kind in selected):
        return None
    fields = [
        f"None if row[{place}] is None else str(row[{place}])" if isinstance(kind, Id) else f"row[{place}]"
        for place, kind in enumerate(selected)
    ]
    converter: Callable[[Fields], Fields] = eval(f"lambda row: ({', '.join(fields)},)")  # noqa: S307  made of numbers
    return converter


def fetch(connection: Connection, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Fields]:
    """Run a statement that was built once, and return its rows as plain tuples of stored values.

    On SQLite this bypasses SQLAlchemy, whose part takes several times as long as the query, and a batch runs a dozen
    of them. Ids are strings as everywhere; booleans may be returned as 0 and 1.
    """
    if connection.dialect.name != "sqlite":
        result: CursorResult[*tuple[Any, ...]] = connection.execute(statement, dict(parameters))
        return result.all() if result.returns_rows else ()
    query = _for_sqlite(statement)
    given = {**query.values, **parameters}
    found = driver_of(connection).execute(query.sql, [given[name] for name in query.order]).fetchall()
    return found if query.read is None else list(map(query.read, found))


def driver_of(connection: Connection) -> sqlite3.Connection:
    """Return the connection of SQLite's driver."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # what the dialect's name says
    return driver


# ---- writing


@value
class _Statement:
    """A statement for many rows; ``values`` returns a row's values in the order of SQLite's placeholders."""

    built: UpdateBase
    sql: str = ""
    values: Callable[[Row], tuple[object, ...]] = tuple


def _compiled(statement: UpdateBase) -> _Statement:
    compiled = statement.compile(dialect=sqlite.dialect())
    assert isinstance(compiled, SQLCompiler)  # noqa: S101  what SQLAlchemy makes of DML
    order = [name.removeprefix(_BIND) for name in compiled.positiontup or ()]
    # With a single name, itemgetter returns no tuple.
    return _Statement(statement, str(compiled), itemgetter(*order) if len(order) > 1 else lambda row: (row[order[0]],))


def _write(connection: Connection, statement: _Statement, rows: Sequence[Row]) -> int:
    """Run a statement, and return the number of rows that it changed."""
    if connection.dialect.name == "sqlite":
        # The driver converts instants to integers (see session.py).
        return driver_of(connection).executemany(statement.sql, map(statement.values, rows)).rowcount
    return connection.execute(
        statement.built, _as_parameter(rows), execution_options={"preserve_rowcount": True}
    ).rowcount


@cache
def _insert(dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...] | None) -> _Statement:
    """Return an INSERT. ``keys`` decides about conflicts: None: an error, (): ignored, else the row is replaced."""
    if dialect == "sqlite":
        statement = sqlite.insert(table).values({name: bindparam(_BIND + name) for name in names})
        if keys:
            statement = statement.on_conflict_do_update(
                index_elements=list(keys), set_={name: statement.excluded[name] for name in names if name not in keys}
            )
        return _compiled(statement.on_conflict_do_nothing() if keys == () else statement)
    given = _recordset(table, names)
    selected = postgresql.insert(table).from_select(list(names), select(*(given.c[name] for name in names)))
    if keys:
        selected = selected.on_conflict_do_update(
            index_elements=list(keys), set_={name: selected.excluded[name] for name in names if name not in keys}
        )
    return _Statement(selected.on_conflict_do_nothing() if keys == () else selected)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns. Raise the driver's IntegrityError if one exists already."""
    if rows:
        _write(connection, _insert(connection.dialect.name, table, tuple(rows[0]), None), rows)


def insert_new_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows that do not exist yet, and return their number."""
    return _write(connection, _insert(connection.dialect.name, table, tuple(rows[0]), ()), rows) if rows else 0


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row], keys: tuple[str, ...]) -> None:
    """Insert rows, or replace those with the same ``keys``."""
    if rows:
        _write(connection, _insert(connection.dialect.name, table, tuple(rows[0]), keys), rows)


Given = Callable[[str], ColumnElement[Any]]
Condition = Callable[[Given], ColumnElement[bool]]


@cache
def _update(
    dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...], only: Condition | None
) -> _Statement:
    """Return an UPDATE of the rows with the given keys; ``only`` makes a further condition of the given values."""
    changed = [name for name in names if name not in keys]
    if dialect == "sqlite":

        def bound(name: str) -> ColumnElement[Any]:
            return bindparam(_BIND + name, type_=table.c[name].type)

        own = and_(*(table.c[key] == bound(key) for key in keys))
        condition = own if only is None else and_(own, only(bound))
        return _compiled(update(table).where(condition).values({name: bound(name) for name in changed}))
    given = _recordset(table, names)
    own = matching(table, given, keys)
    condition = own if only is None else and_(own, only(lambda name: given.c[name]))
    return _Statement(update(table).where(condition).values({name: given.c[name] for name in changed}))


def update_rows(
    connection: Connection, table: Table, rows: Sequence[Row], keys: tuple[str, ...], only: Condition | None = None
) -> int:
    """Update rows by their ``keys``, where ``only`` holds: a module-level function, as statements are cached by it.

    Return the number of rows that were updated.
    """
    return _write(connection, _update(connection.dialect.name, table, tuple(rows[0]), keys, only), rows) if rows else 0
