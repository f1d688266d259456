"""Explanations of invalid fields that quote nothing of what was sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from app.domain.masking import masked
from app.observability import masked_text

_MAX_ERRORS = 5
# What pydantic adds to the place of a field of several types.
_TYPES = frozenset({"str", "constrained-str", "int", "float"})


# What pydantic puts before the message of a validator.
_PREFIX = "Value error, "


def error_details(error: ValidationError) -> str:
    """Return at most five errors with their places, without quoting what was sent."""
    return "; ".join(f"{item['field']}: {item['problem']}" for item in errors_of(error))


def errors_of(error: ValidationError) -> list[dict[str, str]]:
    """Return at most five errors as ``field`` and ``problem``, without quoting what was sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # For a field of several types, only the error of the first type.
    by_place = {tuple(part for part in item["loc"] if part not in _TYPES): item for item in reversed(found)}
    return field_errors(
        [{**item, "loc": place or ("body",)} for place, item in reversed(by_place.items())][:_MAX_ERRORS]
    )


def field_errors(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return pydantic's errors as ``field`` and ``problem``, without quoting what was sent."""
    return [
        {"field": location_of(item["loc"]), "problem": masked(str(item["msg"]).removeprefix(_PREFIX))} for item in found
    ]


def location_of(location: Sequence[int | str]) -> str:
    """Return the path of a field, masked: an unknown field's name may be anything, even a password or a number."""
    return ".".join(masked_text(masked(str(part))) for part in location)
