"""Explanations of invalid fields that quote nothing of what was sent."""

from collections.abc import Sequence

from pydantic import ValidationError

from app.domain.masking import masked
from app.observability import masked_text

_MAX_ERRORS = 5
# What pydantic adds to the place of a field of several types.
_TYPES = frozenset({"str", "constrained-str", "int", "float"})


def error_details(error: ValidationError) -> str:
    """Return at most five errors with their places, without quoting what was sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # For a field of several types, only the error of the first type.
    messages = {tuple(part for part in item["loc"] if part not in _TYPES): item["msg"] for item in reversed(found)}
    first = [*reversed(messages.items())][:_MAX_ERRORS]
    return "; ".join(f"{location_of(where) or 'body'}: {why}" for where, why in first)


def location_of(location: Sequence[int | str]) -> str:
    """Return the path of a field, masked: an unknown field's name may be anything, even a password or a number."""
    return ".".join(masked_text(masked(str(part))) for part in location)
