"""An event loop with a time of its own, in which a seed decides who goes next.

It runs what belongs to several processes. Within a process ready callbacks run in their order, as in any event loop. Work
that a process gives to its threads, such as a transaction, is one step, run here as a whole. Of the processes and of the
threads of each that have something to do, a seeded generator picks the next one; when nobody has, time goes on to the
next timer. So a run depends on nothing but its seed.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from typing import Any, TypeVar, TypeVarTuple

# More `finally` blocks with an await than stand around any place of the gateway.
_MOST_FINALLY = 50
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Job:
    """Work for a thread of a process, and the future that gets its result."""

    def __init__(self, future: asyncio.Future[Any], work: Callable[..., Any], given: tuple[Any, ...]) -> None:
        self.future, self.work, self.given = future, work, given

    def run(self) -> None:
        """Do the work, and tell the result unless nobody waits for it any more."""
        try:
            done = self.work(*self.given)
        except Exception as error:  # noqa: BLE001  raised where it is awaited
            self.fail(error)
        else:
            if not self.future.done():
                self.future.set_result(done)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Owner:
    """Whose turn it can be: a simulated process, or the world around them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.is_paused = False
        self.ready: deque[asyncio.Handle] = deque()
        # By executor, as each has its own queue.
        self.jobs: dict[Executor | None, deque[Job]] = {}
        self.tasks: list[asyncio.Task[Any]] = []
        # How far ahead of the loop's its steady clock is, and of the true time its wall clock, in seconds.
        self.steady_ahead = 0.0
        self.wall_ahead = 0.0
        self.context = copy_context()
        self.context.run(RUNNING.set, self)

    def queues(self) -> Iterator[deque[asyncio.Handle] | deque[Job]]:
        """Return the queues that something is in; the first of one of them can be run next."""
        if self.ready:
            yield self.ready
        yield from (queue for queue in self.jobs.values() if queue)


# Who runs now.
RUNNING: ContextVar[Owner] = ContextVar("RUNNING")
# Runs a job of a process as a step, or does something worse.
RunJob = Callable[[Owner, Job], None]


class StuckError(Exception):
    """Nothing can happen any more, but something is still awaited."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Steps of processes in an order that ``random`` picks. Times are in seconds since the start."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.world = Owner("world")
        self.owners = [self.world]
        self.steps = 0
        self.run_job: RunJob = lambda _, job: job.run()
        self._now = 0.0
        self._timers: list[tuple[float, int, Owner, asyncio.TimerHandle]] = []
        self._numbers = count()
        self.set_task_factory(self._new_task)  # type: ignore[arg-type]  # its third argument is optional

    def time(self) -> float:
        return self._now

    def takes(self, seconds: float) -> None:
        """Let time pass, as what is run takes some."""
        self._now += seconds

    # ---- what is to be run

    def _new_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, context=context)
        owner = RUNNING.get(self.world)
        if len(owner.tasks) > 100:
            owner.tasks = [one for one in owner.tasks if not one.done()]
        owner.tasks.append(task)
        return task

    def call_soon(
        self, callback: Callable[[*Ts], object], *given: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, given, self, context)
        owner = self._owner_of(handle)
        if not owner.is_dead:
            owner.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *given: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, given, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), self._owner_of(handle), handle))
        return handle

    def run_in_executor(self, executor: Executor | None, work: Callable[[*Ts], T], *given: *Ts) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        owner = RUNNING.get(self.world)
        owner.jobs.setdefault(executor, deque()).append(Job(future, work, given))
        return future

    def _owner_of(self, handle: asyncio.Handle) -> Owner:
        return handle._context.get(RUNNING, self.world)  # type: ignore[attr-defined,no-any-return]

    # ---- one step

    def _run_once(self) -> None:
        """Run the next step; asyncio calls this until it is to stop."""
        queues = [(owner, queue) for owner in self.owners if not owner.is_paused for queue in owner.queues()]
        if not queues:
            self._sleep()
            return
        self.steps += 1
        owner, queue = queues[self.random.randrange(len(queues))] if len(queues) > 1 else queues[0]
        step = queue.popleft()
        if isinstance(step, asyncio.Handle):
            if not step.cancelled():
                step._run()
        elif not step.future.cancelled():
            owner.context.run(self.run_job, owner, step)

    def _sleep(self) -> None:
        """Let time pass until the next timer, and wake all that are due then."""
        if not self._timers:
            raise StuckError
        self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            _, _, owner, handle = heapq.heappop(self._timers)
            if not owner.is_dead and not handle.cancelled():
                owner.ready.append(handle)

    # ---- the end of a process

    def kill(self, owner: Owner) -> None:
        """End a process at once: nothing of it runs any more, whatever its ``finally`` blocks would do."""
        owner.is_dead = True
        self.owners = [one for one in self.owners if one is not owner]
        owner.ready.clear()
        owner.jobs.clear()
        while owner.tasks:
            task = owner.tasks.pop(0)
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant to be
            owner.context.copy().run(_close, task)
        owner.jobs.clear()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are left out when their time comes."""

    def _asyncgen_firstiter_hook(self, generator: object) -> None:
        """Asynchronous generators of a dead process are not finished."""

    _asyncgen_finalizer_hook = _asyncgen_firstiter_hook


def _close(task: asyncio.Task[Any]) -> None:
    """Close a task's coroutine. What it awaits while it is closed never comes, so it is closed again."""
    coroutine = task.get_coro()
    for _ in range(_MOST_FINALLY):
        with suppress(Exception):
            coroutine.close()
            return
