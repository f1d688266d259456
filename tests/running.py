"""A gateway that runs inside a test, with helpers to write to it, move its clock and read its rows."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import ColumnElement, RowMapping, Table, func, select

from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.composition import build_gateway
from app.db.outbound_messages import outbound_message
from app.db.outbox import ATTEMPTS, ERROR_CODE, STATUS, beside, outbox
from app.db.simulator import ThreadMessage
from app.domain.account import Brand, Payment
from app.domain.messages import InboundMessage, InboundResult
from app.domain.parts import PartOf
from app.domain.simulation import FaultMode, SimulatedReport
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.values import replace, value
from app.options import ProviderOptions
from app.providers import provider_kinds
from app.services.gateway import Gateway
from app.services.intake import Source
from app.services.simulator.fixtures import read as read_fixture
from app.services.simulator.network import PROVIDER
from app.settings import Environment, Settings, SettingsFile
from tests.commands.world import shanghai

ALICE = "+8613800138000"
BOB = "+8613900139000"
START = shanghai("2026-03-02 10:00")
_DRAIN_SECONDS = 60
_ALL = 500
_NUMBERS = itertools.count(1)
SEAL_KEY = Fernet.generate_key().decode()


def settings_for(database_url: str, env: Environment = Environment.TEST, file: SettingsFile | None = None) -> Settings:
    """Return settings that do not depend on the environment or a .env file."""
    return Settings(
        _env_file=None, env=env, database_url=database_url, seal_key=SecretStr(SEAL_KEY), file=file or SettingsFile()
    )


def options_of(**given: object) -> ProviderOptions:
    """Return the options of a provider, as the settings file has them."""
    return provider_kinds()[str(given["kind"])].model_validate(given)


@value
class Sent(InboundMessage):
    """A message and the provider that delivers it."""

    provider: str = PROVIDER


@dataclass
class Running:
    """A running gateway with helpers for tests."""

    gateway: Gateway

    # ---- handsets

    def message(
        self,
        text: str,
        to: str = "10086",
        *,
        sender: str = ALICE,
        message_id: str | None = None,
        provider: str = PROVIDER,
        received_at: datetime | None = None,
    ) -> Sent:
        """Return a message to be stored, with a new id unless one is given."""
        return Sent(message_id or f"m-{next(_NUMBERS)}", sender, to, text, received_at, provider=provider)

    def parts(
        self,
        texts: Sequence[str],
        to: str = "10086",
        *,
        ref: str = "7",
        sender: str = ALICE,
        provider: str = PROVIDER,
        message_id: str | None = None,
    ) -> list[Sent]:
        """Return the parts of a long message, each with a new id unless ``message_id`` is given."""
        total = len(texts)
        wholes = [self.message(text, to, sender=sender, provider=provider, message_id=message_id) for text in texts]
        return [replace(one, part=PartOf(ref, number, total)) for number, one in enumerate(wholes, 1)]

    async def store(self, *messages: Sent) -> list[InboundResult]:
        """Store messages without waiting for what they cause."""
        intake = self.gateway.turning.intake
        groups = [list(group) for _, group in itertools.groupby(messages, lambda message: message.provider)]
        stored = await asyncio.gather(*(intake.store(Source(group[0].provider), group) for group in groups))
        return list(itertools.chain(*stored))

    async def say(
        self, text: str, to: str = "10086", *, sender: str = ALICE, received_at: datetime | None = None
    ) -> list[str]:
        """Send a text from a handset, and return the texts that the handset gets until nothing is due."""
        before = len(await self.texts(sender))
        await self.store(self.message(text, to, sender=sender, received_at=received_at))
        await self.drain()
        return (await self.texts(sender))[before:]

    async def thread(self, msisdn: str = ALICE) -> list[ThreadMessage]:
        """Return all messages on a handset, oldest first."""
        found: list[ThreadMessage] = []
        while page := await self.gateway.carriers.network.thread(msisdn, found[-1].id if found else None, _ALL):
            found += page
        return found

    async def received(self, msisdn: str = ALICE) -> list[ThreadMessage]:
        """Return the messages that a handset received, oldest first."""
        return [message for message in await self.thread(msisdn) if message.direction == "mt"]

    async def texts(self, msisdn: str = ALICE) -> list[str]:
        """Return the texts that a handset received, oldest first."""
        return [message.text for message in await self.received(msisdn)]

    # ---- time

    async def drain(self) -> None:
        """Wait until nothing is due."""
        assert await self.gateway.simulator.simulation.drain(_DRAIN_SECONDS), "there is still something to do"

    async def advance(self, **length: float) -> None:
        """Advance the clock by a timedelta's arguments, such as ``hours=2``."""
        await self.gateway.simulator.simulation.advance(seconds=timedelta(**length).total_seconds())

    async def advance_to(self, moment: str) -> None:
        """Advance the clock to a time in Shanghai, such as ``2026-03-02 10:00``."""
        await self.gateway.simulator.simulation.advance(to=shanghai(moment))

    # ---- the network

    async def faults(self, mode: str, *, rate: float = 1, count: int | None = None) -> None:
        """Set how the simulated network answers; ``rate`` is a share from 0 to 1."""
        await self.gateway.carriers.network.set_faults(FaultMode(mode), rate, count)

    async def reports(self, report: str, delay_seconds: int = 0) -> None:
        """Set which status the simulated network reports, and how long after a message."""
        await self.gateway.carriers.network.set_delivery(SimulatedReport(report), delay_seconds)

    # ---- customers

    async def load_customers(self) -> None:
        """Load the demo's catalogue and, of its people, ALICE and BOB."""
        demo, fixtures = read_fixture("demo"), self.gateway.simulator.fixtures
        await fixtures.load_catalogue(demo)
        await fixtures.load_people([person for person in demo.people if person.msisdn in (ALICE, BOB)])

    async def subscribers(self, numbers: Sequence[str]) -> None:
        """Create subscribers."""
        for number in numbers:
            await self.subscriber(number)

    async def subscriber(self, msisdn: str, **fields: object) -> None:
        """Create or change a subscriber."""
        given = {"brand": Brand.EASYOWN, "payment": Payment.PREPAID, **fields}
        await self.gateway.management.directory.set_subscriber(
            msisdn,
            SetSubscriber(who="test", given=frozenset(given), create=True, **given),  # type: ignore[arg-type]
        )

    async def subscribe(self, msisdn: str, *codes: str) -> None:
        """Give a subscriber services that started a year ago."""
        started = (await self.gateway.simulator.simulation.clock()).now - timedelta(days=365)
        for code in codes:
            wanted = ImportSubscription("test", code, SubscriptionState.ACTIVE, False, started, Channel.WEB)  # noqa: FBT003  not in the plan
            await self.gateway.management.directory.import_subscription(msisdn, wanted)

    async def states(self, msisdn: str = ALICE) -> Mapping[str, str]:
        """Return the states of a number's subscriptions, by service code."""
        return {
            item.service_code: item.state.value
            for item in await self.gateway.management.directory.subscriptions(msisdn)
        }

    # ---- rows

    async def rows(self, table: Table, *conditions: ColumnElement[bool]) -> Sequence[RowMapping]:
        """Return rows of a table, in the order of its key."""
        statement = select(table).where(*conditions).order_by(*table.primary_key)
        return await self.gateway.storage.database.read(
            lambda connection: connection.execute(statement).mappings().all()
        )

    async def outbound(self, *conditions: ColumnElement[bool]) -> Sequence[RowMapping]:
        """Return MTs in the order of their keys, as staff see them, with their rows of the outbox while they have one."""
        seen: dict[str, ColumnElement[Any]] = {"status": STATUS, "attempts": ATTEMPTS, "error_code": ERROR_CODE}
        others = [column for column in outbox.c if column.name not in outbound_message.c]
        columns = [*(seen.get(column.name, column).label(column.name) for column in outbound_message.c), *others]
        statement = select(*columns).join_from(outbound_message, outbox, beside(outbound_message), isouter=True)
        ordered = statement.where(*conditions).order_by(*outbound_message.primary_key)
        return await self.gateway.storage.database.read(lambda connection: connection.execute(ordered).mappings().all())

    async def lease_all(self, until: datetime, by: str = "gone:1") -> None:
        """Lease all messages that are on their way, as another worker would; ``until`` is by the database's clock."""
        leased = outbox.update().values(leased_by=by, leased_until=until)
        await self.gateway.storage.database.write(lambda connection: connection.execute(leased))

    async def count(self, table: Table, *conditions: ColumnElement[bool]) -> int:
        """Return the number of rows."""
        statement = select(func.count()).select_from(table).where(*conditions)
        return await self.gateway.storage.database.read(lambda connection: connection.execute(statement).scalar_one())


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Run a gateway on an existing database."""
    built = build_gateway(settings)
    async with built.running():
        yield Running(built)


async def load_demo(settings: Settings) -> None:
    """Load the demo's catalogue and two of its customers and freeze the clock, as most tests need."""
    async with running(settings) as started:
        await started.gateway.simulator.simulation.set_clock(START)
        await started.load_customers()
