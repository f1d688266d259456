"""Connections of strangers to a real process: slow, huge, broken, lying, and many. Each says how it must end."""

import asyncio
import gzip
import json
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

# In every body that must be refused; it may be found nowhere afterwards.
MARK = "never-to-be-stored"
MIB = 1024 * 1024
# The longest that a stranger may hold on: 30 s for a body or for an answer that is not read, and what a busy machine adds.
PATIENCE_SECONDS = 60
CLOSED = 0
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Stranger = Callable[[int], Awaitable[int]]


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: localhost", *lines, "", ""]).encode()


INBOUND = "/webhooks/generic/inbound"
CHUNKED = "transfer-encoding: chunked"
IMPORT = head("/api/v1/imports", "authorization: Bearer demo", CHUNKED)


def message(text: str) -> bytes:
    return json.dumps({"message_id": MARK, "from": "13700137000", "to": "10086", "text": f"{MARK} {text}"}).encode()


def whole(path: str, body: bytes, *lines: str) -> bytes:
    return head(path, f"content-length: {len(body)}", *lines) + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=16 * MIB)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ends_as(reader: asyncio.StreamReader) -> int:
    """Wait until the server closes; return the status of its last answer, or CLOSED without any."""
    found = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            found = found[-65_536:] + piece
    _, answered, last = found.rpartition(b"HTTP/1.1 ")
    return int(last[:3]) if answered else CLOSED


def sends(*pieces: bytes, again: bytes = b"", every: float = 0) -> Stranger:
    """Return a stranger who sends some bytes at once, then a piece again and again, every so many seconds."""

    async def run(port: int) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS), connection(port) as (reader, writer):
            ended = asyncio.create_task(ends_as(reader))
            for piece in pieces:
                with suppress(ConnectionError):
                    writer.write(piece)
                    await writer.drain()
            while again and not ended.done():
                with suppress(ConnectionError):
                    writer.write(again)
                    await writer.drain()
                await asyncio.wait([ended], timeout=every)
            return await ended

    return run


def asks_and_never_reads(request: bytes) -> Stranger:
    """Return a stranger who asks for much, reads nothing, and is let go."""

    async def run(port: int) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            with suppress(ConnectionError):
                while True:  # until the server's buffers and ours are full, and then until it gives up
                    writer.write(request * 500)
                    await writer.drain()
                    await asyncio.sleep(0)
            writer.transport.abort()
            return CLOSED

    return run


async def trickles_an_import(port: int) -> int:
    """Send a line a second for longer than a whole body may take."""
    until = time.monotonic() + 33
    async with asyncio.timeout(PATIENCE_SECONDS), connection(port) as (reader, writer):
        writer.write(head("/api/v1/imports", "authorization: Bearer demo", CHUNKED, "connection: close"))
        while time.monotonic() < until:
            writer.write(chunk(b'{"type": "service_provider"}\n'))
            await writer.drain()
            await asyncio.sleep(1)
        writer.write(b"0\r\n\r\n")
        return await ends_as(reader)


async def pipelines(port: int) -> int:
    """Send 100 requests at once; all are answered."""
    asked = b"".join(head(f"/livez?{number}", method="GET") for number in range(99)) + head(
        "/livez", "connection: close", method="GET"
    )
    async with asyncio.timeout(PATIENCE_SECONDS), connection(port) as (reader, writer):
        writer.write(asked)
        found = await reader.read(-1)
    return 200 if found.count(b"HTTP/1.1 200") == 100 else CLOSED


CLOSE = "connection: close"
_BOMB = gzip.compress(b" " * 200 * MIB, 9, mtime=0)
_DEEP = (b'{"text":' * 100_000) + b"1"
_PARTS = (
    b"".join(b'--x\r\ncontent-disposition: form-data; name="%d"\r\n\r\n%d\r\n' % (n, n) for n in range(10_000))
    + b"--x--\r\n"
)
_TOO_MANY = json.dumps(
    {**json.loads(message("part")), "concat_ref": 1, "concat_total": 10_000, "concat_part": 9_999}
).encode()

# What is slow, and how it ends. Each is let go by a limit of the protocol.
SLOW: Mapping[str, tuple[Stranger, set[int]]] = {
    "a head, a byte a second": (sends(b"GET /livez", again=b"x", every=1), {408}),
    "a head, a line a second": (sends(b"GET /livez HTTP/1.1\r\n", again=b"x: y\r\n", every=1), {408}),
    "a head that stops": (sends(b"POST /api/v1/orders HTTP/1.1\r\nhost: loc"), {408}),
    "nothing": (sends(), {CLOSED}),
    "a body, a byte a second": (sends(head(INBOUND, "content-length: 500") + b'{"text": "', again=MARK[:1].encode(), every=1), {408}),
    "a body shorter than it says": (sends(head(INBOUND, "content-length: 500") + message("short")), {408}),
    "chunks for ever, one a second": (sends(head(INBOUND, CHUNKED), again=chunk(b" "), every=1), {408}),
    "a chunk that never ends": (sends(head("/api/v1/orders", CHUNKED) + b"ffff\r\n{"), {408}),
    "a call with a key, a byte a second": (sends(head("/api/v1/orders", "content-length: 500", "idempotency-key: k", "authorization: Bearer demo"), again=b" ", every=1), {408}),
    "answers that nobody reads": (asks_and_never_reads(head("/openapi.json", method="GET")), {CLOSED}),
    "a stream that nobody reads": (sends(head("/simulator/handsets/13700137001/events", method="GET")[:-2]), {408}),
}  # fmt: skip
# Of imports, at most four may run.
IMPORTS: Mapping[str, tuple[Stranger, set[int]]] = {
    "an import that stops": (sends(IMPORT + chunk(b'{"type": "service_provider"}\n')), {408}),
    "an import, a line a second": (trickles_an_import, {200}),
}
# What is too large, broken or lying.
HUGE: Mapping[str, tuple[Stranger, set[int]]] = {
    "chunks for ever, as fast as possible": (sends(head(INBOUND, CHUNKED), again=chunk(b"x" * 65_000)), {413}),
    "a body of 5 MiB": (sends(whole(INBOUND, b"[" + b" " * 5 * MIB)), {413}),
    "a call of 5 MiB": (sends(whole("/api/v1/orders", b" " * 5 * MIB)), {413}),
    "a message of 100 KiB": (sends(whole(INBOUND, message("x" * 100_000), CLOSE)), {413}),
    "an endless length": (sends(head("/api/v1/orders", f"content-length: {2**62}", "authorization: Bearer demo"), again=b"x" * 1000, every=0.05), {413}),
    "a head of 40 KiB": (sends(head("/livez", f"x: {'x' * 40_000}", method="GET")), {431}),
    "101 lines": (sends(head("/livez", *["a: b"] * 101, method="GET")), {431}),
    "a URL of 40 KiB": (sends(head("/" + "x" * 40_000, method="GET")), {431}),
    "a URL of a MiB": (sends(head("/" + "x" * MIB, method="GET")), {431}),
    "lines without an end": (sends(b"GET /livez HTTP/1.1\r\n", again=b"a: b\r\n" * 5_000), {431}),
    "trailers without an end": (sends(head(INBOUND, CHUNKED) + b"2\r\n{}\r\n0\r\n", again=b"a: b\r\n" * 5_000), {431}),
    "a gzip bomb": (sends(whole(INBOUND, _BOMB, "content-encoding: gzip", CLOSE)), {413}),
    "a bomb in an array": (sends(whole(INBOUND, gzip.compress(b"[" + b" " * 50 * MIB, mtime=0), "content-encoding: gzip", CLOSE)), {413}),
    "a deflate bomb": (sends(whole(INBOUND, zlib.compress(b"[" * 50 * MIB), "content-encoding: deflate", CLOSE)), {413}),
    "a thousand empty gzips": (sends(whole(INBOUND, gzip.compress(b"", mtime=0) * 1_000, "content-encoding: gzip", CLOSE)), {422}),
    "a bomb for a call": (sends(whole("/api/v1/orders", _BOMB[:60_000], "content-encoding: gzip", "authorization: Bearer demo", "content-type: application/json", CLOSE)), {400}),
    "a form of 10,000 parts": (sends(whole(INBOUND, _PARTS, "content-type: multipart/form-data; boundary=x", CLOSE)), {413, 415}),
    "a form for a call": (sends(whole("/api/v1/orders", _PARTS[:60_000], "content-type: multipart/form-data; boundary=x", "authorization: Bearer demo", CLOSE)), {422}),
    "a message of 10,000 parts": (sends(whole(INBOUND, _TOO_MANY, CLOSE)), {422}),
    "100,000 brackets in an array": (sends(whole(INBOUND, b"[" * 100_000, CLOSE)), {422}),
    "JSON that is deep": (sends(whole(INBOUND, _DEEP[:60_000], CLOSE)), {422}),
    "deep JSON for a call": (sends(whole("/api/v1/orders", _DEEP[:60_000], "authorization: Bearer demo", "content-type: application/json", CLOSE)), {400}),
    "two lengths": (sends(whole(INBOUND, message("two"), "content-length: 5")), {400}),
    "a length and chunks": (sends(whole(INBOUND, message("both"), CHUNKED)), {400}),
    "a negative length": (sends(head(INBOUND, "content-length: -1") + message("negative")), {400}),
    "a length in words": (sends(head(INBOUND, "content-length: ten") + message("words")), {400}),
    "a chunk in words": (sends(head(INBOUND, CHUNKED) + b"ten\r\n" + message("words")), {400}),
    "a length that is too short": (sends(head(INBOUND, "content-length: 9") + message("longer")), {422}),
    "two hosts": (sends(head("/livez", "host: evil.example", CLOSE, method="GET")), {421}),
    "100 requests in a row": (pipelines, {200}),
}  # fmt: skip


async def leaves_early(port: int, number: int) -> None:
    """Begin a message and go away: closed, or reset."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(whole(INBOUND, message("gone"))[: -1 - number % 150])
    if number % 2:
        writer.transport.abort()
    else:
        writer.close()


@asynccontextmanager
async def half_open(port: int, count: int) -> AsyncIterator[None]:
    """Hold so many connections whose requests never end."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    for number, (_, writer) in enumerate(opened):
        writer.write([b"", b"G", b"POST /api", head(INBOUND, "content-length: 300")][number % 4])
    try:
        yield
    finally:
        for _, writer in opened:
            writer.transport.abort()
