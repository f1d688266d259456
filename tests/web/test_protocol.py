"""Answers leave whole: one write for what is written in one pass of the event loop."""

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
    """A transport that notes what goes over it."""

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


async def answered(*parts: bytes, request: bytes = REQUEST, pause: bool = False) -> Wire:
    """What goes over the wire for an answer whose body has these parts."""

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
    [sent] = (await answered(b"taken")).sent

    assert sent.startswith(b"HTTP/1.1 200")
    assert sent.endswith(b"\r\n\r\ntaken")


async def test_what_comes_later_does_not_hold_up_what_is_there() -> None:
    head, first, second = (await answered(b"one", b"two", pause=True)).sent

    assert head.endswith(b"\r\n\r\n")
    assert (first, second) == (b"one", b"two")


async def test_all_is_sent_before_a_connection_is_closed() -> None:
    wire = await answered(b"taken", request=REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    assert wire.closed
    assert b"".join(wire.sent).endswith(b"\r\n\r\ntaken")
