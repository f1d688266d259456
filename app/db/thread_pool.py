"""The threads that work on a database, and how busy they are."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

_T = TypeVar("_T")


class Threads:
    """Runs functions in so many threads. ``busy``: in how many now."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.busy = 0
        self._waiting: set[object] = set()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="db")

    @property
    def waiting(self) -> int:
        """How many functions wait for a thread."""
        return len(self._waiting)

    async def run(self, work: Callable[..., _T], *given: object) -> _T:
        """Run ``work`` in a thread. If the caller no longer waits, it is run all the same, unless it had not begun."""
        # With the caller's context, so that the log's lines of a request have its id.
        run, place = copy_context().run, object()
        self._waiting.add(place)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, place, run, work, *given)
        finally:
            self._waiting.discard(place)

    def close(self) -> None:
        """Wait for what runs, then end the threads."""
        self._threads.shutdown()

    def _run(self, place: object, run: Callable[..., _T], *work: object) -> _T:
        self._waiting.discard(place)
        with self._lock:
            self.busy += 1
        try:
            return run(*work)
        finally:
            with self._lock:
                self.busy -= 1
