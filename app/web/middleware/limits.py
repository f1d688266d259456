"""Middleware that limits the size of request bodies and the number of concurrent long requests.

Webhooks have limits of their own; timeouts are in ``protocol.py`` (delivery.md, security; safety.md 37).
"""

import re
from collections import Counter

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems
from app.web.problem_codes import Code

_MAX_BYTES = 64 * 1024
# An array of up to 1,000 readings, or a list of up to 10,000 numbers.
_MAX_BYTES_AT = {"/api/v1/usage/data": 1024 * 1024, "/api/v1/campaigns": 1024 * 1024}
_DETAIL = "The body may have at most {} KiB."
_TOO_LARGE = 413
# Bodies that are streamed to disk, with a limit of their own.
STREAMED = frozenset({"/api/v1/imports"})


async def whole_body(receive: Receive, most: int | None = None) -> bytes:
    """Return the whole body, or a bit more than ``most`` bytes of it if it is larger.

    Raises ClientDisconnect if the connection ends before the body does.
    """
    body, more = b"", True
    while more and (most is None or len(body) <= most):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


class BodyLimit:
    """Refuses a body that is too large: by its Content-Length, else as soon as that many bytes were read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting the bytes of its body."""
        if scope["type"] != "http" or scope["path"] in STREAMED:
            await self._app(scope, receive, send)
            return
        largest = _MAX_BYTES_AT.get(scope["path"], _MAX_BYTES)
        detail = _DETAIL.format(largest // 1024)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > largest:
            await problems.response(Code.BODY_TOO_LARGE, detail)(scope, receive, send)
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


async def refuse_connection(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for which there are too many connections, and close this one."""
    detail = "There are as many connections as there may be; come again."
    await problems.response(Code.BUSY, detail, {**_RETRY_AFTER, "Connection": "close"})(scope, receive, send)


class ConcurrencyLimits:
    """Limits how many requests of each long-running kind run at once; answers further ones with 503."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._active: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless the limit of its kind is reached."""
        path = scope.get("path", "")
        name, most = next(((name, most) for name, kind, most in _CONCURRENCY_LIMITS if kind.fullmatch(path)), ("", 0))
        if not name:
            await self._app(scope, receive, send)
            return
        if self._active[name] >= most:
            detail = f"There are {most} {name} under way, and no more at once; come again."
            await problems.response(Code.BUSY, detail, _RETRY_AFTER)(scope, receive, send)
            return
        self._active[name] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._active[name] -= 1
