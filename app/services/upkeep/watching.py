"""A look at what a gateway stands on: whether it can write, whether the clock is right, how busy the event loop is."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from app import observability
from app.db.session import Database
from app.domain.storage import StorageUnavailableError
from app.failures import Kind

log = observability.logger(__name__)
_LOOK_SECONDS = 10
# A large import or a purge may hold the writer of an SQLite file for a while.
_WRITTEN_WITHIN_SECONDS = 30
# A machine that is further off than this from the others, or was set by more, is not on network time.
_MOST_OFF = timedelta(seconds=3)
# A clock that was set and has gone on well for so long is right again.
_TRUSTED_AFTER_SECONDS = 300


class Watch:
    """Looks every ten seconds. What it finds is in the log, the metrics and ``/readyz`` by the database's failures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            for _ in range(_LOOK_SECONDS):
                await _sleep_a_second()
            await self.look()

    async def look(self) -> None:
        """Write to the database, compare clocks, and have the log say what was counted."""
        try:
            with suppress(StorageUnavailableError):  # the database has noted it
                await self._database.prove_writing(within=_WRITTEN_WITHIN_SECONDS)
        except Exception:
            log.exception("a look at the database failed; trying again")
        self._compare_clocks()
        self._database.failures.say_counted()

    def _compare_clocks(self) -> None:
        failures, clock = self._database.failures, self._database.clock
        ahead = clock.machine_ahead()
        if abs(ahead) <= _MOST_OFF:
            failures.over(Kind.CLOCK_OFF)
            return
        off = f"{abs(ahead).total_seconds():.1f} s {'ahead' if ahead > timedelta(0) else 'behind'}"
        if not self._database.is_sqlite:
            failures.met(Kind.CLOCK_OFF, cause=f"it is {off} of the database's")
            return
        failures.met(Kind.CLOCK_OFF, cause=f"it was set, or the machine slept: it is {off} of before")
        if (failures.lasts(Kind.CLOCK_OFF) or 0) >= _TRUSTED_AFTER_SECONDS:
            clock.trust_machine()


async def _sleep_a_second() -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + 1
    await asyncio.sleep(1)
    observability.LOOP_LAG.observe(max(0, loop.time() - until))
