"""A receiver of events on a real socket. It checks every signature, and a test sets its answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
YES = "200 OK"
DOWN = "503 Service Unavailable"
LONGEST_WAIT_SECONDS = 60


@dataclass
class Receiver:
    """The events that were received. ``answer`` returns the status line for an event, or None to hang up."""

    url: str = ""
    answer: Callable[[dict[str, object]], str | None] = lambda _event: YES
    headers: str = ""
    events: list[dict[str, object]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    most_at_once: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    _at_once: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection with one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])
            }
            body = await reader.readexactly(int(headers["content-length"]))
            self.hosts.append(headers["host"])
            event = Webhook(SECRET).verify(body, headers)
            assert event == json.loads(body)
            assert event["id"] == headers["webhook-id"]
            self.events.append(event)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            await self.gate.wait()
            self._at_once -= 1
            status = self.answer(event)
            if status is not None:
                writer.write(f"HTTP/1.1 {status}\r\n{self.headers}content-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def numbers_received(self, msisdn: str | None = None) -> list[object]:
        """Return the ``n`` of each event, in the order of arrival."""
        datas = [event["data"] for event in self.events]
        return [data["n"] for data in datas if isinstance(data, dict) and msisdn in (None, data["msisdn"])]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on loopback."""
    receiver = Receiver()
    receiver.gate.set()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
    try:
        yield receiver
    finally:
        receiver.gate.set()
        server.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)
