"""The binds of session carriers: each runs in a task of its own, and its failure is its own."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from app import observability
from app.domain.retry import backoff
from app.providers.base import Inbox, Provider

_LONGEST_PAUSE = timedelta(seconds=30)
# A bind that lasted longer than this counts as good: the pause before the next one is short again.
_GOOD_AFTER_SECONDS = 60.0
log = observability.logger(__name__)


class Binds:
    """Runs the slots of all providers, and starts one that ended again after a pause that grows."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        inboxes: Mapping[str, Inbox],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        is_ours: Callable[[str], bool] = lambda _provider: True,
    ) -> None:
        """``inboxes`` are by the names of the providers; ``sleep`` waits for some seconds.

        ``is_ours`` returns False for a provider that another process has the binds of.
        """
        self._is_ours = is_ours
        self._sleep = sleep
        self._providers = providers
        self._inboxes = inboxes
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._ending: list[asyncio.Task[None]] = []

    def look(self) -> None:
        """Start a task for each slot of the providers that are this process's now, and end those of the others."""
        for name, provider in self._providers.items():
            if not self._is_ours(name):
                self._end(self._tasks.pop(name, []))
            elif name not in self._tasks:
                self._tasks[name] = [
                    asyncio.create_task(
                        self._keep_up(provider, slot, self._inboxes[name]), name=f"bind {slot} of {name}"
                    )
                    for slot in range(provider.slots)
                ]

    def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        self._ending = [task for task in (*self._ending, *tasks) if not task.done()]

    async def stop(self) -> None:
        """Cancel all slots, and wait until they have ended."""
        for tasks in self._tasks.values():
            self._end(tasks)
        self._tasks = {}
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _keep_up(self, provider: Provider, slot: int, inbox: Inbox) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await provider.run(slot, inbox)
                log.warning("a bind ended; starting it again", provider=provider.name, slot=slot)
            except Exception:
                log.exception("a bind failed; starting it again", provider=provider.name, slot=slot)
            failures = 1 if time.monotonic() - began > _GOOD_AFTER_SECONDS else failures + 1
            pause = backoff(failures, random.random(), cap=_LONGEST_PAUSE)  # noqa: S311  not a secret
            await self._sleep(pause.total_seconds())
