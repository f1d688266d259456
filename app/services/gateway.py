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
from app.domain.policy import ProviderTraits
from app.providers.base import Provider
from app.services.delivery.receipts import Receipts
from app.services.delivery.sending import Delivery
from app.services.engine import Engine, Loop
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
from app.services.management.tickets import Tickets
from app.services.management.tokens import Tokens
from app.services.sealing import Sealer
from app.services.simulator.fixtures import Fixtures
from app.services.simulator.network import SimulatedNetwork
from app.services.simulator.simulation import Simulation
from app.services.startup import DatabaseOwner, alone, open_marked
from app.services.turns.handling import Turns
from app.services.upkeep.probing import Probe
from app.services.upkeep.retention import Erasure

log = observability.logger(__name__)


@dataclass(slots=True)
class Storage:
    """The database, whose it is, and where new ids come from."""

    database: Database
    owner: DatabaseOwner
    ids: IdSource
    sealer: Sealer


@dataclass(slots=True)
class Carriers:
    """The providers, by name, and what is exchanged with them.

    ``default`` carries what belongs to no other provider. ``deliveries`` has one entry for each provider that can send.
    """

    providers: dict[str, Provider]
    default: ProviderTraits
    network: SimulatedNetwork
    receipts: Receipts
    deliveries: dict[str, Delivery]


@dataclass(slots=True)
class Turning:
    """From a stored message to its outcome."""

    registry: Registry
    intake: Intake
    turns: Turns
    loop: Loop


@dataclass(slots=True)
class Management:
    """The use cases of the management API."""

    access: Access
    campaigns: Campaigns
    charges: Charges
    directory: Directory
    events: OutgoingEvents
    idempotent_calls: IdempotentCalls
    messages: Messages
    orders: Orders
    quality: Quality
    terms_changes: TermsChanges
    tickets: Tickets
    tokens: Tokens


@dataclass(slots=True)
class Upkeep:
    """What keeps the gateway healthy; ``probe`` only where the settings ask for one."""

    erasure: Erasure
    probe: Probe | None


@dataclass(slots=True)
class Simulator:
    """The clock that can be moved, and what a reset loads."""

    simulation: Simulation
    fixtures: Fixtures


@dataclass(slots=True)
class Gateway:
    """Everything that runs in a process; ``engine`` has its loops.

    ``disposable``: demo or test, where the clock moves and everything can be emptied. ``close_connections`` closes
    what providers and events share.
    """

    disposable: bool
    engine: Engine
    storage: Storage
    carriers: Carriers
    turning: Turning
    management: Management
    upkeep: Upkeep
    simulator: Simulator
    close_connections: Callable[[], Awaitable[None]]

    @property
    def environment(self) -> str:
        """What this gateway is for."""
        return self.storage.owner.environment

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the loops; on the way out, finish what is under way. Raise StartError if the database does not fit."""
        database, probe = self.storage.database, self.upkeep.probe
        try:
            with alone(database) as nobody_else:
                await self._open(everything=nobody_else)
                self.engine.start()
                probing = asyncio.create_task(probe.run()) if probe else None
                try:
                    yield
                finally:
                    if probing is not None:
                        probing.cancel()
                    await self.engine.stop()
                    for provider in self.carriers.providers.values():
                        await provider.close()
                    await self.close_connections()
        finally:
            database.close()

    async def _open(self, *, everything: bool) -> None:
        """Take over the database with what was left in it; ``everything``: no other process works on it."""
        database, owner = self.storage.database, self.storage.owner
        newest = await database.write(lambda connection: open_marked(connection, owner))
        if newest is not None:
            self.storage.ids.start_after(newest)
        await database.write(self._adopt_orphans)
        for delivery in self.carriers.deliveries.values():
            await delivery.give_back_lost(everything=everything)

    def _adopt_orphans(self, connection: Connection) -> None:
        """Queue messages for the default provider that wait for one that the settings no longer have."""
        now = current_state(connection).now
        known = [name for name, provider in self.carriers.providers.items() if provider.can_send]
        count = outbox.adopt_orphans(connection, known, self.carriers.default.name, datetime.now(UTC), now)
        if count:
            log.warning("messages waited for providers that the settings do not have", count=count)
