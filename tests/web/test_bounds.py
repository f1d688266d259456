"""Limits on the size and time of unauthenticated requests, on real sockets (safety.md 37)."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from app.web.middleware import limits
from app.web.protocol import Protocol
from tests.running import settings_for
from tests.web.calls import Web, assert_problem
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio
LONGEST_SECONDS = 30


class ShortTimeouts(Protocol):
    """The protocol with short timeouts."""

    head_seconds: ClassVar[float] = 0.3
    body_seconds: ClassVar[float] = 0.5
    stall_seconds: ClassVar[float] = 0.5
    linger_seconds: ClassVar[float] = 0.2
    most_unfinished: ClassVar[int] = 20
    unfinished: ClassVar[dict[Protocol, None]] = {}


class LongTimeouts(ShortTimeouts):
    """The protocol with long timeouts and few unfinished requests."""

    head_seconds: ClassVar[float] = 60
    body_seconds: ClassVar[float] = 60
    unfinished: ClassVar[dict[Protocol, None]] = {}


@pytest.fixture
async def web(sqlite_url: str) -> AsyncIterator[Web]:
    """A gateway behind a real socket, with short timeouts."""
    async with listening(settings_for(sqlite_url), protocol=ShortTimeouts) as started:
        yield started


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(web: Web) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.client.base_url.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def exchange(web: Web, *pieces: bytes) -> bytes:
    """Send some bytes and return everything that is answered until the server closes."""
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        for piece in pieces:
            try:
                writer.write(piece)
                await writer.drain()
            except ConnectionError:
                break
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Wait until the server closes; return True if it sent no answer."""
    try:
        return not await reader.read()
    except ConnectionError:
        return True


def head(*lines: str, path: str = "/livez", method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: localhost", *lines, "", ""]).encode()


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer.split()[1])


CLOSE = "connection: close"


@pytest.mark.parametrize(
    "lines",
    [
        [f"x-long: {'a' * 31_000}"],
        [f"x-{number}: a" for number in range(97)],
        [f"x-{number}: {'a' * 300}" for number in range(97)],
    ],
)
async def test_a_head_of_32_kib_and_100_lines_is_read(web: Web, lines: list[str]) -> None:
    assert status(await exchange(web, head(*lines, CLOSE))) == 200


TOO_LARGE = {
    "one line": [head(f"x-long: {'a' * 40_000}")],
    "a name": [head(f"{'a' * 40_000}: x")],
    "many lines": [head(*(f"x-{number}: a" for number in range(101)))],
    "together": [head(*(f"x-{number}: {'a' * 700}" for number in range(50)))],
    "a path": [head(path="/" + "a" * 40_000)],
    "a line without an end": [b"GET /livez HTTP/1.1\r\nx: ", *[b"a" * 65_536] * 100],
    "lines without an end": [b"GET /livez HTTP/1.1\r\n", *[b"a: b\r\n" * 10_000] * 100],
    "a path without an end": [b"GET /", *[b"a" * 65_536] * 100],
    "behind a body": [
        head("transfer-encoding: chunked", path="/webhooks/generic/inbound", method="POST"),
        b"2\r\n{}\r\n0\r\n",
        *[b"x: y\r\n" * 10_000] * 10,
    ],
}


@pytest.mark.parametrize("pieces", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_larger_head_is_refused(web: Web, pieces: list[bytes]) -> None:
    refusal = await exchange(web, *pieces)
    assert status(refusal) == 431
    assert b"application/problem+json" in refusal
    assert b"32 KiB and 100 lines" in refusal
    assert (await web.client.get("/livez")).status_code == 200


async def test_unreadable_data_after_a_good_request_does_not_affect_its_answer(web: Web) -> None:
    for bad in (head(f"x-long: {'a' * 40_000}"), b"hello\r\n"):
        answer = await exchange(web, head() + bad)
        assert status(answer) == 200
        assert answer.endswith(b'{"status":"ok"}')
        assert b"connection: close" in answer


BEGUN = {
    "no end of a line": b"GET /livez HT",
    "no end of a head": b"GET /livez HTTP/1.1\r\nhost: localhost\r\n",
    "no body": head("content-length: 100", path="/webhooks/generic/inbound", method="POST"),
    "half a body": head("content-length: 100", path="/webhooks/generic/inbound", method="POST") + b"{",
    "half a chunk": head("transfer-encoding: chunked", path="/api/v1/orders", method="POST") + b"9\r\n{",
    "half a body of a call with a key": head(
        "content-length: 9", "idempotency-key: a", "authorization: Bearer demo", path="/api/v1/orders", method="POST"
    ),
    "half an import": head(
        "content-length: 900", "authorization: Bearer demo", path="/api/v1/imports?type=service", method="POST"
    )
    + b"{}\n",
}


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
async def test_a_slow_request_is_answered_408(web: Web, begun: bytes, log: io.StringIO) -> None:
    answer = await exchange(web, begun)
    assert status(answer) == 408
    assert b"connection: close" in answer
    assert answer.count(b"HTTP/1.1") == 1
    assert '"level": "error"' not in log.getvalue()


@pytest.mark.parametrize("sent", [b"", b"\r\n", head(), head() + b"\r\n"], ids=["nothing", "a line", "one", "one more"])
async def test_a_silent_connection_is_closed(web: Web, sent: bytes) -> None:
    answer = await exchange(web, sent)
    assert answer.count(b"HTTP/1.1 200") == sent.count(b"GET")


async def test_slow_sending_does_not_extend_the_timeout(web: Web) -> None:
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n")
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"x: y\r\n")
            await asyncio.wait([answer], timeout=0.05)
        assert status(await answer) == 408


async def test_a_refused_body_is_not_read_for_ever(web: Web) -> None:
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        writer.write(head(f"content-length: {2**40}", path="/api/v1/orders", method="POST"))
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"x" * 1000)
            await asyncio.wait([answer], timeout=0.05)
        assert status(await answer) == 413


async def test_an_import_continues_while_data_arrives(web: Web) -> None:
    line = b'{"type": "service_provider"}\n'
    lines = 12
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        writer.write(
            head(f"content-length: {lines * len(line)}", "authorization: Bearer demo", CLOSE, path="/api/v1/imports",
                 method="POST")
        )  # fmt: skip
        for _ in range(lines):
            writer.write(line)
            await asyncio.sleep(ShortTimeouts.body_seconds / 4)
        answer = await reader.read()
    assert status(answer) == 200
    assert b'"lines":12' in answer


async def test_an_incomplete_body_is_not_handled(web: Web) -> None:
    body = b'{"message_id": "m-1", "from": "13800138000", "to": "10086", "text": "QXCL"}'
    async with connected(web) as (_, writer):
        writer.write(head(f"content-length: {len(body) + 9}", path="/webhooks/generic/inbound", method="POST") + body)
        await writer.drain()
    assert await web.running.say("YE")
    assert "CL" in await web.running.states()


async def test_too_many_unfinished_requests_drop_the_oldest(sqlite_url: str) -> None:
    async with listening(settings_for(sqlite_url), protocol=LongTimeouts) as web, asyncio.timeout(LONGEST_SECONDS):
        opened = [await asyncio.open_connection("127.0.0.1", web.client.base_url.port) for _ in range(50)]
        for _, writer in opened:
            writer.write(b"GET /livez HTTP/1.1\r\n")
        assert (await web.client.get("/livez")).status_code == 200
        assert (await web.client.get("/livez")).status_code == 200, "one that is open already"
        for reader, _ in opened[:20]:
            assert await is_closed(reader)
        assert len(LongTimeouts.unfinished) <= LongTimeouts.most_unfinished
        for _, writer in opened:
            writer.close()


async def test_the_number_of_event_streams_is_limited(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    few = tuple((name, kind, 2) for name, kind, _ in limits._CONCURRENCY_LIMITS)
    monkeypatch.setattr(limits, "_CONCURRENCY_LIMITS", few)
    path = "/simulator/handsets/13800138000/events"
    async with web.client.stream("GET", path) as one, web.client.stream("GET", path) as two:
        assert (one.status_code, two.status_code) == (200, 200)
        refused = await web.client.get(path)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"
        assert "2 event streams" in refused.json()["detail"]
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            async with web.client.stream("GET", path) as again:
                if again.status_code == 200:
                    return


async def test_an_upgrade_is_ignored_and_its_path_not_logged(web: Web, log: io.StringIO) -> None:
    path = "/webhooks/generic/a-token-that-nobody-else-knows/inbound"
    for upgrade in ("websocket", "h2c"):
        answer = await exchange(
            web,
            head("connection: Upgrade", f"upgrade: {upgrade}", "sec-websocket-version: 13",
                 "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", path=path),
        )  # fmt: skip
        assert status(answer) == 405
    assert "a-token" not in log.getvalue()


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
async def test_data_that_is_not_http_is_answered_400(web: Web, sent: bytes) -> None:
    assert status(await exchange(web, sent)) == 400


async def test_the_host_of_an_absolute_target_counts(web: Web) -> None:
    evil = b"GET http://rebind.evil.example/livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    good = b"GET http://LOCALHOST.:80/livez HTTP/1.1\r\nhost: rebind.evil.example\r\nconnection: close\r\n\r\n"
    assert status(await exchange(web, evil)) == 421
    assert status(await exchange(web, good)) == 200
    assert status(await exchange(web, b"GET /livez HTTP/1.0\r\n\r\n")) == 421


class NoneMore(Protocol):
    """The protocol of a server that has as many connections as it may have."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.limit_concurrency = 1


@pytest.mark.parametrize("path", ["/livez", "/webhooks/generic/inbound"])
async def test_a_connection_too_many_is_answered_with_a_problem(sqlite_url: str, path: str) -> None:
    async with listening(settings_for(sqlite_url), protocol=NoneMore) as web:
        answer = await web.client.post(path, json={})
    assert assert_problem(answer, 503)
    assert answer.json()["code"] == "busy"
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("5", "close")
