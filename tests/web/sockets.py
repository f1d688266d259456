"""A gateway behind a real socket, for streams and connections."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress

import httpx
import uvicorn

from app.settings import Settings
from app.toys import TOYS
from app.web.protocol import Protocol
from app.web.serving import listen, server_of
from tests.running import Running
from tests.web.calls import Web, web_part

_START_SECONDS = 20


@asynccontextmanager
async def listening(
    settings: Settings, port: int = 0, protocol: type[Protocol] = Protocol, *, carrier: str | None = None
) -> AsyncIterator[Web]:
    """Run a gateway on a loopback port and yield a client for it. Port 0 means any free port.

    ``carrier``: the kind of a toy carrier that runs beside it.
    """
    sockets = listen("127.0.0.1", port)
    url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    toy = TOYS[carrier].load()(listen("127.0.0.1", 0)[0], url) if carrier else None
    app = web_part(settings, toy)
    server = server_of(app, protocol=protocol)
    async with toy.running() if toy else nullcontext():
        serving = asyncio.create_task(server.serve(sockets))
        try:
            await _started(server, serving)
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
                yield Web(client, Running(app.state.gateway))
        finally:
            server.stop()
            with suppress(asyncio.CancelledError):
                await serving


async def _started(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    give_up = time.monotonic() + _START_SECONDS
    while not server.started:
        assert not serving.done(), "the server did not start"
        assert time.monotonic() < give_up, "the server took too long to start"
        await asyncio.sleep(0.01)
