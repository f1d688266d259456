"""The load generator, against servers made for it."""

import asyncio
from collections.abc import Sequence
from multiprocessing import Pipe

import pytest

from bench.load.sending import Outcome, Plan, perform
from bench.load.wire import WireError, build_request

ANSWER = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}"
REQUEST = build_request("POST", "/", {"n": 1})


class Server(asyncio.Protocol):
    """Answers each request; closes a connection after ``requests`` of them."""

    requests = 1_000
    answer = ANSWER
    connections = 0
    slow_seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.answered = transport, 0
        type(self).connections += 1

    def data_received(self, data: bytes) -> None:
        assert data == REQUEST
        self.answered += 1
        asyncio.get_running_loop().call_later(self.slow_seconds, self.transport.write, self.answer)
        if self.answered == self.requests:
            asyncio.get_running_loop().call_later(self.slow_seconds + 0.01, self.transport.close)


async def outcome_of(kind: type[Server], count: int, *, due: Sequence[float] | None = None) -> Outcome:
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0)
    here, there = Pipe()
    try:
        port: int = server.sockets[0].getsockname()[1]
        plan = Plan(port=port, requests=[REQUEST] * count, connections=2, limit_seconds=20, due=due)
        return await perform(plan, there)
    finally:
        server.close()
        here.close()
        there.close()


def test_every_request_is_sent_once_and_has_a_latency() -> None:
    class Steady(Server):
        pass

    outcome = asyncio.run(outcome_of(Steady, 20))
    assert len(outcome.latencies) == 20
    assert all(0 < latency < 5 for latency in outcome.latencies)
    assert Steady.connections == 2


def test_an_open_loop_counts_from_the_instant_at_which_a_request_was_due() -> None:
    class Slow(Server):
        slow_seconds = 0.05

    # Two connections, and all are due at once: each pair waits for the one before.
    outcome = asyncio.run(outcome_of(Slow, 6, due=[0.0] * 6))
    assert all(latency >= 0.045 * waits for latency, waits in zip(outcome.latencies, [1, 1, 2, 2, 3, 3], strict=True))


def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    class Closing(Server):
        requests = 1

    outcome = asyncio.run(outcome_of(Closing, 4, due=[0.0, 0.05, 0.1, 0.15]))
    assert len(outcome.latencies) == 4
    assert Closing.connections > 2


def test_an_unexpected_answer_ends_the_run() -> None:
    class Broken(Server):
        answer = ANSWER.replace(b"202 Accepted", b"503 Away")

    with pytest.raises(WireError, match="unexpected answer 503"):
        asyncio.run(outcome_of(Broken, 1))
