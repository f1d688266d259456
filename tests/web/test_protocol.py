"""Writes of one event loop iteration are combined into one."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send
from typing_extensions import override
from uvicorn import Config
from uvicorn.server import ServerState

from app.web.protocol import Protocol

pytestmark = pytest.mark.anyio
REQUEST = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that records its writes."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.sent.append(bytes(data))

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def is_closing(self) -> bool:
        return self.closed


async def written_for(*parts: bytes, request: bytes = REQUEST, pause: bool = False) -> Wire:
    """Return the transport after an answer whose body is sent in these parts."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        size = str(sum(map(len, parts))).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", size)]})
        for number, part in enumerate(parts, 1):
            if pause:
                await asyncio.sleep(0.01)
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})

    config = Config(app, http=Protocol, lifespan="off", log_config=None)
    config.load()
    protocol = Protocol(config, ServerState(), {})
    wire = Wire()
    protocol.connection_made(wire)
    protocol.data_received(request)
    for _ in range(20):
        await asyncio.sleep(0.005)
        if protocol.cycle.response_complete:
            break
    await asyncio.sleep(0)
    return wire


async def test_head_and_body_are_one_write() -> None:
    [sent] = (await written_for(b"taken")).sent

    assert sent.startswith(b"HTTP/1.1 200")
    assert sent.endswith(b"\r\n\r\ntaken")


async def test_a_later_piece_does_not_delay_an_earlier_one() -> None:
    head, first, second = (await written_for(b"one", b"two", pause=True)).sent

    assert head.endswith(b"\r\n\r\n")
    assert (first, second) == (b"one", b"two")


async def test_all_is_sent_before_a_connection_is_closed() -> None:
    wire = await written_for(b"taken", request=REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    assert wire.closed
    assert b"".join(wire.sent).endswith(b"\r\n\r\ntaken")
