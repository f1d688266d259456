"""How large a request may be (delivery.md, security); the webhooks have limits of their own."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems

_LARGEST = 64 * 1024
# An array of up to 1,000 readings, or a list of up to 10,000 numbers.
_LARGEST_AT = {"/api/v1/usage/data": 1024 * 1024, "/api/v1/campaigns": 1024 * 1024}
_DETAIL = "The body may have at most {} KiB."
_TOO_LARGE = 413
# Streamed to the disk, with a limit of its own.
_WITH_THEIR_OWN = ("/api/v1/imports",)


class BodyLimit:
    """Refuses a body by what its header says of it, else as soon as it grows too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that is counted."""
        if scope["type"] != "http" or scope["path"] in _WITH_THEIR_OWN:
            await self._app(scope, receive, send)
            return
        largest = _LARGEST_AT.get(scope["path"], _LARGEST)
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
