"""Statements that read by many keys, one execution each, on both databases (ADR 4).

Both databases take keys as one JSON parameter, an array of arrays. A statement is built once for each table and set of
columns.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

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
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy import Row as ResultRow
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import Executable
from sqlalchemy.types import BigInteger, TypeEngine

from app.db.lookups import by_index
from app.db.types import Id, Instant
from app.domain.values import value

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Row = Mapping[str, object]
AnySelect = Select[*tuple[Any, ...]]
AnyRow = ResultRow[*tuple[Any, ...]]
Fields = tuple[Any, ...] | AnyRow
_KEYS = "keys"


# ---- many rows as one parameter


@cache
def given_keys(dialect: str, table: Table, names: tuple[str, ...]) -> FromClause:
    """Return the keys of the JSON parameter ``keys``, one array for each, as a table with these columns of a table."""
    parameter: BindParameter[str] = bindparam(_KEYS)
    columns: list[ColumnElement[Any]] = []
    if dialect == "sqlite":
        each = func.json_each(parameter).table_valued("value", name="each")
    else:
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415  SQLite does without its drivers

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


def matching(table: Table, given: FromClause, keys: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that looks rows of a table up by their ``keys``, which are given."""
    return and_(*(by_index(table.c[key], given.c[key]) for key in keys))


def one_of(column: ColumnElement[str], *words: str) -> ColumnElement[bool]:
    """Return the condition ``column IN words`` with literals; with parameters no partial index would be used."""
    literals: list[ColumnElement[str]] = [literal_column(f"'{word}'") for word in words]
    return column == literals[0] if len(literals) == 1 else column.in_(literals)


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column that yields stored microseconds in place of instants; callers convert those that they need."""
    return type_coerce(column, BigInteger).label(column.name) if isinstance(column.type, Instant) else column


def insert_of(dialect: str) -> "Callable[[Table], sqlite.Insert | postgresql.Insert]":
    """Return what makes an INSERT that may have an ON CONFLICT."""
    if dialect == "sqlite":
        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  SQLite does without its drivers

    return postgresql.insert


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
