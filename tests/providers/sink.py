"""A carrier on a real socket with configurable behaviour, good or bad, that records what it read."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Request = tuple[dict[str, str], bytes]
TAKES = "takes"
TAKES_SLOWLY = "takes slowly"
THROTTLES = "429 with Retry-After"
THROTTLES_BY_DATE = "429 with a date"
ERROR = "500"
REFUSES = "400"
MOVED = "302"
GARBAGE = "200 with garbage"
NO_HTTP = "no HTTP at all"
ENDLESS = "200 without end"
NEVER = "never answers"
CLOSES_AFTER_READING = "closes after reading"
CLOSES_BEFORE_READING = "closes before reading"
CLOSES_WITHIN_ANSWER = "closes within the answer"
SLOWLY_SECONDS = 0.2
_TLS_HELLO = b"\x16"


@dataclass
class Sink:
    """What the carrier read and accepted.

    Attributes:
        behaviour: returns how to answer, by reference and number of the attempt, from 1.
        read: how often each reference was read.
        taken: how often each reference was accepted.
        most_at_once: the largest number of requests at a time.
    """

    url: str = ""
    behaviour: Callable[[str, int], str] = lambda _reference, _time: TAKES
    requests: list[Request] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    _at_once: int = 0
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bodies(self) -> list[dict[str, object]]:
        """The posted bodies, in the order in which they came."""
        return [json.loads(body) for _, body in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == _TLS_HELLO:
            return False
        head = first + await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        reference = headers["webhook-id"]
        does = self.behaviour(reference, self.read[reference] + 1)
        if does == CLOSES_BEFORE_READING:
            self.read[reference] += 1
            return False
        body = await _body(reader, headers)
        self.requests.append((headers, body))
        self.read[reference] += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._answer(does, reference, writer)
        finally:
            self._at_once -= 1

    async def _answer(self, does: str, reference: str, writer: asyncio.StreamWriter) -> bool:
        if does == NEVER:
            await self._closing.wait()
            return False
        if does == CLOSES_AFTER_READING:
            self.taken[reference] += 1
            return False
        if does == TAKES_SLOWLY:
            await asyncio.sleep(SLOWLY_SECONDS)
        if does in (TAKES, TAKES_SLOWLY):
            self.taken[reference] += 1
        writer.write(_ANSWERS.get(does) or _answer(200, json.dumps({"message_id": f"theirs-{reference}"}).encode()))
        await writer.drain()
        return does not in (NO_HTTP, ENDLESS, CLOSES_WITHIN_ANSWER)


def _answer(status: int, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d Whatever" % status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


_ANSWERS = {
    THROTTLES: _answer(429, b"", b"retry-after: 30"),
    THROTTLES_BY_DATE: _answer(429, b"", b"retry-after: Fri, 31 Dec 2100 23:59:59 GMT"),
    ERROR: _answer(500, b"oops"),
    REFUSES: _answer(400, b"no"),
    MOVED: _answer(302, b"", b"location: http://127.0.0.1:1/elsewhere"),
    GARBAGE: _answer(200, b"<html>thank you</html>"),
    NO_HTTP: b"\x00\x01 this is no HTTP \r\n\r\n",
    ENDLESS: b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + b" " * 100_000,
    CLOSES_WITHIN_ANSWER: b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"message_id": "th',
}


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers["content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Run a carrier on a free port of this machine."""
    carrier = Sink()
    server = await asyncio.start_server(carrier.serve, "127.0.0.1", 0)
    carrier.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    try:
        yield carrier
    finally:
        carrier._closing.set()
        server.close()
