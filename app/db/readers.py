"""Conversion between rows and values: which column a field has, and a reader that is built once for a class."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Concatenate, Generic, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, ColumnElement, FromClause, Text, type_coerce
from sqlalchemy.types import TypeEngine

from app.db.rows import Fields
from app.db.types import Id, Instant, from_micros
from app.domain.values import value

_V = TypeVar("_V")
Convert = Callable[[Any], object]
_PLAIN: Mapping[type, type[TypeEngine[Any]]] = {str: Text, bool: Boolean, int: BigInteger, datetime: Instant}


@value
class Field:
    """A field of a class and its column.

    ``read`` converts the stored value to the field's, ``write`` does the reverse; None: they are the same.
    """

    name: str
    type: type[TypeEngine[Any]]
    optional: bool
    read: Convert | None
    write: Convert | None


def fields_of(kind: type[Any]) -> tuple[Field, ...]:
    """Return the fields of a dataclass. Any that is no string, integer, boolean, enum or instant is JSON text."""
    hints = get_type_hints(kind)
    return tuple(_field(field.name, hints[field.name]) for field in fields(kind))


def _field(name: str, hint: Any) -> Field:  # noqa: ANN401  a type, whatever it is
    choices = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    (kind,) = (choice for choice in choices if choice is not NoneType)
    optional = len(choices) > 1
    if kind is datetime:
        return Field(name, Instant, optional, from_micros, None)
    if kind is bool:
        return Field(name, Boolean, optional, bool, None)
    if isinstance(kind, type) and issubclass(kind, Enum):
        # A dictionary is several times faster than a call of the enum.
        return Field(name, Text, optional, {member.value: member for member in kind}.__getitem__, None)
    if kind in _PLAIN:
        return Field(name, _PLAIN[kind], optional, None, None)
    adapter: TypeAdapter[object] = TypeAdapter(kind)
    return Field(name, Text, optional, adapter.validate_json, lambda item: adapter.dump_json(item).decode())


class RowReader(Generic[_V]):
    """Reads rows as values of a dataclass: each field from the column of its name.

    ``sources`` says where other fields come from: an expression, the reader of a value within the value, or None for a
    field that is None in every row. Fields in ``given`` are arguments of ``read``. Raise LookupError for other fields
    without a column.

    Attributes:
        columns: what to select; instants and ids as stored integers. Further columns may be selected behind them.
        read: the function from a row, and what is ``given``, to its value. It is compiled once, as dataclasses compile
            their methods: rows are read in the hot path, and a loop over the fields takes 1.6 times as long.
    """

    read: Callable[Concatenate[Fields, ...], _V]

    def __init__(
        self,
        kind: type[_V],
        table: FromClause,
        /,
        *given: str,
        **sources: "ColumnElement[Any] | RowReader[Any] | None",
    ) -> None:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
        found = {**dict(table.c.items()), **dict.fromkeys(given), **sources}
        missing, unknown = set(names) - found.keys(), {*given, *sources} - set(names)
        if missing or unknown:
            raise LookupError(f"{kind.__name__}: no column for {sorted(missing)}, no field for {sorted(unknown)}")
        self._kind, self._given = kind, given
        self._sources = {name: found[name] for name in names}
        self.columns = tuple(self._selected())
        known: dict[str, object] = {}
        call = self._call(iter(range(len(self.columns))), known)
        self.read = eval(f"lambda {', '.join(('row', *given))}: {call}", known)  # noqa: S307  made of numbered names

    def _selected(self) -> Iterator[ColumnElement[Any]]:
        for name, source in self._sources.items():
            if isinstance(source, RowReader):
                yield from source.columns
            elif source is not None:
                stored_as_integer = isinstance(source.type, Instant | Id)
                yield type_coerce(source, BigInteger).label(name) if stored_as_integer else source

    def _call(self, places: Iterator[int], known: dict[str, object]) -> str:
        """Return the source of the call that makes a value from ``row``. Add the objects that it names to ``known``."""
        hints = get_type_hints(self._kind)
        arguments = []
        for name, source in self._sources.items():
            if isinstance(source, RowReader):
                arguments.append(source._call(places, known))  # noqa: SLF001  the same class
            elif source is None:
                arguments.append(name if name in self._given else "None")
            else:
                field = _field(name, hints[name])
                read = str if isinstance(source.type, Id) else field.read
                arguments.append(_argument(read, f"row[{next(places)}]", known, optional=field.optional))
        return f"{_named(self._kind, known)}({', '.join(arguments)})"


def _argument(read: Convert | None, stored: str, known: dict[str, object], *, optional: bool) -> str:
    if read is None:
        return stored
    call = f"{_named(read, known)}({stored})"
    return f"None if {stored} is None else {call}" if optional else call


def _named(used: object, known: dict[str, object]) -> str:
    name = f"_{len(known)}"
    known[name] = used
    return name
