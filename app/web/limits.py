"""How large a request may be, and how many of the long ones there may be at once (delivery.md, security; safety.md 37).

The webhooks have limits of their own, and the times are the protocol's.
"""

import re
from collections import Counter

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems

_MAX_BYTES = 64 * 1024
# An array of up to 1,000 readings, or a list of up to 10,000 numbers.
_MAX_BYTES_AT = {"/api/v1/usage/data": 1024 * 1024, "/api/v1/campaigns": 1024 * 1024}
_DETAIL = "The body may have at most {} KiB."
_TOO_LARGE = 413
# Streamed to the disk, with a limit of its own.
STREAMED = frozenset({"/api/v1/imports"})


async def whole_body(receive: Receive, most: int | None = None) -> bytes:
    """A body to its end, or a little more than ``most`` bytes of it. ClientDisconnect if it breaks off."""
    body, more = b"", True
    while more and (most is None or len(body) <= most):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


class BodyLimit:
    """Refuses a body by what its header says of it, else as soon as it grows too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that is counted."""
        if scope["type"] != "http" or scope["path"] in STREAMED:
            await self._app(scope, receive, send)
            return
        largest = _MAX_BYTES_AT.get(scope["path"], _MAX_BYTES)
        detail = _DETAIL.format(largest // 1024)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > largest:
            await problems.response(_TOO_LARGE, detail)(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > largest:
                raise HTTPException(_TOO_LARGE, detail)
            return message

        await self._app(scope, counted, send)


_CONCURRENCY_LIMITS = (
    ("imports", re.compile(r"/api/v1/imports"), 4),
    ("event streams", re.compile(r"/simulator/handsets/[^/]+/events"), 100),
)
_RETRY_AFTER = {"Retry-After": "5"}


class ConcurrencyLimits:
    """Lets so many of the requests that last go on at once, and asks further ones to come again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._active: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if there is a place for it."""
        path = scope.get("path", "")
        name, most = next(((name, most) for name, kind, most in _CONCURRENCY_LIMITS if kind.fullmatch(path)), ("", 0))
        if not name:
            await self._app(scope, receive, send)
            return
        if self._active[name] >= most:
            detail = f"There are {most} {name} under way, and no more at once; come again."
            await problems.response(503, detail, _RETRY_AFTER)(scope, receive, send)
            return
        self._active[name] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._active[name] -= 1
