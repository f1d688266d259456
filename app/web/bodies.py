"""Base classes and field types of the management API's request bodies.

Unknown fields are refused, and no error quotes what was sent. A password is masked in free text and refused in any
other string (safety.md 28).
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


# One line of text that is stored unchanged, as it may be a name or an id.
Line = Annotated[str, AfterValidator(_printable)]
# One line of free text. Passwords in it are masked (safety.md 28).
Words = Annotated[Line, AfterValidator(masked)]


class Body(BaseModel):
    """A request's body. Passwords are masked in ``Words`` and refused in every other string."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _refuse_passwords(cls, given: object) -> object:
        if any(map(holds_password, _strings(given))):
            raise ValueError("must not hold what looks like a password")
        return given


class LargeBody(Body):
    """A body of up to 1 MiB."""

    @model_validator(mode="before")
    @classmethod
    def _limit_fields(cls, given: object) -> object:
        """Refuse a body with far too many fields as a whole.

        To report a hundred thousand unknown fields one by one would take a second (safety.md 37).
        """
        if isinstance(given, dict) and len(given) > len(cls.model_fields) + _MAX_UNKNOWN_FIELDS:
            raise ValueError(f"has {len(given)} fields, far more than there are")
        return given
