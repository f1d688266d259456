"""The uvicorn server and its limits (safety.md 37)."""

import asyncio
import errno
import socket
from contextlib import suppress
from types import FrameType
from typing import Literal

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from app.web.protocol import Protocol

_GRACE_SECONDS = 3
# Including idle keep-alive connections, which uvicorn closes after 5 s.
_MAX_CONNECTIONS = 2_000
_TICK_SECONDS = 1.0
_BACKLOG = 2_048


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


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at all addresses of a host. Raise OSError if one of them cannot be had.

    Calls wait until a server takes them from the sockets.
    """
    addresses = dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, _, _, _, address in addresses:
            try:
                sockets.append(socket.create_server(address, family=family, backlog=_BACKLOG))
            except OSError as error:
                # The name localhost has an address of IPv6 on machines that have none, too.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error
        if missing is not None and not sockets:
            raise missing
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def server_of(app: FastAPI, *, protocol: type[Protocol] = Protocol, lifespan: Literal["on", "off"] = "on") -> Server:
    """Return a server for the app, to be given the sockets that it serves.

    ``lifespan`` is off for an app that the caller starts and stops.
    """
    return Server(
        uvicorn.Config(
            app,
            lifespan=lifespan,
            backlog=_BACKLOG,
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
