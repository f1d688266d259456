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
    ) -> None:
        """``inboxes`` are by the names of the providers; ``sleep`` waits for some seconds."""
        self._sleep = sleep
        self._providers = providers
        self._inboxes = inboxes
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start a task for each slot."""
        self._tasks = [
            asyncio.create_task(self._keep_up(provider, slot, self._inboxes[name]), name=f"bind {slot} of {name}")
            for name, provider in self._providers.items()
            for slot in range(provider.slots)
        ]

    async def stop(self) -> None:
        """Cancel all slots, and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

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
