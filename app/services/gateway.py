"""Everything that the web part calls, and what runs beside it: opened, marked, and closed in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app import observability
from app.commands.registry import Registry
from app.db.session import Database
from app.domain.policy import ProviderTraits
from app.failures import Failures
from app.providers.base import Provider
from app.services.delivery.binds import Binds
from app.services.delivery.health import Health
from app.services.delivery.inbox import ProviderInbox
from app.services.delivery.receipts import Receipts
from app.services.delivery.recovering import Recovery
from app.services.delivery.sending import Delivery
from app.services.delivery.slots import Slots
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
from app.services.management.reading import Reading
from app.services.management.terms import TermsChanges
from app.services.management.tickets import Tickets
from app.services.management.tokens import Tokens
from app.services.management.usage import Usage
from app.services.membership import BOTH, Membership, Role
from app.services.sealing import Sealer
from app.services.simulator.beside import CarrierBeside
from app.services.simulator.fixtures import Fixtures
from app.services.simulator.inspecting import Inspector
from app.services.simulator.network import PROVIDER as SIMULATOR
from app.services.simulator.network import SimulatedNetwork
from app.services.simulator.simulation import Simulation
from app.services.simulator.threads import Threads
from app.services.startup import DatabaseInUseError, DatabaseOwner, StartError, alone, open_marked
from app.services.turns.handling import Turns
from app.services.upkeep.erasure import Erasure
from app.services.upkeep.probing import Probe
from app.services.upkeep.schedule import Schedule
from app.services.upkeep.watching import Watch
from app.services.worker_number import WorkerNumber
from app.toys.carrier import NAME as TOY

log = observability.logger(__name__)


@dataclass(slots=True)
class Storage:
    """The database, its owner, the source of new ids with its worker number, and the keys that seal what is stored.

    ``membership``: which part of the work is this process's.
    """

    database: Database
    owner: DatabaseOwner
    ids: IdSource
    worker: WorkerNumber
    membership: Membership
    sealer: Sealer


@dataclass(slots=True)
class Carriers:
    """The providers and deliveries, by the provider's name, the simulated network and the delivery reports.

    ``slots``: those through which this process sends. ``default`` carries what belongs to no other provider.
    ``deliveries`` has one entry for each provider that can send. ``beside``: a toy carrier, which handsets go through.
    """

    providers: dict[str, Provider]
    slots: Slots
    default: ProviderTraits
    network: SimulatedNetwork
    receipts: Receipts
    deliveries: dict[str, Delivery]
    recovery: Recovery
    beside: CarrierBeside | None = None

    @property
    def handset_providers(self) -> tuple[str, ...]:
        """The names of the providers that lead to simulated handsets."""
        return (SIMULATOR, TOY) if self.beside else (SIMULATOR,)


@dataclass(slots=True)
class Turning:
    """Storing messages and handling them as turns. ``inboxes`` are by the provider's name."""

    registry: Registry
    intake: Intake
    inboxes: dict[str, ProviderInbox]
    turns: Turns


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
    reading: Reading
    terms_changes: TermsChanges
    tickets: Tickets
    tokens: Tokens
    usage: Usage


@dataclass(slots=True)
class Upkeep:
    """Erasure of tenures, the health calls, the probe, if the settings ask for one, daily tasks, and the watch."""

    erasure: Erasure
    health: Health
    probe: Probe | None
    schedule: Schedule
    watch: Watch


@dataclass(slots=True)
class Simulator:
    """The movable clock, the fixtures that a reset loads, what tells what became of a message, and all threads."""

    simulation: Simulation
    fixtures: Fixtures
    inspector: Inspector
    threads: Threads


@dataclass(slots=True)
class Gateway:
    """All parts of the gateway in one process; ``engine`` has their loops.

    ``disposable`` is true in demo and test, where the clock can be moved and the database emptied.
    ``close_connections`` closes the connections that providers and events share.
    """

    disposable: bool
    engine: Engine
    storage: Storage
    carriers: Carriers
    turning: Turning
    binds: Binds
    management: Management
    upkeep: Upkeep
    simulator: Simulator
    close_connections: Callable[[], Awaitable[None]]

    @property
    def environment(self) -> str:
        """The environment that the database belongs to: demo, dev, test or production."""
        return self.storage.owner.environment

    @property
    def failures(self) -> Failures:
        """What fails now."""
        return self.storage.database.failures

    @asynccontextmanager
    async def running(self, roles: frozenset[Role] = BOTH) -> AsyncIterator[None]:
        """Run the loops, and finish their batches at the end. Raise StartError if the database does not fit."""
        storage = self.storage
        if not storage.database.is_shared and roles != BOTH:
            raise StartError(
                "On SQLite one process does everything: run `smsgw serve`, or set SMSGW_DATABASE_URL to PostgreSQL."
            )
        try:
            with alone(storage.database) as nobody_else:
                await self._check()
                async with storage.worker.held(), storage.membership.held(roles):
                    if storage.membership.is_worker():
                        await self.carriers.recovery.at_start(everything=nobody_else)
                    async with self._working():
                        yield
        finally:
            storage.database.close()

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        probe, notices = self.upkeep.probe, self.storage.database.notices
        beside = [asyncio.create_task(self.upkeep.schedule.run()), asyncio.create_task(self.upkeep.watch.run())]
        if probe is not None:
            beside.append(asyncio.create_task(probe.run()))
        if notices is not None:
            beside.append(asyncio.create_task(notices.listen(self._heard)))
        self.storage.membership.when_changed = self._shared_anew
        self.binds.when_changed = self.engine.shared_anew
        await self.binds.start()
        self.engine.start()
        try:
            yield
        finally:
            self.storage.membership.when_changed = lambda: None
            for task in beside:
                task.cancel()
            # While deliveries still run, so that the answers which a bind waits for are recorded.
            await self.binds.stop()
            await self.engine.stop()
            await self.management.tokens.finish()
            for provider in self.carriers.providers.values():
                await provider.close()
            await self.close_connections()

    def _heard(self) -> None:
        """Look at what another process has stored."""
        self.engine.ask_soon()
        self.carriers.network.changed()

    def _shared_anew(self) -> None:
        self.engine.shared_anew()
        self.binds.look_soon()

    def require_alone(self) -> None:
        """Raise DatabaseInUseError if another gateway runs on the database; call it while this one is running."""
        # Whoever runs on an SQLite file has locked it.
        if len(self.storage.membership.alive) > 1:
            raise DatabaseInUseError(self.storage.database.url.render_as_string(hide_password=True))

    async def _check(self) -> None:
        """Check the database. Ids follow the newest in it."""
        owner = self.storage.owner
        newest = await self.storage.database.write(lambda connection: open_marked(connection, owner))
        if newest is not None:
            self.storage.ids.start_after(newest)
