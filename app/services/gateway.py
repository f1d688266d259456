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
from app.services.access import Access
from app.services.campaigns import Campaigns
from app.services.charges import Charges
from app.services.delivery import Delivery
from app.services.directory import Directory
from app.services.engine import Engine
from app.services.fixtures import Fixtures
from app.services.idempotency import IdempotentCalls
from app.services.ids import IdSource
from app.services.intake import Intake
from app.services.messages import Messages
from app.services.network import SimulatedNetwork
from app.services.opening import Owner, alone, open_marked
from app.services.orders import Orders
from app.services.outgoing_events import OutgoingEvents
from app.services.probing import Probe
from app.services.quality import Quality
from app.services.receipts import Receipts
from app.services.retention import Erasure
from app.services.simulation import Simulation
from app.services.terms import TermsChanges
from app.services.tokens import Tokens
from app.services.turns import Turns

log = observability.logger(__name__)


@dataclass(slots=True)
class Gateway:
    """All services of a process; ``disposable``: demo or test, where the clock moves and everything can be emptied."""

    owner: Owner
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
