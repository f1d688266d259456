"""Everything that the web part calls, and what runs beside it: opened, marked, and closed in order."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from app import observability
from app.commands.registry import Registry
from app.db import migrations, outbox, work
from app.db.session import Database
from app.db.state import GatewayState, current_state, initialise_state, read_state
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


class StartError(Exception):
    """The gateway cannot start; the words say what to do."""


@dataclass(slots=True)
class Gateway:
    """All services of a process; ``disposable``: demo or test, where the clock moves and everything can be emptied."""

    environment: str
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

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the loops; on the way out, what is under way is finished. StartError if the database does not fit."""
        try:
            with _alone(self.database) as alone:
                newest = await self.database.write(lambda connection: _open(connection, self.environment))
                if newest is not None:
                    self.ids.start_after(newest)
                await self.database.write(self._adopt_orphans)
                for delivery in self.deliveries:
                    await delivery.give_back_lost(everything=alone)
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


def prepare(database: Database, environment: str, *, migrate: bool) -> None:
    """See that a gateway can start on this database, before anything of it runs; StartError says what to do.

    ``migrate``: bring the schema up, but never that of another environment's database.
    """
    with _alone(database):
        before = database.write_now(lambda connection: migrations.current_revision(connection) is not None)
        if before:
            database.write_now(lambda connection: _refuse_foreign(read_state(connection), environment))
        if migrate:
            database.write_now(migrations.upgrade)
        database.write_now(lambda connection: _open(connection, environment))


def _refuse_foreign(state: GatewayState | None, environment: str) -> None:
    if state is not None and state.environment != environment:
        raise StartError(
            f"SMSGW_ENV is {environment}, but this database belongs to {state.environment}: "
            "set SMSGW_ENV to that, or SMSGW_DATABASE_URL to another database."
        )


def _open(connection: Connection, environment: str) -> str | None:
    """Mark an empty database with its environment, refuse one of another (safety.md 26); the newest id in it."""
    if migrations.current_revision(connection) != migrations.newest_revision():
        raise StartError("The database's schema is not this program's: run `smsgw migrate` first.")
    state = read_state(connection)
    if state is None:
        if not work.is_empty(connection):
            raise StartError(
                "The database holds data but no gateway's mark: restore its gateway_state row from a backup."
            )
        initialise_state(connection, environment)
    _refuse_foreign(state, environment)
    return work.newest_id(connection)


@contextmanager
def _alone(database: Database) -> Iterator[bool]:
    """Own a SQLite file for as long as this process works on it; whether no other process can be at work."""
    file = database.url.database if database.is_sqlite else None
    if not file or file == ":memory:":
        yield database.is_sqlite
        return
    with Path(f"{file}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"Another gateway is running on {file}: stop it, or set SMSGW_DATABASE_URL to another database."
            ) from None
        yield True
