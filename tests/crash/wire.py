"""A session carrier for tests with processes: one JSON object a line, and both ends of it.

``python -m tests.crash.wire`` is the command line of the gateway with a provider of kind ``wire``.
"""

import asyncio
import itertools
import json
import os
import socketserver
import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from typing_extensions import override

from app.cli import main
from app.options import ProviderOptions
from app.providers import KINDS
from app.providers.base import (
    Accepted,
    Inbox,
    Lease,
    Provider,
    RefusedForNow,
    SendResult,
    Submission,
    Surroundings,
    Unknown,
)

_TEST_SECONDS = 0.2
_SUBMIT_ABOVE = 10
_NEVER = 3600.0

# ---- the gateway's end


class WireOptions(ProviderOptions):
    """A carrier of the tests."""

    port: int
    binds: int = 2


class WireProvider(Provider):
    """Writes a test several times a second, so that a session that should be silent is heard."""

    kind = "wire"
    options: ClassVar[type[ProviderOptions]] = WireOptions

    def __init__(self, name: str, options: WireOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.can_send, self.slots, self._port = True, options.binds, options.port
        self._up: dict[int, tuple[StreamWriter, Lease]] = {}
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[SendResult]] = {}

    @property
    @override
    def slots_up(self) -> frozenset[int]:
        return frozenset(self._up)

    @override
    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        reading = asyncio.create_task(self._read(reader))
        try:
            _write(writer, lease, do="bind", by=os.getpid(), slot=slot)
            self._up[slot] = (writer, lease)
            while not reading.done():
                await asyncio.wait([reading], timeout=_TEST_SECONDS)
                _write(writer, lease, do="test")
        finally:
            self._up.pop(slot, None)
            with suppress(ConnectionError):
                if self._waiting and not reading.done():
                    await asyncio.wait(self._waiting.values(), timeout=1)
                _write(writer, lease, do="goodbye")
                writer.close()
            reading.cancel()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result(Unknown("the session ended"))

    async def _read(self, reader: StreamReader) -> None:
        while line := await reader.readline():
            found = json.loads(line)
            if (answer := self._waiting.get(found["number"])) and not answer.done():
                answer.set_result(Accepted(found["id"]))

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        return [await self._send(item) for item in submissions]

    async def _send(self, item: Submission) -> SendResult:
        up = next(iter(self._up.values()), None)
        if up is None or up[1].seconds_left <= _SUBMIT_ABOVE:
            return RefusedForNow("no session")
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            _write(*up, do="send", number=number, reference=item.reference)
            async with asyncio.timeout(5):
                result: SendResult = await answer
        except (TimeoutError, ConnectionError):
            return Unknown("no answer")
        finally:
            del self._waiting[number]
        return result


def _write(writer: StreamWriter, lease: Lease, **line: object) -> None:
    if lease.seconds_left <= 0:
        writer.transport.abort()
        raise ConnectionAbortedError("the lease is over")
    writer.write(json.dumps(line).encode() + b"\n")


# ---- the carrier's end


@dataclass(eq=False)
class Session:
    """A session at the carrier; times are monotonic seconds."""

    by: int
    slot: int
    began_at: float
    lines: list[tuple[float, str]] = field(default_factory=list)
    ended_at: float = _NEVER


class Carrier(socketserver.ThreadingTCPServer):
    """Answers each message. ``sessions`` are all that ever began; ``references`` of all messages that came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.sessions: list[Session] = []
        self.references: list[str] = []
        self.changed = threading.Condition()

    @property
    def open(self) -> list[Session]:
        """The sessions that have not ended."""
        return [one for one in self.sessions if one.ended_at == _NEVER]

    def most_at_once(self) -> int:
        """Return how many sessions were open at a time."""
        return max(
            (sum(o.began_at <= one.began_at < o.ended_at for o in self.sessions) for one in self.sessions), default=0
        )


class _Talk(socketserver.StreamRequestHandler):
    server: Carrier

    @override
    def handle(self) -> None:
        session: Session | None = None
        with suppress(ConnectionError):
            for line in self.rfile:
                found: dict[str, Any] = json.loads(line)
                with self.server.changed:
                    if session is None:
                        session = Session(found["by"], found["slot"], time.monotonic())
                        self.server.sessions.append(session)
                    session.lines.append((time.monotonic(), found["do"]))
                    if found["do"] == "send":
                        self.server.references.append(found["reference"])
                        answer = {"number": found["number"], "id": found["reference"]}
                        self.wfile.write(json.dumps(answer).encode() + b"\n")
                    self.server.changed.notify_all()
        if session is not None:
            with self.server.changed:
                session.ended_at = time.monotonic()
                self.server.changed.notify_all()


if __name__ == "__main__":
    KINDS[WireProvider.kind] = WireProvider
    main()
