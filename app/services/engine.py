"""Background loops, each repeating one step of the gateway's work; they are woken for work and paused for a reset."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from app import observability
from app.domain.retry import backoff
from app.domain.storage import StorageUnavailableError

log = observability.logger(__name__)
_POLL_SECONDS = 0.25


class Loop:
    """Repeats a step: at once while there is work, else when woken or after 0.25 seconds, as timers may fall due."""

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[bool]],
        finish: Callable[[], Awaitable[None]] | None = None,
        *,
        excluded_from_drain: bool = False,
    ) -> None:
        """``step`` returns True if there may be more to do.

        ``finish`` ends what a step may leave running; it is called while no step runs. ``excluded_from_drain``: a
        drain does not run this loop, as its step waits for servers of others.
        """
        self.name = name
        self.excluded_from_drain = excluded_from_drain
        self._step = step
        self.finish = finish
        self._woken = asyncio.Event()
        self.step_lock = asyncio.Lock()

    def wake(self) -> None:
        """Run the step soon, as there is work."""
        self._woken.set()

    async def step(self) -> bool:
        """Run one batch, never two at a time. A batch is finished even if its caller is cancelled."""
        await self.step_lock.acquire()
        batch = asyncio.ensure_future(self._step())
        batch.add_done_callback(lambda _: self.step_lock.release())
        return await asyncio.shield(batch)

    async def run(self) -> None:
        """Repeat the step until cancelled. After an error, log it and try again with increasing pauses."""
        failures = 0
        while True:
            self._woken.clear()
            try:
                worked = await self.step()
                failures = 0
            except StorageUnavailableError:
                failures += 1
                log.warning("the database is away; trying again", step=self.name)
                worked = False
            except Exception:
                failures += 1
                log.exception("a step failed; trying again", step=self.name)
                worked = False
            if failures:
                await asyncio.sleep(backoff(failures, 0.5).total_seconds())
            elif not worked:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return


class Engine:
    """All loops of this process."""

    def __init__(self) -> None:
        self.loops: list[Loop] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(
        self,
        name: str,
        step: Callable[[], Awaitable[bool]],
        finish: Callable[[], Awaitable[None]] | None = None,
        *,
        excluded_from_drain: bool = False,
    ) -> Loop:
        """Add a loop, before ``start`` is called; the parameters are those of ``Loop``."""
        loop = Loop(name, step, finish, excluded_from_drain=excluded_from_drain)
        self.loops.append(loop)
        return loop

    def start(self) -> None:
        """Start all loops."""
        self._tasks = [asyncio.create_task(loop.run(), name=loop.name) for loop in self.loops]

    async def stop(self) -> None:
        """Finish the batches that are running, then stop."""
        async with self.paused():
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @asynccontextmanager
    async def paused(self, *, drained_only: bool = False) -> AsyncIterator[None]:
        """Pause all loops within the context; no batch runs in it. ``drained_only``: only those that a drain runs."""
        loops = [loop for loop in self.loops if not (drained_only and loop.excluded_from_drain)]
        async with AsyncExitStack() as stack:
            for loop in loops:
                await stack.enter_async_context(loop.step_lock)
            for loop in loops:
                if loop.finish is not None:
                    await self._finish(loop.name, loop.finish)
            yield

    async def _finish(self, name: str, finish: Callable[[], Awaitable[None]]) -> None:
        try:
            await finish()
        except Exception:
            log.exception("what a step left under way could not be ended", step=name)

    async def settle(self) -> None:
        """Run steps until no loop has anything to do, except those that are excluded from a drain."""
        while await _any_worked([loop for loop in self.loops if not loop.excluded_from_drain]):
            pass


async def _any_worked(loops: Sequence[Loop]) -> bool:
    worked = False
    for loop in loops:
        while await loop.step():
            worked = True
    return worked
