"""A carrier's HTTP request as adapters see it, independent of the web framework."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Self

from pydantic import ValidationError

from app.domain.values import value
from app.providers.validation import errors_of


@value
class WebhookRequest:
    """A carrier's request.

    Attributes:
        body: decompressed.
        headers: by names in lower case.
        token: the token in the path; empty without one.
        address: the IP address that it came from.
        query: the query string, not decoded.
        compressed: the body as it came, if it had a content encoding.
        url: the full URL as the carrier called it.
    """

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    address: str = ""
    query: bytes = b""
    method: str = "POST"
    compressed: bytes | None = None
    url: str = ""


class NotAuthenticError(Exception):
    """A request does not prove that it comes from the carrier."""


class MalformedRequestError(ValueError):
    """A carrier's request is not readable at all. The message never quotes what was sent.

    ``errors`` names the wrong fields, if it is by fields: each with its ``field`` and its ``problem``.
    """

    def __init__(self, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(detail)
        self.errors = errors

    @classmethod
    def of(cls, error: ValidationError, within: str = "") -> Self:
        """Return the error for fields that are missing or wrong; ``within`` is where they stand, if not at the top."""
        errors = [{**item, "field": f"{within}.{item['field']}".lstrip(".")} for item in errors_of(error)]
        return cls("; ".join(f"{item['field']}: {item['problem']}" for item in errors), errors)
