"""The source of new ids, in the order of time and unique over processes (ADR 4)."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime

from app.db.clock import machine_micros
from app.domain.ids import MILLISECOND_BITS, WORKER_BITS, end_of, first_at
from app.domain.storage import StorageUnavailableError

_STEP = 1 << WORKER_BITS
_NO_END = 1 << 63


class IdSource(Iterator[str]):
    """Generates ids, each greater than the one before, whatever the clock does. It is thread-safe.

    When the counter of a millisecond is used up, ids go on in the next one.
    """

    def __init__(self, worker: int = 0, *, leased: bool = False, micros: Callable[[], int] = machine_micros) -> None:
        """``worker``: from 0 to 1023. ``leased``: there is none, and no id, before ``hold`` is called.

        ``micros`` returns the time in microseconds since the Unix epoch.
        """
        self._micros = micros
        self._lock = threading.Lock()
        self._last = worker
        self._end = 0 if leased else _NO_END
        # Called, in any thread, when an id is wanted beyond the lease.
        self.when_ended: Callable[[], None] = lambda: None

    def hold(self, worker: int, since: datetime, until: datetime) -> None:
        """Make ids under a worker number in the milliseconds from ``since`` up to ``until`` (UTC)."""
        with self._lock:
            self._last = max(self._last, first_at(since)) >> WORKER_BITS << WORKER_BITS | worker
            self._end = first_at(until)

    def give_up(self) -> datetime:
        """Make no more ids. Return the end of the newest one's millisecond, UTC."""
        with self._lock:
            self._end = 0
        return self.newest_ends

    @property
    def newest_ends(self) -> datetime:
        """The end of the newest id's millisecond, UTC."""
        return end_of(self._last)

    def start_after(self, newest: str) -> None:
        """Generate only ids greater than ``newest`` from now on."""
        with self._lock:
            self._last = max(self._last, int(newest) >> WORKER_BITS << WORKER_BITS | self._last % _STEP)

    def __next__(self) -> str:
        """Return a new id. Raise StorageUnavailableError while this process holds no worker number."""
        now = self._micros() // 1_000 << MILLISECOND_BITS
        with self._lock:
            # An overflow of the counter carries into the milliseconds.
            new = max(self._last + _STEP, now | self._last % _STEP)
            is_held = new < self._end
            if is_held:
                self._last = new
        if not is_held:
            self.when_ended()
            raise StorageUnavailableError("this process holds no worker number")
        return str(new)
