"""What bodies of the management API are made of: unknown fields are refused, and no error quotes what was sent.

A password that stands in one is masked in what people type freely, and refused anywhere else (safety.md 28).
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from app.domain.masking import holds_password, masked

Fen = Annotated[int, Field(strict=True, ge=0, le=10**12, description="an amount in fen")]


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
    def _without_password(cls, given: object) -> object:
        if any(map(holds_password, _strings(given))):
            raise ValueError("must not hold what looks like a password")
        return given
