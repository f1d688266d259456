"""Batching of single calls: while one batch runs, the next one gathers.

No batch waits for a fixed time: it starts when a pass of the event loop brought no new item and had next to nothing to
do. So items that arrive together are processed together, and the thread that runs a batch does not compete with the
event loop for the interpreter lock while answers are sent and requests read.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
# An upper limit, however busy the event loop is.
_LONGEST_GATHERING_SECONDS = 0.1
# CPU time of the event loop's thread in one pass; reading one request takes about as long.
_QUIET_SECONDS = 0.0001


class Batcher(Generic[_Item, _Result]):
    """Merges many single calls into few calls with a list."""

    def __init__(
        self,
        run: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result]]],
        most: int,
        *,
        shared: type[Exception] = Exception,
        size: Callable[[_Item], int] = lambda _: 1,
        turn: asyncio.Lock | None = None,
    ) -> None:
        """Create a batcher.

        Args:
            run: called with a batch; returns a result for each item, in order.
            most: the largest size of a batch; a larger item is a batch by itself.
            shared: a failure of this type fails the whole batch; after any other each item is run again by itself.
            size: how much of a batch an item takes.
            turn: held while a batch runs; what comes while the lock is waited for joins the batch.
        """
        self._run = run
        self._most = most
        self._shared = shared
        self._size = size
        self._turn = turn or asyncio.Lock()
        self._waiting: deque[tuple[_Item, asyncio.Future[_Result]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._context = copy_context()

    def submit(self, item: _Item) -> asyncio.Future[_Result]:
        """Add an item to the next batch. The future gets its result, or the exception of the batch."""
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            # In no context of a request: its id would be in the lines about all that come with it.
            self._task = asyncio.create_task(self._work(), context=self._context.copy())
        return future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                async with self._turn:
                    await self._run_batch(self._take_batch())
        finally:
            self._task = None

    def _take_batch(self) -> list[tuple[_Item, asyncio.Future[_Result]]]:
        batch, left = [self._waiting.popleft()], self._most
        left -= self._size(batch[0][0])
        while self._waiting and self._size(self._waiting[0][0]) <= left:
            batch.append(self._waiting.popleft())
            left -= self._size(batch[-1][0])
        return batch

    async def _gather(self) -> None:
        """Wait for more items until the event loop is idle, the batch is full or 0.1 seconds are over."""
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
        except Exception as error:  # noqa: BLE001  raised again where each item is awaited
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
