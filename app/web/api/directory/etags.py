"""``ETag``, ``If-Match`` and ``If-None-Match``: versions of a resource in headers (RFC 9110, 8.8.3 and 13.1)."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
# Separates the version of what can be written from that of what is shown with it.
_BESIDE = "."

_IfMatch = Header(
    alias="If-Match",
    max_length=600,
    description="the ETag of what you read: the change is made only if nobody else made one since, else 412; "
    "`*`: only if it exists",
)
_IfNoneMatch = Header(
    alias="If-None-Match", max_length=600, description="the ETag of what you have: 304 without a body if it is the same"
)


def _tags(given: str) -> tuple[str, ...]:
    return ("*",) if given.strip() == "*" else tuple(_TAG.findall(given))


async def _expected(given: Annotated[str | None, _IfMatch] = None) -> tuple[str, ...] | None:
    """Return the versions in ``If-Match``, None without the header."""
    return None if given is None else tuple(tag.partition(_BESIDE)[0] for tag in _tags(given))


ExpectedIn = Annotated[tuple[str, ...] | None, Depends(_expected)]


class Known:
    """The versions that the caller has."""

    def __init__(self, tags: tuple[str, ...]) -> None:
        self._tags = tags

    def has(self, response: Response, version: str, beside: str = "") -> bool:
        """Set the ``ETag`` of an answer, and return True if the caller has this version: then it is a 304."""
        tag = etag(version, beside)
        response.headers["ETag"] = tag
        return tag.strip('"') in self._tags or "*" in self._tags


async def _known(given: Annotated[str | None, _IfNoneMatch] = None) -> Known:
    return Known(_tags(given or ""))


KnownIn = Annotated[Known, Depends(_known)]


def etag(version: str, beside: str = "") -> str:
    """Return the ETag of a version; ``beside`` is that of what is shown with it and cannot be written with it."""
    return f'"{version}{_BESIDE}{beside}"' if beside else f'"{version}"'


def not_modified(response: Response) -> Response:
    """Return the 304 for an answer whose ETag is set."""
    return Response(status_code=304, headers={"ETag": response.headers["ETag"]})
