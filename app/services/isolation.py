"""One bad neighbour harms only himself (safety.md 32): what fails is left alone for a while, and the others go on."""

import random
import time
from collections.abc import Awaitable, Callable, Iterable

from app import observability
from app.db.session import StorageUnavailableError
from app.domain.retry import backoff

log = observability.logger(__name__)


class Isolation:
    """Goes on with several matters, each by itself; one that failed is tried again, ever more slowly."""

    def __init__(self, what: str) -> None:
        """``what`` they are, in a word for the log."""
        self._what = what
        self._failures: dict[str, int] = {}
        self._again_at: dict[str, float] = {}

    async def each(self, ids: Iterable[str], go_on: Callable[[str], Awaitable[bool]]) -> bool:
        """Whether there was anything to do for one of them. StorageUnavailableError is everybody's."""
        worked = False
        for matter in ids:
            if time.monotonic() < self._again_at.get(matter, 0.0):
                continue
            try:
                worked = await go_on(matter) or worked
            except StorageUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  it is this one's: noted, and tried again
                self._note(matter, error)
            else:
                self._failures.pop(matter, None)
                self._again_at.pop(matter, None)
        return worked

    def _note(self, matter: str, error: Exception) -> None:
        failures = self._failures[matter] = self._failures.get(matter, 0) + 1
        wait = backoff(failures, random.uniform(0.5, 1))  # noqa: S311  not a secret
        self._again_at[matter] = time.monotonic() + wait.total_seconds()
        observability.SET_ASIDE.labels(self._what).inc()
        log.error(
            "one failed, and is tried again later", what=self._what, id=matter, trace=observability.trace_of(error)
        )
