"""What every kind of record says of itself, for retention and erasure."""

from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest

from app.db.records import KINDS
from app.domain.records import Record

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
LATER = AT + timedelta(days=400)
_PLAIN: dict[Any, object] = {str: "x", int: 1, bool: False, datetime: AT}


def _example(kind: type[Record]) -> Record:
    hints = get_type_hints(kind)
    given = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]
    make: Any = kind
    found = make(**{name: _value(hints[name]) for name in given})
    assert isinstance(found, Record)
    return found


def _value(hint: Any) -> object:  # noqa: ANN401  a type, whatever it is
    if isinstance(hint, UnionType):
        return None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    return _PLAIN.get(hint, ())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in KINDS
        for name, hint in get_type_hints(kind).items()
        if hint is datetime or datetime in get_args(hint)
    ],
)
def test_the_last_instant_is_the_latest_of_all_times(kind: type[Record], name: str) -> None:
    assert replace(_example(kind), **{name: LATER}).last_instant == LATER  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_records_with_a_service_code_say_so(kind: type[Record]) -> None:
    assert (_example(kind).of_service is not None) == ("service_code" in get_type_hints(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_settle_when_a_tenure_has_ended(kind: type[Record]) -> None:
    ended = _example(kind).when_tenure_ends(LATER)
    assert ended.needs_settling is False
