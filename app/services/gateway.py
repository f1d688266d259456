"""Everything that the web part calls, and what runs beside it: opened, marked, and closed in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from app import observability
from app.commands.registry import Registry
from app.db import outbox
from app.db.session import Database
from app.db.state import current_state
from app.providers.base import Provider
from app.services.delivery.receipts import Receipts
from app.services.delivery.sending import Delivery
from app.services.engine import Engine
from app.services.events.outgoing_events import OutgoingEvents
from app.services.ids import IdSource
from app.services.intake import Intake
from app.services.management.access import Access
from app.services.management.campaigns import Campaigns
from app.services.management.charges import Charges
from app.services.management.directory import Directory
from app.services.management.idempotency import IdempotentCalls
from app.services.management.messages import Messages
from app.services.management.orders import Orders
from app.services.management.quality import Quality
from app.services.management.terms import TermsChanges
from app.services.management.tokens import Tokens
from app.services.simulator.fixtures import Fixtures
from app.services.simulator.network import SimulatedNetwork
from app.services.simulator.simulation import Simulation
from app.services.startup import DatabaseOwner, alone, open_marked
from app.services.turns.handling import Turns
from app.services.upkeep.probing import Probe
from app.services.upkeep.retention import Erasure

log = observability.logger(__name__)


@dataclass(slots=True)
class Gateway:
    """All services of a process; ``disposable``: demo or test, where the clock moves and everything can be emptied."""

    owner: DatabaseOwner
    disposable: bool
    database: Database
    registry: Registry
    providers: dict[str, Provider]
    engine: Engine
    intake: Intake
    turns: Turns
    receipts: Receipts
    network: SimulatedNetwork
    simulation: Simulation
    directory: Directory
    orders: Orders
    terms_changes: TermsChanges
    charges: Charges
    messages: Messages
    access: Access
    tokens: Tokens
    idempotent_calls: IdempotentCalls
    erasure: Erasure
    probe: Probe | None
    fixtures: Fixtures
    deliveries: list[Delivery]
    ids: IdSource
    default_provider: str
    outgoing_events: OutgoingEvents
    campaigns: Campaigns
    quality: Quality
    close_connections: Callable[[], Awaitable[None]]

    @property
    def environment(self) -> str:
        """What this gateway is for."""
        return self.owner.environment

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the loops; on the way out, what is under way is finished. StartError if the database does not fit."""
        try:
            with alone(self.database) as nobody_else:
                newest = await self.database.write(lambda connection: open_marked(connection, self.owner))
                if newest is not None:
                    self.ids.start_after(newest)
                await self.database.write(self._adopt_orphans)
                for delivery in self.deliveries:
                    await delivery.give_back_lost(everything=nobody_else)
                self.engine.start()
                probing = asyncio.create_task(self.probe.run()) if self.probe else None
                try:
                    yield
                finally:
                    if probing is not None:
                        probing.cancel()
                    await self.engine.stop()
                    for provider in self.providers.values():
                        await provider.close()
                    await self.close_connections()
        finally:
            self.database.close()

    def _adopt_orphans(self, connection: Connection) -> None:
        now = current_state(connection).now
        known = [name for name, provider in self.providers.items() if provider.can_send]
        count = outbox.adopt_orphans(connection, known, self.default_provider, datetime.now(UTC), now)
        if count:
            log.warning("messages waited for providers that the settings do not have", count=count)
