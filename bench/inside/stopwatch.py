"""Processor time by stage, measured in the process by wrappers around functions.

Each thread has a stack of the stages that it is in. A stage's own time is that of its thread between entering and
leaving it, less that of the stages entered meanwhile. A coroutine is entered and left at each of its steps, so what
other tasks do while it waits is not counted.
"""

import functools
import inspect
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from types import coroutine
from typing import Any, ParamSpec, TypeVar, cast

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _OfThread:
    """The totals of one thread in nanoseconds, and for each stage that it is in the time of its inner stages."""

    def __init__(self) -> None:
        self.totals: defaultdict[str, int] = defaultdict(int)
        self.inner: list[int] = []


class Stopwatch:
    """Adds up the own processor time of stages, over all threads."""

    def __init__(self, clock: Callable[[], int] = time.thread_time_ns) -> None:
        """``clock`` returns the processor time of the calling thread in nanoseconds."""
        self._clock = clock
        self._local = threading.local()
        self._threads: list[_OfThread] = []

    def totals(self) -> dict[str, int]:
        """Return the own time of each stage so far, in nanoseconds."""
        sums: defaultdict[str, int] = defaultdict(int)
        for thread in list(self._threads):
            for stage, spent in list(thread.totals.items()):
                sums[stage] += spent
        return dict(sums)

    def enter(self) -> int:
        """Enter a stage; return the time for ``leave``."""
        self._thread().inner.append(0)
        return self._clock()

    def leave(self, stage: str, began: int) -> None:
        """Leave the stage that was entered last by this thread."""
        spent = self._clock() - began
        thread = self._thread()
        thread.totals[stage] += spent - thread.inner.pop()
        if thread.inner:
            thread.inner[-1] += spent

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block to a stage."""
        began = self.enter()
        try:
            yield
        finally:
            self.leave(name, began)

    def timed(self, stage: str, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Return the function, or the coroutine function, with its time counted to a stage."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def in_steps(*args: _P.args, **kwargs: _P.kwargs) -> object:
                return await self._steps(stage, function(*args, **kwargs))

            return cast("Callable[_P, _R]", in_steps)

        @functools.wraps(function)
        def at_once(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            began = self.enter()
            try:
                return function(*args, **kwargs)
            finally:
                self.leave(stage, began)

        return at_once

    def _steps(self, stage: str, work: Coroutine[Any, Any, _R]) -> Awaitable[_R]:
        @coroutine
        def steps() -> Generator[Any, Any, _R]:
            step: Callable[[], Any] = functools.partial(work.send, None)
            while True:
                try:
                    with self.stage(stage):
                        awaited = step()
                except StopIteration as done:
                    return cast("_R", done.value)
                try:
                    step = functools.partial(work.send, (yield awaited))
                except BaseException as error:  # noqa: BLE001  whatever it is, the coroutine gets it
                    step = functools.partial(work.throw, error)

        return steps()

    def _thread(self) -> _OfThread:
        found: _OfThread | None = getattr(self._local, "thread", None)
        if found is None:
            found = self._local.thread = _OfThread()
            self._threads.append(found)
        return found
