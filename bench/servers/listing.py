"""What an SMS service of Kannel asks for the text of its reply: a listing that is always the same.

Run as `python -m bench.servers.listing PORT FILE`, with the text in the file. It answers with the headers that let
Kannel send the text as UCS-2.
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=UTF-8\r\nx-kannel-coding: 2\r\ncontent-length: %d\r\n\r\n"
)


class Listing(asyncio.Protocol):
    """Answers each GET with the same text."""

    def __init__(self, text: bytes) -> None:
        self._answer = _HEAD % len(text) + text
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        *heads, self._read = (self._read + data).split(b"\r\n\r\n")
        for _ in heads:
            self._transport.write(self._answer)


async def serve(port: int, text: bytes) -> None:
    """Listen on a loopback port until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Listing(text), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
