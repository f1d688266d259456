"""The threads that work on a database, and how busy they are."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

_T = TypeVar("_T")


class Threads:
    """Runs functions in so many threads. ``busy``: in how many now; ``waiting``: how many functions wait for one."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.busy = 0
        self.waiting = 0
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="db")

    async def run(self, work: Callable[..., _T], *given: object) -> _T:
        """Run ``work`` in a thread. If the caller no longer waits, it is run all the same, unless it had not begun."""
        # With the caller's context, so that the log's lines of a request have its id.
        run = copy_context().run
        with self._lock:
            self.waiting += 1
        future = self._threads.submit(self._run, run, work, *given)
        future.add_done_callback(lambda ended: self._never_begun() if ended.cancelled() else None)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for what runs, then end the threads."""
        self._threads.shutdown()

    def _run(self, run: Callable[..., _T], *work: object) -> _T:
        with self._lock:
            self.waiting -= 1
            self.busy += 1
        try:
            return run(*work)
        finally:
            with self._lock:
                self.busy -= 1

    def _never_begun(self) -> None:
        with self._lock:
            self.waiting -= 1
