"""The load generator: a process of its own that sends requests over keep-alive connections, one in flight on each.

In a closed loop every connection sends its next request as soon as it got an answer. In an open loop each request has
an instant at which it is due, whatever became of those before it; its latency counts from that instant, so that a
server that falls behind cannot hide it. Requests are built beforehand, so that sending costs little more than the
system calls.
"""

import asyncio
import gc
import time
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import uvloop

from bench.load.wire import WireError, read_response

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PROGRESS_SECONDS = 0.2
EXCERPT_BYTES = 300
ACCEPTED = frozenset({202})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send: every request once, in order."""

    port: int
    requests: Sequence[bytes]
    connections: int
    limit_seconds: float
    """The run is given up after this time."""
    expected: frozenset[int] = ACCEPTED
    """The HTTP statuses that count as success; any other ends the run."""
    due: Sequence[float] | None = None
    """For an open loop: when each request is due, in seconds from the start, ascending. None: a closed loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a plan. `started` and `finished` are seconds of the monotonic clock."""

    started: float
    finished: float
    latencies: Sequence[float]
    """Seconds until each answer, in the order of the requests."""

    @property
    def per_second(self) -> float:
        """Answers per second, from the first byte sent to the last answer."""
        return len(self.latencies) / (self.finished - self.started)


@dataclass(frozen=True, slots=True)
class Progress:
    """The number of answers so far."""

    answers: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the run was given up."""

    reason: str


Answers: TypeAlias = "Connection[Progress | Outcome | Failure, Plan]"


class _Run:
    """The state that the connections of one run share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.latencies = array("d", bytes(8 * len(plan.requests)))
        self.answers = 0
        self.over = asyncio.get_running_loop().create_future()
        self.clients: list[_Client] = []
        self._free: deque[_Client] = deque()
        self._waiting: deque[int] = deque()
        self._connecting: asyncio.Future[None] | None = None
        self._due_at: Sequence[float] = ()

    async def connect(self) -> None:
        """Open one more connection."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: _Client(self), "127.0.0.1", self.plan.port)
        self.clients.append(client)
        self._free.append(client)
        self._send_waiting()

    async def send_all(self) -> float:
        """Send everything; return when the run started (monotonic clock, seconds)."""
        started = time.monotonic()
        if self.plan.due is None:
            self._waiting.extend(range(len(self.plan.requests)))
            self._send_waiting()
            return started
        self._due_at = [started + offset for offset in self.plan.due]
        for index, at in enumerate(self._due_at):
            if (left := at - time.monotonic()) > 0:
                await asyncio.sleep(left)
            self._waiting.append(index)
            self._send_waiting()
        return started

    def answered(self, client: "_Client", index: int, sent_at: float) -> None:
        """Note an answer; its connection sends the next request."""
        self.latencies[index] = time.monotonic() - (self._due_at[index] if self._due_at else sent_at)
        self.answers += 1
        self._free.append(client)
        self._send_waiting()
        if self.answers == len(self.latencies) and not self.over.done():
            self.over.set_result(None)

    def lost(self, client: "_Client") -> None:
        """Replace a connection that the server closed while it was idle, as it may."""
        self._free.remove(client)
        self._connecting = asyncio.ensure_future(self.connect())

    def fail(self, reason: str) -> None:
        """End the whole run with an error."""
        if not self.over.done():
            self.over.set_exception(WireError(reason))

    def _send_waiting(self) -> None:
        while self._free and self._waiting:
            index = self._waiting.popleft()
            self._free.popleft().send(index, self.plan.requests[index])


class _Client(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._expected = run.plan.expected
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._index: int | None = None
        """The request in flight, None if there is none."""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, index: int, request: bytes) -> None:
        """Send one request."""
        self._index, self._sent_at = index, time.monotonic()
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        try:
            answer = read_response(data)
        except (WireError, ValueError) as error:
            self._run.fail(str(error))
            return
        if answer is None:
            self._received = data
            return
        self._received = b""
        status, start, end = answer
        if status not in self._expected or len(data) != end or self._index is None:
            excerpt = data[start:end][:EXCERPT_BYTES].decode(errors="replace")
            self._run.fail(f"unexpected answer {status}: {excerpt}")
            return
        index, self._index = self._index, None
        self._run.answered(self, index, self._sent_at)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None and self._index is None:
            self._run.lost(self)
        elif self._transport is not None:
            self._run.fail(f"the server closed a connection with a request in flight: {exc or 'end of stream'}")

    def close(self) -> None:
        """Abort the connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


async def _report_progress(run: _Run, pipe: Answers) -> None:
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        pipe.send(Progress(run.answers))


async def perform(plan: Plan, pipe: Answers) -> Outcome:
    """Carry out a plan, and report progress through the pipe. Raise WireError or TimeoutError if it fails."""
    loop = asyncio.get_running_loop()
    run = _Run(plan)
    for _ in range(plan.connections):
        await run.connect()
    reporter = loop.create_task(_report_progress(run, pipe))
    try:
        async with asyncio.timeout(plan.limit_seconds):
            started = await run.send_all()
            await run.over
        finished = time.monotonic()
    finally:
        reporter.cancel()
        for client in run.clients:
            client.close()
    return Outcome(started=started, finished=finished, latencies=run.latencies)


def generate(pipe: Answers) -> None:
    """Run each plan that comes through the pipe and send its outcome. This is the child process's main function."""
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while True:
            try:
                plan = pipe.recv()
            except EOFError:
                return
            try:
                pipe.send(runner.run(perform(plan, pipe)))
            except TimeoutError:
                pipe.send(Failure(f"not done after {plan.limit_seconds:g} s"))
            except (WireError, OSError) as error:
                pipe.send(Failure(str(error)))
            gc.collect()
