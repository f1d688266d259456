"""A carrier that accepts every message at once. Run as `python -m bench.servers.sink PORT`.

Messages are requests to a path that begins with `/send`; GET `/count` answers how many came.
"""

import asyncio
import re
import sys
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_REFERENCE = re.compile(rb"webhook-id: *([^\r]+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class Sink(asyncio.Protocol):
    """Reads whole requests and answers each with an id made of the gateway's reference."""

    taken = 0
    """Messages that came, over all connections."""

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._read) < whole:
                return
            self._read = self._read[whole:]
            body = self._answer(head)
            self._transport.write(_ANSWER % (len(body), body))

    def _answer(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        if path == b"/count":
            return b"%d" % Sink.taken
        Sink.taken += path.startswith(b"/send")
        reference = _REFERENCE.search(head)
        return b'{"message_id":"sink-%b"}' % (reference[1] if reference else b"none")


async def serve(port: int) -> None:
    """Listen on a loopback port until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
