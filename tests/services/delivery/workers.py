"""Workers that hold binds, several in one test process, and the carrier that counts their sessions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import httpx
from sqlalchemy import Connection, update
from typing_extensions import override

from app.db.binds import Bind, read
from app.db.duties import duty
from app.db.session import Database, normalise_url
from app.db.workers import worker
from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.domain.storage import StorageUnavailableError
from app.options import ProviderOptions
from app.providers.base import Accepted, BindEndedError, Inbox, Lease, Provider, SendResult, Submission
from app.services.delivery.binds import Binds
from app.services.delivery.slots import Slots
from app.services.ids import IdSource
from app.services.membership import BOTH, Membership, Role
from app.services.worker_number import WorkerNumber
from tests.providers.contract import surroundings

NAME = "wire"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SILENT = httpx.MockTransport(lambda _request: httpx.Response(500))


class Carrier:
    """The other end. ``sessions`` are open, ``most`` were at a time, by the worker and the slot.

    ``heard`` is what was written, by whom; ``refuses``: why it lets nobody bind; ``is_silent``: no session is left.
    """

    def __init__(self) -> None:
        self.sessions: set[tuple[str, int]] = set()
        self.most = 0
        self.heard: list[tuple[str, str]] = []
        self.refuses: str | None = None
        self.is_silent = asyncio.Event()

    def accept(self, session: tuple[str, int]) -> None:
        self.sessions.add(session)
        self.is_silent.clear()
        self.most = max(self.most, len(self.sessions))

    def end(self, session: tuple[str, int]) -> None:
        self.sessions.discard(session)
        if not self.sessions:
            self.is_silent.set()


class WireProvider(Provider):
    """A session carrier. Like a real adapter it looks at its lease before it writes."""

    kind: ClassVar[str] = NAME

    def __init__(self, carrier: Carrier, owner: str, slots: int) -> None:
        super().__init__(NAME, ProviderOptions(kind=NAME), surroundings(SILENT))
        self.slots, self.can_send = slots, True
        self._carrier, self._owner = carrier, owner
        self._up: set[int] = set()

    @property
    @override
    def slots_up(self) -> frozenset[int]:
        return frozenset(self._up)

    @override
    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        if self._carrier.refuses is not None:
            raise BindEndedError(self._carrier.refuses, timedelta(0), "identity")
        self._carrier.accept((self._owner, slot))
        self._up.add(slot)
        try:
            await asyncio.Event().wait()
        finally:
            self._up.discard(slot)
            if lease.seconds_left > 0:
                self._carrier.heard.append((self._owner, "goodbye"))
            self._carrier.end((self._owner, slot))

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        return [Accepted(item.reference) for item in submissions]


class Nowhere:
    """An inbox that nothing comes to."""

    async def messages(self, found: Sequence[InboundMessage]) -> Sequence[InboundResult]:
        raise NotImplementedError

    async def reports(self, found: Sequence[DeliveryReport]) -> Sequence[bool]:
        raise NotImplementedError

    def confirm(self, slot: int, epoch: int, sequence: int) -> None:
        raise NotImplementedError


class Worker:
    """A process as far as binds are concerned. It looks only when it is told to; ``seconds`` is its steady clock."""

    def __init__(self, name: str, url: str, carrier: Carrier, slots: int) -> None:
        self.name, self.seconds = name, 1000.0
        self.database = Database(normalise_url(url))
        self.number = WorkerNumber(self.database, IdSource(leased=True, micros=self.database.clock.micros))
        self.provider = WireProvider(carrier, name, slots)
        self.membership = Membership(self.database, self.number, [NAME])
        self.slots = Slots(self.database, self.membership, {NAME: self.provider}, lambda: self.seconds)
        self.pauses: asyncio.Queue[float] = asyncio.Queue()
        self.may_go_on = asyncio.Event()
        self.binds = Binds(self.slots, {NAME: self.provider}, {NAME: Nowhere()}, self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.put_nowait(seconds)
        await self.may_go_on.wait()

    @property
    def held(self) -> list[int]:
        """The numbers of the slots that it has leased."""
        return sorted(slot.number for slot in self.slots.held)

    async def look(self) -> None:
        """Look, let the binds begin or end, and write how they are."""
        await self.binds.look()
        for _ in range(2):
            await settle()
            await self.binds.tick()
        await settle()

    async def tick(self) -> None:
        """Look at the binds, whether or not the database is there."""
        with suppress(StorageUnavailableError):
            await self.binds.tick()
        await settle()

    async def change(self, work: Callable[[Connection], object]) -> None:
        await self.database.write(work)

    async def rows(self) -> list[Bind]:
        """Return what the database has of the binds, in the order of their numbers."""
        found = await self.database.read(lambda connection: read(connection, self.slots.all))
        return [found[slot] for slot in self.slots.all if slot in found]

    async def has_died(self, by: "Worker", carrier: Carrier) -> None:
        """Have ``by`` see this process as dead for longer than its lease; its connections are closed by the system."""
        for session in [one for one in carrier.sessions if one[0] == self.name]:
            carrier.sessions.discard(session)
        await by.lapse(self)

    async def lapse(self, other: "Worker") -> None:
        """Let so much time pass for another process that its leases have lapsed."""
        mine = duty.c.owner == other.number.owner

        def change(connection: Connection) -> None:
            connection.execute(update(worker).where(worker.c.number == other.number.number).values(seen_at=LONG_AGO))
            connection.execute(update(duty).where(mine).values(leased_until=LONG_AGO))

        await self.database.write(change)
        await self.membership.beat()


async def settle() -> None:
    """Let tasks that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def working(
    url: str, carrier: Carrier, count: int, slots: int = 2, roles: frozenset[Role] = BOTH
) -> AsyncIterator[list[Worker]]:
    """Run so many workers that know of each other, and that have not looked for slots yet."""
    async with AsyncExitStack() as stack:
        found = [Worker(f"w{place}", url, carrier, slots) for place in range(count)]
        for one in found:
            stack.callback(one.database.close)
            await stack.enter_async_context(one.number.held())
            await stack.enter_async_context(one.membership.held(roles))
            stack.push_async_callback(end_tasks, one)
        for one in found:
            await one.membership.beat()
        yield found


async def end_tasks(one: Worker) -> None:
    """End what a test left running."""
    one.may_go_on.set()
    await one.binds.stop()
