"""What the health calls show: whether the database answers, the circuits of the providers and the queues."""

from collections.abc import Mapping

from sqlalchemy import Connection

from app.db import duties, work
from app.db.clock import clock_of
from app.db.session import ANSWER_WITHIN, Database
from app.domain.storage import StorageUnavailableError
from app.services.delivery.breaker import CircuitState, read_states


class Health:
    """Reads the state of the gateway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def circuits(self) -> Mapping[str, CircuitState] | None:
        """Return the state of each provider that has a circuit, by name; None if the database is unavailable.

        While nothing could be written, this tries again, as nobody else may.
        """
        try:
            if self._database.is_failing:
                await self._database.write_quietly(_try_to_write)
            return await self._database.read(read_states, within=ANSWER_WITHIN)
        except StorageUnavailableError:
            return None

    async def backlog(self) -> Mapping[str, int]:
        """Return how many messages and events are queued, by queue."""
        return await self._database.read(work.counts, within=ANSWER_WITHIN)


def _try_to_write(connection: Connection) -> None:
    now = clock_of(connection)()
    duties.take(connection, "writing", "health", now, now)
