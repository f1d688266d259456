"""Gathering: while one batch is being worked on, the next one waits together.

Nothing waits for a time on purpose: a batch begins when a pass of the event loop brought nothing new for it and had
next to nothing to do. What is arriving travels together that way, and the thread that a batch works in does not contend
with the event loop for the interpreter while answers go out and requests come in.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
# However much goes on: nobody waits longer for others.
_LONGEST_GATHERING_SECONDS = 0.1
# Of the thread's own processor time; reading one request takes about as long.
_QUIET_SECONDS = 0.0001


class Batcher(Generic[_Item, _Result]):
    """Turns many single calls into few calls with a list."""

    def __init__(
        self,
        run: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result]]],
        most: int,
        *,
        shared: type[Exception] = Exception,
    ) -> None:
        """``shared``: an error that is everybody's; after any other each call of the batch is made by itself."""
        self._run = run
        self._most = most
        self._shared = shared
        self._waiting: deque[tuple[_Item, asyncio.Future[_Result]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def submit(self, item: _Item) -> asyncio.Future[_Result]:
        """Join the next batch; the future has this item's result, or the exception that the batch ended in."""
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._run_batch(batch)
        finally:
            self._task = None

    async def _gather(self) -> None:
        """Let in what is arriving, until the event loop is quiet or the batch is full."""
        until = time.monotonic() + _LONGEST_GATHERING_SECONDS
        seen, spent = 0, _QUIET_SECONDS
        while len(self._waiting) < self._most and (seen < len(self._waiting) or spent >= _QUIET_SECONDS):
            if time.monotonic() >= until:
                return
            seen, began = len(self._waiting), time.thread_time()
            await asyncio.sleep(0)
            spent = time.thread_time() - began

    async def _run_batch(self, batch: list[tuple[_Item, asyncio.Future[_Result]]]) -> None:
        try:
            results = await self._run([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001  it goes on: to everyone who waits for this batch
            if len(batch) > 1 and not isinstance(error, self._shared):
                for one in batch:
                    await self._run_batch([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
