"""Recovery: what workers that died had leased, and what waits for providers that the settings do not have any more."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection

from app import observability
from app.db import recovery
from app.db.session import Database
from app.db.state import current_state
from app.services.delivery.sending import Delivery

log = observability.logger(__name__)


class Recovery:
    """Goes on with messages whose sender is gone. It runs at the start, and when a lease lapses."""

    def __init__(self, database: Database, deliveries: Mapping[str, Delivery], default_provider: str) -> None:
        """``deliveries`` are by the provider's name; the default provider sends what none of them does."""
        self._database = database
        self._deliveries = deliveries
        self._default_provider = default_provider

    async def run(self, *, everything: bool = False) -> None:
        """End the leases that lapsed, or all if ``everything``, as no other process is there; adopt orphans."""
        await self._database.write(self._adopt_orphans)
        for delivery in self._deliveries.values():
            await delivery.give_back_lost(everything=everything)

    def _adopt_orphans(self, connection: Connection) -> None:
        now, known = current_state(connection).now, list(self._deliveries)
        count = recovery.adopt_orphans(connection, known, self._default_provider, datetime.now(UTC), now)
        if count:
            log.warning("messages waited for providers that the settings do not have", count=count)
