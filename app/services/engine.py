"""Background loops, each of which runs one step of the gateway's work when there is some; they are paused for a reset.

No loop polls. One question to the database says when each of them next has something to do; it is asked again after
this process has written, when the time comes that it named, and once a second where another process may have written.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from app import observability
from app.db import due
from app.db.due import EVER, LoopWork
from app.db.session import Database
from app.db.shares import ShareSource, all_numbers
from app.domain.retry import backoff
from app.domain.storage import StorageUnavailableError

log = observability.logger(__name__)
# How long after a commit is asked: its own loops are woken by then, and a burst of commits needs one question.
_GATHER_SECONDS = 0.03
# After an answer that took some time, nothing is asked for that many times as long, within a limit: it may have waited.
_PAUSE_FACTOR, _LONGEST_PAUSE_SECONDS = 20, 1.0
# How long to wait at most, at a database that is away.
_LONGEST_WAIT = timedelta(seconds=2)
# How often to look at what others wrote, and whether what is due but could not be done can be done now.
_LOOK_AGAIN = timedelta(seconds=1)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Loop:
    """Runs a step when it is woken, and again as long as there is more to do."""

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[bool]],
        finish: Callable[[], Awaitable[None]] | None = None,
        *,
        work: LoopWork | None = None,
        interrupt: Callable[[], None] | None = None,
        is_ours: Callable[[], bool] = lambda: True,
        excluded_from_drain: bool = False,
    ) -> None:
        """``step`` returns True if there is more to do at once.

        ``finish`` ends what a step may leave running; it is called while no step runs. ``work`` says what the step
        does. ``interrupt`` makes a step return that waits for others, as there is more to do, or a pause. ``is_ours``
        returns False while another process does this; what is under way then is finished.
        ``excluded_from_drain``: a drain does not run this loop, as its step waits for servers of others, or for time
        that passes.
        """
        self.name = name
        self.work = work
        self.interrupt = interrupt or (lambda: None)
        self.is_ours = is_ours
        self.excluded_from_drain = excluded_from_drain
        self._was_ours = False
        self._step = step
        self.finish = finish
        self._woken = asyncio.Event()
        self.step_lock = asyncio.Lock()
        self.wake()

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
        """Run the step at the start and whenever woken. After an error, log it and try again with increasing pauses."""
        failures = 0
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                if await self._step_if_ours():
                    self.wake()
                failures = 0
                continue
            except StorageUnavailableError:  # said once for all, by the database's failures
                pause = _LONGEST_WAIT
            except Exception:
                log.exception("a step failed; trying again", step=self.name)
                pause = backoff(failures + 1, 0.5)
            failures += 1
            await asyncio.sleep(pause.total_seconds())
            self.wake()

    async def _step_if_ours(self) -> bool:
        is_ours, before = self.is_ours(), self._was_ours
        self._was_ours = is_ours
        if not is_ours and before and self.finish is not None:
            async with self.step_lock:
                await self.finish()
        return is_ours and await self.step()


class Engine:
    """All loops of this process, and the question when each of them next has something to do."""

    def __init__(self, database: Database, share: ShareSource = all_numbers) -> None:
        """``share`` returns the numbers whose messages are handled in this process."""
        self.loops: list[Loop] = []
        self._share = share
        self._database = database
        database.when_changed = self.ask_soon
        self._tasks: list[asyncio.Task[None]] = []
        self._asking = Loop("asking what is due", self._ask_if_needed)
        self._alarm: asyncio.TimerHandle | None = None
        self._is_answer_old = True
        # By the database's clock, UTC: when to ask even if nothing was written.
        self._next_at = EVER
        # By the event loop's clock.
        self._not_before = 0.0

    def add(
        self,
        name: str,
        step: Callable[[], Awaitable[bool]],
        finish: Callable[[], Awaitable[None]] | None = None,
        *,
        work: LoopWork,
        interrupt: Callable[[], None] | None = None,
        is_ours: Callable[[], bool] = lambda: True,
        excluded_from_drain: bool = False,
    ) -> Loop:
        """Add a loop, before ``start`` is called; the parameters are those of ``Loop``."""
        loop = Loop(
            name,
            step,
            finish,
            work=work,
            interrupt=interrupt,
            is_ours=is_ours,
            excluded_from_drain=excluded_from_drain,
        )
        self.loops.append(loop)
        return loop

    def start(self) -> None:
        """Start all loops."""
        self._tasks = [asyncio.create_task(loop.run(), name=loop.name) for loop in (self._asking, *self.loops)]

    async def stop(self) -> None:
        """Finish the batches that are running, then stop."""
        async with self._asking.step_lock, self.paused():
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._alarm is not None:
            self._alarm.cancel()

    # ---- what is due

    def shared_anew(self) -> None:
        """Have every loop look whether its work is this process's now."""
        for loop in self.loops:
            loop.wake()
            loop.interrupt()
        self.ask_soon()

    def ask_soon(self) -> None:
        """Ask again, as the database was changed."""
        if not self._is_answer_old and self._tasks:
            self._is_answer_old = True
            self._set_alarm()

    async def _ask_if_needed(self) -> bool:
        needed = self._is_answer_old or self._database.clock() >= self._next_at
        if needed or await self._database.may_have_changed():
            await self._ask()
        self._set_alarm()
        return False

    async def _ask(self) -> None:
        """Ask when each loop next has something to do, and wake those that have now."""
        began = asyncio.get_running_loop().time()
        # Until there is an answer; so a question that fails is asked again.
        self._next_at, self._is_answer_old = EVER, False
        works = tuple(loop.work for loop in self.loops if loop.work is not None and loop.is_ours())
        found: dict[LoopWork, datetime] = {}
        if works:  # a process that answers requests only has none
            found = await self._database.read(partial(due.outlook, loops=works, share=self._share()))
        ended, now = asyncio.get_running_loop().time(), self._database.clock()
        self._not_before = ended + min(_PAUSE_FACTOR * (ended - began), _LONGEST_PAUSE_SECONDS)
        for loop in self.loops:
            if loop.work in found and found[loop.work] <= now:
                loop.wake()
                loop.interrupt()
        # What is due and cannot be done now, such as a message that another process has locked, stays due.
        moments = [moment if moment > now else now + _LOOK_AGAIN for moment in found.values()]
        self._next_at = min(moments, default=_NEVER)

    def _set_alarm(self) -> None:
        """Have the next question asked in time."""
        clock = asyncio.get_running_loop()
        wait = min(_LOOK_AGAIN, self._next_at - self._database.clock()).total_seconds()
        at = clock.time() + (min(wait, _GATHER_SECONDS) if self._is_answer_old else wait)
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = clock.call_at(max(at, self._not_before), self._asking.wake)

    # ---- for a reset, a drain and the movable clock

    @asynccontextmanager
    async def paused(self, *, drained_only: bool = False) -> AsyncIterator[None]:
        """Pause all loops within the context; no batch runs in it. ``drained_only``: only those that a drain runs."""
        loops = [loop for loop in self.loops if not (drained_only and loop.excluded_from_drain)]
        async with AsyncExitStack() as stack:
            for loop in loops:
                loop.interrupt()
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

    def wake_excluded(self) -> None:
        """Run the loops soon that are excluded from a drain."""
        for loop in self.loops:
            if loop.excluded_from_drain:
                loop.wake()
                loop.interrupt()

    async def settle(self) -> None:
        """Run the steps of all loops until that changes nothing, except those that are excluded from a drain."""
        while True:
            before = self._database.changes
            for loop in self.loops:
                while not loop.excluded_from_drain and loop.is_ours() and await loop.step():
                    pass
            if self._database.changes == before:
                return
