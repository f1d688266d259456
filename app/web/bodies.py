"""What bodies of the management API are made of: unknown fields are refused, and no error quotes what was sent.

A password that stands in one is masked in what people type freely, and refused anywhere else (safety.md 28).
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from app.domain.masking import holds_password, masked

Fen = Annotated[int, Field(strict=True, ge=0, le=10**12, description="an amount in fen")]

_MAX_UNKNOWN_FIELDS = 20


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not hold line breaks or other control characters")
    return text


def _strings(given: object) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, (list, tuple)):
        for item in given:
            yield from _strings(item)


# One line of text. It may name something, so that nothing in it is changed.
Line = Annotated[str, AfterValidator(_printable)]
# What somebody types freely: a password in it is masked before anybody sees it (safety.md 28).
Words = Annotated[Line, AfterValidator(masked)]


class Body(BaseModel):
    """A request's body. Passwords are masked in ``Words``, and refused in every other string, ids and keys foremost."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _refuse_passwords(cls, given: object) -> object:
        if any(map(holds_password, _strings(given))):
            raise ValueError("must not hold what looks like a password")
        return given


class LargeBody(Body):
    """One that may be a MiB."""

    @model_validator(mode="before")
    @classmethod
    def _limit_fields(cls, given: object) -> object:
        """A fault for each of a hundred thousand names that are none would take a second to tell (safety.md 37)."""
        if isinstance(given, dict) and len(given) > len(cls.model_fields) + _MAX_UNKNOWN_FIELDS:
            raise ValueError(f"has {len(given)} fields, far more than there are")
        return given
