"""The threads of a database tell how busy they are."""

import asyncio
import threading

import pytest

from app.db.thread_pool import Threads

pytestmark = pytest.mark.anyio


async def _until(threads: Threads, busy: int, waiting: int) -> None:
    async with asyncio.timeout(60):
        while (threads.busy, threads.waiting) != (busy, waiting):  # noqa: ASYNC110  threads set no event
            await asyncio.sleep(0.001)


async def test_what_runs_and_what_waits_is_counted() -> None:
    threads, gate = Threads(2), threading.Event()
    running = [asyncio.create_task(threads.run(gate.wait)) for _ in range(5)]
    await _until(threads, 2, 3)
    for waiting in running[3:]:
        waiting.cancel()
    await _until(threads, 2, 1)
    # A thread goes on though nobody waits for it any more, as with a server that hangs.
    running[0].cancel()
    await asyncio.wait(running[:1])
    assert threads.busy == 2

    gate.set()
    assert await asyncio.gather(*running[1:3]) == [True, True]
    await _until(threads, 0, 0)
    threads.close()
