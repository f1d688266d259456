"""The uvicorn server and its limits (safety.md 37)."""

import asyncio
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from app.web.protocol import Protocol

_GRACE_SECONDS = 3
# Including idle keep-alive connections, which uvicorn closes after 5 s.
_MAX_CONNECTIONS = 2_000
_TICK_SECONDS = 1.0


class Server(uvicorn.Server):
    """uvicorn's server. It ticks once a second, as ten times cost more than all else that an idle gateway does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @override
    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):  # at 0 it sets the date of the answers
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._ended.wait()

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.stop()

    def stop(self) -> None:
        """End the server, in whatever thread or signal handler this is called."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)


def server_of(app: FastAPI, host: str, port: int, *, protocol: type[Protocol] = Protocol) -> Server:
    """Return a server for the app that does not listen yet."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            http=protocol,
            # Not used, and the WebSocket library logs paths, which may contain tokens.
            ws="none",
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
