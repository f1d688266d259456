"""The load generator: runs in its own process, with many connections and one request in flight on each.

Every connection sends its next request as soon as it got an answer. Requests are built beforehand, so that sending
costs little more than the system calls.
"""

import asyncio
import gc
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import uvloop

from bench.wire import WireError, read_response

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PROGRESS_SECONDS = 0.2
EXCERPT_BYTES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send: every request once, or the requests over and over for a time."""

    port: int
    requests: Sequence[bytes]
    connections: int
    expected: frozenset[int]
    """The HTTP statuses that count as success; any other ends the run."""
    limit_seconds: float
    """The run is given up after this time."""
    repeat_seconds: float | None = None
    """Send the requests over and over for this time; None: each one once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a plan. `started` and `finished` are seconds of the monotonic clock."""

    answers: int
    started: float
    finished: float
    p50_seconds: float
    p99_seconds: float

    @property
    def per_second(self) -> float:
        """Answers per second, from the first byte sent to the last answer."""
        return self.answers / (self.finished - self.started)


@dataclass(frozen=True, slots=True)
class Progress:
    """The number of answers so far."""

    answers: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the run was given up."""

    reason: str


Pipe: TypeAlias = "Connection[Progress | Outcome | Failure, object]"


class _Run:
    """The state that the connections of one run share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.latencies = array("d")
        self.over = asyncio.get_running_loop().create_future()
        self.busy = 0
        self._next = 0
        self._stop_at: float | None = None

    def start(self, connections: Sequence["_Client"]) -> float:
        """Send the first request on all connections; return the time (monotonic clock, seconds)."""
        started = time.monotonic()
        if self.plan.repeat_seconds is not None:
            self._stop_at = started + self.plan.repeat_seconds
        self.busy = len(connections)
        for connection in connections:
            connection.send_next(started)
        return started

    def next_request(self, now: float) -> bytes | None:
        """Return the next request, or None when all has been sent."""
        requests = self.plan.requests
        if self._stop_at is not None:
            if now >= self._stop_at:
                return None
            self._next %= len(requests)
        elif self._next >= len(requests):
            return None
        request = requests[self._next]
        self._next += 1
        return request

    def finish_connection(self) -> None:
        """Note that a connection has nothing left to send; the run ends with the last one."""
        self.busy -= 1
        if not self.busy and not self.over.done():
            self.over.set_result(None)

    def fail(self, reason: str) -> None:
        """End the whole run with an error."""
        if not self.over.done():
            self.over.set_exception(WireError(reason))


class _Client(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._expected = run.plan.expected
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent_at: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send_next(self, now: float) -> None:
        """Send one more request, if there is one."""
        request = self._run.next_request(now)
        if request is None or self._transport is None:
            self._sent_at = None
            self._run.finish_connection()
            return
        self._sent_at = now
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
        if status not in self._expected or len(data) != end or self._sent_at is None:
            excerpt = data[start:end][:EXCERPT_BYTES].decode(errors="replace")
            self._run.fail(f"unexpected answer {status}: {excerpt}")
            return
        now = time.monotonic()
        self._run.latencies.append(now - self._sent_at)
        self.send_next(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sent_at is not None:
            self._run.fail(f"the server closed a connection: {exc or 'end of stream'}")

    def close(self) -> None:
        """Abort the connection."""
        self._sent_at = None
        if self._transport is not None:
            self._transport.abort()


async def _report_progress(run: _Run, pipe: Pipe) -> None:
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        pipe.send(Progress(len(run.latencies)))


async def _perform(plan: Plan, pipe: Pipe) -> Outcome:
    loop = asyncio.get_running_loop()
    run = _Run(plan)
    clients: list[_Client] = []
    for _ in range(plan.connections):
        _, client = await loop.create_connection(lambda: _Client(run), "127.0.0.1", plan.port)
        clients.append(client)
    reporter = loop.create_task(_report_progress(run, pipe))
    try:
        started = run.start(clients)
        async with asyncio.timeout(plan.limit_seconds):
            await run.over
        finished = time.monotonic()
    finally:
        reporter.cancel()
        for client in clients:
            client.close()
    ordered = sorted(run.latencies)
    return Outcome(
        answers=len(ordered),
        started=started,
        finished=finished,
        p50_seconds=ordered[len(ordered) // 2],
        p99_seconds=ordered[len(ordered) * 99 // 100],
    )


def generate(plan: Plan, pipe: Pipe) -> None:
    """Run the plan and send its outcome through the pipe. This is the child process's main function."""
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            pipe.send(runner.run(_perform(plan, pipe)))
    except TimeoutError:
        pipe.send(Failure(f"not done after {plan.limit_seconds:g} s"))
    except (WireError, OSError) as error:
        pipe.send(Failure(str(error)))
