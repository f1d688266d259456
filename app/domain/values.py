"""Values: small things that are made in great numbers and never changed."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass that is compared and hashed by what it holds, and never changed.

    The type checker refuses a change. Python does not: freezing makes a value five times as slow to make, and a
    turn makes some fifty.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
