"""Dataclasses as JSON arrays of their fields in order, without the names.

Dataclasses within are arrays as well. Fields at the end that have their defaults are left out. So a field may be added
at the end, with a default; none may be moved, removed or given another default while such text is stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator, to_json
from pydantic_core.core_schema import (
    CoreSchema,
    arguments_parameter,
    arguments_schema,
    call_schema,
    nullable_schema,
    tuple_schema,
    with_default_schema,
)

_T = TypeVar("_T")
_Convert = Callable[[Any], Any]


class PositionalFormat(Generic[_T]):
    """The format of one dataclass, whose fields hold what pydantic can read, other dataclasses, or tuples of them."""

    def __init__(self, kind: type[_T]) -> None:
        hints: Mapping[str, Any] = get_type_hints(kind)
        self._as_array = _dataclass_converter(kind, hints)
        self._validator = SchemaValidator(_dataclass_schema(kind, hints))

    def dump(self, item: _T) -> str:
        """Return the JSON array of a value."""
        return to_json(self._as_array(item)).decode()

    def load(self, stored: str) -> _T:
        """Return the value of a JSON array. Raise pydantic's ValidationError, a ValueError, for any other text."""
        found: _T = self._validator.validate_json(stored)
        return found


# ---- reading


def _dataclass_schema(kind: type[Any], hints: Mapping[str, Any]) -> CoreSchema:
    """Return the schema of a call of the class with the elements of the array as its arguments."""
    parameters = []
    for field in fields(kind):
        schema = _schema(hints[field.name])
        if field.default is not MISSING:
            schema = with_default_schema(schema, default=field.default)
        parameters.append(arguments_parameter(field.name, schema, mode="positional_only"))
    return call_schema(arguments_schema(parameters), function=kind)


def _schema(hint: Any) -> CoreSchema:  # noqa: ANN401  a type, whatever it is
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_schema(hint, get_type_hints(hint))
    if get_origin(hint) is tuple:
        return tuple_schema([_schema(get_args(hint)[0])], variadic_item_index=0)
    if isinstance(hint, UnionType):
        return nullable_schema(_schema(_not_none(hint)))
    return TypeAdapter(hint).core_schema


# ---- writing


def _dataclass_converter(kind: type[Any], hints: Mapping[str, Any]) -> _Convert:
    """Return the function from a value of the class to its fields, those with dataclasses in them converted."""
    declared = fields(kind)
    names, defaults = [field.name for field in declared], [field.default for field in declared]
    # With fewer than two names attrgetter returns no tuple.
    take = attrgetter(*names) if len(names) > 1 else lambda item: [getattr(item, name) for name in names]
    nested = [(place, made) for place, name in enumerate(names) if (made := _converter(hints[name]))]
    if not nested and MISSING in defaults[-1:]:
        return take

    def convert(item: Any) -> list[Any]:  # noqa: ANN401  a value of the class
        values = list(take(item))
        while values and values[-1] == defaults[len(values) - 1]:
            values.pop()
        for place, inner in nested:
            if place < len(values):
                values[place] = inner(values[place])
        return values

    return convert


def _converter(hint: Any) -> _Convert | None:  # noqa: ANN401  a type, whatever it is
    """Return the function that converts the values of a field; None if there are no dataclasses in them."""
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_converter(hint, get_type_hints(hint))
    of_tuple = get_origin(hint) is tuple
    if not of_tuple and not isinstance(hint, UnionType):
        return None
    inner = _converter(get_args(hint)[0] if of_tuple else _not_none(hint))
    if inner is None:
        return None
    return (lambda items: tuple(map(inner, items))) if of_tuple else lambda item: None if item is None else inner(item)


def _not_none(union: UnionType) -> Any:  # noqa: ANN401  a type, whatever it is
    (kind,) = (choice for choice in get_args(union) if choice is not NoneType)
    return kind
