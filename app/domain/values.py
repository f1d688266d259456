"""Values: small immutable dataclasses that are cheap to create."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from dataclasses import replace

__all__ = ["replace", "value"]

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_T]) -> type[_T]:
    """Make a class an immutable dataclass with slots, compared and hashed by its fields.

    Only the type checker refuses an assignment: really frozen dataclasses take five times as long to create (ADR 19).
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


@cache
def _field_access(cls: type[Any]) -> tuple[Callable[[Any], tuple[Any, ...]], Mapping[str, int]]:
    """Return a function from a value to the tuple of its fields, and the place of each field in it."""
    names = [item.name for item in fields(cls)]
    # With a single name attrgetter returns no tuple.
    take = attrgetter(*names) if len(names) > 1 else lambda old: (getattr(old, names[0]),)
    return take, {name: place for place, name in enumerate(names)}


if not TYPE_CHECKING:

    def replace(old: _T, /, **changes: object) -> _T:
        """Return a changed copy, by position (ADR 19). Raise TypeError for an unknown field."""
        take, places = _field_access(type(old))
        arguments = list(take(old))
        try:
            for name, new in changes.items():
                arguments[places[name]] = new
        except KeyError as error:
            raise TypeError(f"{type(old).__name__} has no field {error}") from None
        return type(old)(*arguments)
