"""Recovery: what workers that died had leased, and what waits for providers that the settings do not have any more."""

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection

from app import observability
from app.db import recovery
from app.db.clock import clock_of
from app.db.session import Database
from app.db.state import current_state
from app.services.delivery.sending import Delivery

log = observability.logger(__name__)


class Recovery:
    """Goes on with messages whose sender is gone."""

    def __init__(
        self,
        database: Database,
        deliveries: Mapping[str, Delivery],
        default_provider: str,
        elsewhere: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """``deliveries`` are by the provider's name; the default provider sends what none of them does.

        ``elsewhere`` returns the providers that other living processes can send through.
        """
        self._elsewhere = elsewhere
        self._database = database
        self._deliveries = deliveries
        self._default_provider = default_provider

    async def at_start(self, *, everything: bool) -> None:
        """Adopt what is queued for other providers, and end the leases that lapsed.

        ``everything``: end all leases of this process's providers, as no other process is there.
        """
        await self._database.write(self._adopt_orphans)
        await self.end_leases(everything=everything)

    async def end_leases(self, *, everything: bool = False) -> None:
        """End the leases that lapsed, also those for providers that the settings do not have any more."""
        await self._database.write(self._end_orphaned_leases)
        for delivery in self._deliveries.values():
            await delivery.give_back_lost(everything=everything)

    def _known(self) -> list[str]:
        """Return the providers that some process can send through."""
        return sorted({*self._deliveries, *self._elsewhere()})

    def _adopt_orphans(self, connection: Connection) -> None:
        now = current_state(connection).now
        count = recovery.adopt_orphans(connection, self._known(), self._default_provider, now)
        if count:
            log.warning("messages waited for providers that the settings do not have", count=count)

    def _end_orphaned_leases(self, connection: Connection) -> None:
        count = recovery.end_orphaned_leases(connection, self._known(), clock_of(connection)())
        if count:
            log.warning("messages were being sent through providers that the settings do not have", count=count)
