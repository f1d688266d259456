"""Bodies that come after their answer, and answers that are not read, on real sockets (safety.md 37)."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.running import settings_for
from tests.web.calls import Web
from tests.web.sockets import listening
from tests.web.test_bounds import CLOSE, LONGEST_SECONDS, ShortTimeouts, connected, exchange, head, status

pytestmark = pytest.mark.anyio


@pytest.fixture
async def web(sqlite_url: str) -> AsyncIterator[Web]:
    """A gateway behind a real socket, with short timeouts."""
    async with listening(settings_for(sqlite_url), protocol=ShortTimeouts) as started:
        yield started


@pytest.mark.parametrize("path", ["/api/v1/orders", "/webhooks/generic/inbound"])
async def test_a_connection_is_closed_after_a_body_that_was_answered_early(web: Web, path: str) -> None:
    size = 3_000_000
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        writer.write(head(f"content-length: {size}", path=path, method="POST"))
        writer.write(b"x" * (size - 1))
        assert status(await reader.readuntil(b"\r\n\r\n")) == 413
        writer.write(b"x")
        assert b"HTTP" not in await reader.read(), "a second answer"


async def test_no_more_of_a_body_is_read_once_it_is_answered(web: Web) -> None:
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        writer.write(head("transfer-encoding: chunked", path="/webhooks/generic/inbound", method="POST"))
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"ffff\r\n" + b"x" * 65_535 + b"\r\n")
            await asyncio.wait([answer], timeout=0.01)
        with suppress(ConnectionError):
            assert (await answer).count(b"HTTP/1.1") == 1


async def test_a_flood_of_requests_in_a_row_ends_after_as_many_as_may_wait(web: Web) -> None:
    answers = await exchange(web, b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n" * 300)
    assert answers.count(b"HTTP/1.1 200") == answers.count(b"HTTP/1.1") == 1 + ShortTimeouts.most_pipelined
    assert answers.count(b"connection: close") == 1


async def test_requests_are_read_as_earlier_ones_are_answered(web: Web) -> None:
    at_once = ShortTimeouts.most_pipelined // 2
    asked = b"".join(head(path=f"/livez?{number}") for number in range(at_once))
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        for _ in range(10):
            writer.write(asked)
            answers = b""
            while answers.count(b"HTTP/1.1 200") < at_once:
                answers += await reader.read(65_536)
        writer.write(head(CLOSE))
        assert status(await reader.read()) == 200


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})])  # as the gateway runs: others write on
async def test_a_client_that_reads_no_answers_is_dropped_without_an_error(web: Web, log: io.StringIO) -> None:
    async with asyncio.timeout(LONGEST_SECONDS), connected(web) as (reader, writer):
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # that nothing is read, not even into buffers
        with suppress(ConnectionError):
            while True:
                writer.write(head(path="/openapi.json") * 50)
                await writer.drain()
                await asyncio.sleep(0.01)
    assert '"level": "error"' not in log.getvalue()
