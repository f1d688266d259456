"""HEAD for every path that has GET: the same answer without its body."""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Answers HEAD as GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, a HEAD as a GET that is cancelled where its body would be streamed, perhaps for ever."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
            elif message.get("more_body", False):
                running.cancel()
                await asyncio.sleep(0)  # here the cancellation arrives

        async def answer() -> None:
            await self._app({**scope, "method": "GET"}, receive, send_head)

        running = asyncio.create_task(answer())
        try:
            with suppress(asyncio.CancelledError):
                await running
        finally:
            running.cancel()
