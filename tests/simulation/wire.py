"""The network between gateways and the others: every request meets what the seed has for it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import httpx
from typing_extensions import override

from app.domain.values import value
from tests.simulation.chaos import Wire

if TYPE_CHECKING:
    from tests.simulation.processes import Machinery

# Longer than any caller waits.
_FOR_EVER = 3_600.0
_GARBAGE = b"<html>502</html>"


@value
class Answer:
    """What a server answers; ``retry_after`` in seconds."""

    status: int
    body: bytes = b"{}"
    retry_after: int | None = None


# What a server makes of a request that arrived: its headers and body.
Server = Callable[[Mapping[str, str], bytes], Answer]


class Network(httpx.AsyncBaseTransport):
    """Carries requests to servers, by their host. A server gets what arrived even if its sender dies meanwhile."""

    def __init__(self, around: "Machinery", servers: Mapping[str, Server]) -> None:
        self._around, self._servers = around, servers

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        loop, fate = self._around.loop, self._around.chaos.wire(request.url.host)
        if fate is Wire.NO_CONNECTION:
            raise httpx.ConnectError("the simulation refuses the connection")
        body = await request.aread()
        answered: asyncio.Future[Answer | None] = loop.create_future()
        serving = self._serve(request.url.host, dict(request.headers), body, fate, answered)
        task = loop.world.context.copy().run(loop.create_task, serving)
        answer = await answered
        del task  # nobody may let go of it before
        if answer is None:
            raise httpx.ReadError("the simulation breaks the connection")
        headers = {} if answer.retry_after is None else {"retry-after": str(answer.retry_after)}
        return httpx.Response(answer.status, headers=headers, content=answer.body)

    async def _serve(
        self, host: str, headers: Mapping[str, str], body: bytes, fate: Wire, answered: asyncio.Future[Answer | None]
    ) -> None:
        chaos = self._around.chaos
        await asyncio.sleep(chaos.random.uniform(0.005, 0.2))
        answer = Answer(500)
        if fate is Wire.BUSY:
            answer = Answer(503)
        elif fate is Wire.THROTTLED:
            answer = Answer(429, retry_after=chaos.random.choice((None, 1, 5)))
        elif fate is Wire.REFUSED:
            answer = Answer(400)
        elif fate is not Wire.LOST:
            answer = self._servers[host](headers, body)
        if fate is not Wire.ANSWERED:
            self._around.trace.note("network", f"{host}: {fate.name}", count="faults of the network")
        await asyncio.sleep(chaos.random.uniform(4, 20) if fate is Wire.SLOW else chaos.soon())
        if fate is Wire.NO_ANSWER:
            await asyncio.sleep(_FOR_EVER)
        if answered.done():
            return
        if fate in (Wire.BROKEN, Wire.LOST):
            answered.set_result(None)
        else:
            answered.set_result(Answer(200, _GARBAGE) if fate is Wire.GARBAGE else answer)
