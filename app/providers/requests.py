"""A carrier's request as an adapter sees it, whatever web framework took it."""

from collections.abc import Mapping
from dataclasses import field

from app.domain.values import value


@value
class WebhookRequest:
    """A carrier's request. ``headers`` are in lower case; ``token`` is the path's, where it has one.

    ``compressed`` is the body as it came, where it came with a content encoding.
    """

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    address: str = ""
    query: bytes = b""
    method: str = "POST"
    compressed: bytes | None = None


class NotAuthenticError(Exception):
    """A request that does not prove that it comes from the carrier."""
