"""Look-ups by keys that PostgreSQL plans in one way only, whatever it believes about the size of a table (ADR 25)."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, any_, case, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from typing_extensions import override

from app.db.distribution import is_distributed


class by_index(FunctionElement[bool]):  # noqa: N801  it is called like a function
    """The condition that a column equals a value of another row, by which the column's rows are looked up.

    For PostgreSQL it is ``column = ANY (ARRAY[value])``. Statistics of a queue are mostly those of an empty one. With
    ``column = value`` it would conclude from them that to walk through the whole queue for each value costs nothing;
    this form serves for looking into an index by the value, and for nothing else.
    """

    name = "by_index"
    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], value: ColumnElement[Any]) -> None:
        super().__init__(column, value)

    @override
    def self_group(self, against: Any = None) -> "by_index":
        """Return itself: unlike a function's result, it is a condition as it stands."""
        return self


@compiles(by_index)
def _equal(element: by_index, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    column, value = element.clauses
    return compiler.process(column == value, **how)


@compiles(by_index, "postgresql")
def _any(element: by_index, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    column, value = element.clauses
    # Citus joins the tables that lie beside each other by their buckets, and knows that by the plain form alone.
    if column.name == "bucket" and is_distributed(compiler.dialect):
        return compiler.process(column == value, **how)
    from sqlalchemy.dialects.postgresql import array  # noqa: PLC0415  SQLite does without its drivers

    return compiler.process(column == any_(array([value])), **how)


def is_set(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition ``column IS NOT NULL`` for rows that are looked up by their keys.

    A partial index of the rows that have this column would offer PostgreSQL to walk through all of them instead; no
    index has the condition in this form.
    """
    return case((column.is_not(None), literal_column("1")), else_=literal_column("0")) == literal_column("1")
