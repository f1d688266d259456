"""A server that answers everything without parsing it, to measure the load generator itself.

Run as `python -m bench.bare PORT`.
"""

import asyncio
import sys
from typing import cast

import uvloop

BODY = b'{"id":"0","status":"accepted"}'
HEAD = b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
READY = HEAD % (200, len(BODY)) + BODY
ACCEPTED = HEAD % (202, len(BODY)) + BODY


class Bare(asyncio.Protocol):
    """Treats each piece of data as a whole request, which holds on loopback."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer without reading further than the method."""
        self._transport.write(READY if data.startswith(b"GET") else ACCEPTED)


async def serve(port: int) -> None:
    """Listen on a loopback port until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Bare, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
