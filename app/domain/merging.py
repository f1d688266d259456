"""The outcomes of the parts of one turn, merged into one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any

from app.domain.turn import Handled, Outcome


def _all_of(values: Sequence[tuple[object, ...]]) -> tuple[object, ...]:
    return tuple(chain.from_iterable(values))


def _last_of(values: Sequence[object]) -> object:
    return next((item for item in reversed(values) if item is not None), None)


def _only_one_of(values: Sequence[object]) -> object:
    given = [item for item in values if item is not None]
    if len(given) > 1:
        raise ValueError("two outcomes of a turn set the same field")
    return given[0] if given else None


def _none_of(values: Sequence[object]) -> None:
    if any(item is not None for item in values):
        raise ValueError("a refused call has no other outcome")


def _first_of(values: Sequence[object]) -> object:
    return values[0]


# How the values of each field are merged, in the order of the outcomes. Tuples are concatenated.
_MERGED_BY: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    **{item.name: _all_of for item in fields(Outcome) if item.default == ()},
    "subscriber": _last_of,
    "tenure_ended": any,
    "refusal": _none_of,
    "limits": _only_one_of,
    "former_tenure": _only_one_of,
    "result": _only_one_of,
    "verdict": _first_of,
    "understood": _first_of,
}

_NOTHING = Outcome()


def merge_outcomes(first: Outcome, *others: Outcome) -> Outcome:
    """Merge the outcomes of one turn.

    Tuples are concatenated in order. ``subscriber`` is that of the last outcome that sets it; ``verdict`` and
    ``understood`` are the first outcome's. Raise ValueError if one is a refusal, or if two set another field.
    """
    # Most of what is merged causes nothing, and comparing is far cheaper than merging (ADR 19).
    outcomes = (first, *(one for one in others if one != _NOTHING))
    if len(outcomes) == 1:
        return first
    return Outcome(**{name: merged([getattr(one, name) for one in outcomes]) for name, merged in _MERGED_BY.items()})


def merge_handled(first: Outcome, then: Handled) -> Handled:
    """Merge an outcome with how the rest of the text was handled; if that waits, all of it waits."""
    return merge_outcomes(first, then) if isinstance(then, Outcome) else then
