"""What the health calls show: whether the database answers, circuits and binds of the providers, and the queues."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from app.db import binds, work
from app.db.binds import Slot
from app.db.clock import clock_of
from app.db.session import ANSWER_WITHIN, Database
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.services.delivery.breaker import CircuitState, are_down, read_states


@value
class ProviderHealth:
    """The way out through a provider; of its binds how many are up in all processes, and the last error of any."""

    circuit: CircuitState = CircuitState.CLOSED
    binds_up: int = 0
    last_error: str | None = None


@value
class Figures:
    """The way out through each provider that ever failed, and how many messages and events are in each queue."""

    circuits: Mapping[str, CircuitState]
    backlog: Mapping[str, int]


class Health:
    """Reads the state of the gateway."""

    def __init__(self, database: Database, slots: Sequence[Slot]) -> None:
        """``slots`` are those of all providers."""
        self._database = database
        self._slots = slots
        self.binds_wanted = Counter(slot.provider for slot in slots)

    async def providers(self) -> Mapping[str, ProviderHealth] | None:
        """Return the state of providers, by name; None if the database is unavailable.

        Those that have no binds and never failed may be left out. While nothing can be written the database counts as
        unavailable; this tries again.
        """
        try:
            await self._database.try_again()
            return await self._database.read(self._providers, within=ANSWER_WITHIN)
        except StorageUnavailableError:
            return None

    def _providers(self, connection: Connection) -> Mapping[str, ProviderHealth]:
        found = {name: ProviderHealth(state) for name, state in read_states(connection).items()}
        known, now = binds.read(connection, self._slots), clock_of(connection)()
        for name in self.binds_wanted:
            mine = [bind for slot, bind in known.items() if slot.provider == name]
            failed = [bind for bind in mine if bind.last_error is not None]
            circuit = found[name].circuit if name in found else CircuitState.CLOSED
            found[name] = ProviderHealth(
                CircuitState.OPEN if are_down(mine, now) else circuit,
                sum(bind.is_up(now) for bind in mine),
                max(failed, key=lambda bind: bind.since).last_error if failed else None,
            )
        return found

    async def figures(self) -> Figures | None:
        """Return what the metrics show of the database; None if it is unavailable."""
        try:
            return await self._database.read(self._figures, within=ANSWER_WITHIN)
        except StorageUnavailableError:
            return None

    def _figures(self, connection: Connection) -> Figures:
        circuits = {name: health.circuit for name, health in self._providers(connection).items()}
        return Figures(circuits, work.counts(connection))
