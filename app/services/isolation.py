"""Isolation of failures: an item that fails is retried later, without delaying the others (safety.md 32)."""

import random
import time
from collections.abc import Awaitable, Callable, Iterable

from app import observability
from app.domain.retry import backoff
from app.domain.storage import StorageUnavailableError

log = observability.logger(__name__)


class Isolation:
    """Runs a step for several items, each by itself, and retries those that failed with increasing pauses."""

    def __init__(self, kind: str) -> None:
        """``kind``: what the items are, for the log and the metric."""
        self._kind = kind
        self._failures: dict[str, int] = {}
        self._retry_at: dict[str, float] = {}

    async def each(self, ids: Iterable[str], step: Callable[[str], Awaitable[bool]]) -> bool:
        """Run ``step`` for each item that is not waiting for a retry. Return True if any had something to do.

        Raise StorageUnavailableError if a step does, as that concerns all items.
        """
        worked = False
        for item_id in ids:
            if time.monotonic() < self._retry_at.get(item_id, 0.0):
                continue
            try:
                worked = await step(item_id) or worked
            except StorageUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  it concerns this item alone: noted, and tried again
                self._record_failure(item_id, error)
            else:
                self._failures.pop(item_id, None)
                self._retry_at.pop(item_id, None)
        return worked

    def _record_failure(self, item_id: str, error: Exception) -> None:
        failures = self._failures[item_id] = self._failures.get(item_id, 0) + 1
        wait = backoff(failures, random.uniform(0.5, 1))  # noqa: S311  not a secret
        self._retry_at[item_id] = time.monotonic() + wait.total_seconds()
        observability.SET_ASIDE.labels(observability.label(self._kind)).inc()
        log.error(
            "one failed, and is tried again later", what=self._kind, id=item_id, trace=observability.trace_of(error)
        )
