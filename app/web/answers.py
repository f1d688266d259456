"""Answers made from what the services return."""

from typing import TypeVar

from pydantic import BaseModel

_M = TypeVar("_M", bound=BaseModel)


def answer(body: type[_M], found: object, **given: object) -> _M:
    """Return a body with the fields ``given``; all others are the attributes of ``found`` of the same name."""
    same = {name: getattr(found, name) for name in body.model_fields if name not in given}
    return body.model_validate({**same, **given})
