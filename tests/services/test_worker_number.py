"""Processes that work on one database make different ids, and none without a leased number (ADR 23)."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.db import workers
from app.db.conversations import conversation
from app.db.inbox import inbound_message
from app.db.session import Database, normalise_url
from app.db.workers import worker
from app.db.writing import insert_rows
from app.domain.ids import WORKERS, first_at
from app.domain.storage import StorageUnavailableError
from app.services.ids import IdSource
from app.services.worker_number import LEASE, RENEWED_EVERY, WorkerNumber, process_name
from tests.running import ALICE, Running, running, settings_for

pytestmark = pytest.mark.anyio
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Process:
    """What a process has to make ids with."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ahead = timedelta()
        self.ids = IdSource(leased=True, micros=self.micros)
        self.number = WorkerNumber(database, self.ids)

    def micros(self) -> int:
        """The time by the database's clock, or ahead of it."""
        return self.database.clock.micros() + self.ahead // timedelta(microseconds=1)

    @property
    def worker(self) -> int:
        """The worker number in its ids."""
        return worker_of(next(self.ids))

    async def lapse(self) -> None:
        """End all leases, as if nobody had renewed them."""
        await self.database.write(lambda connection: connection.execute(update(worker).values(leased_until=LONG_AGO)))


def worker_of(made: str) -> int:
    return int(made) % WORKERS


@asynccontextmanager
async def processes(url: str, count: int) -> AsyncIterator[Sequence[Process]]:
    async with AsyncExitStack() as stack:
        found = [Process(Database(normalise_url(url))) for _ in range(count)]
        for one in found:
            stack.callback(one.database.close)
        yield found


async def test_processes_that_start_at_once_get_different_numbers(unused_database_url: str) -> None:
    async with processes(unused_database_url, 6) as found:
        await asyncio.gather(*(one.number.renew() for one in found))

        assert sorted(one.worker for one in found) == [0, 1, 2, 3, 4, 5]


async def test_a_number_that_lapsed_is_taken_again_by_one_process_only(unused_database_url: str) -> None:
    async with processes(unused_database_url, 4) as found:
        dead, *others = found
        await dead.number.renew()
        await dead.lapse()
        await asyncio.gather(*(one.number.renew() for one in others))

        assert sorted(one.worker for one in others) == [0, 1, 2]


async def test_a_process_that_lost_its_number_gets_another(unused_database_url: str) -> None:
    async with processes(unused_database_url, 2) as (stopped, other):
        await stopped.number.renew()
        before = next(stopped.ids)
        await stopped.lapse()
        await other.number.renew()
        await stopped.number.renew()

        after = next(stopped.ids)
        assert (worker_of(before), other.worker, worker_of(after)) == (0, 0, 1)
        assert after > before


async def test_a_lease_that_lapsed_is_renewed_if_nobody_took_the_number(unused_database_url: str) -> None:
    async with processes(unused_database_url, 1) as (one,):
        await one.number.renew()
        await one.lapse()
        await one.number.renew()

        assert one.worker == 0


async def test_a_process_makes_no_ids_after_its_lease(unused_database_url: str) -> None:
    """As if it had been stopped for two minutes, or the database had been away."""
    async with processes(unused_database_url, 1) as (one,):
        await one.number.renew()
        one.ahead = LEASE
        with pytest.raises(StorageUnavailableError):
            next(one.ids)
        one.ahead = timedelta()
        assert one.worker == 0


async def test_a_number_is_free_at_once_when_it_was_given_back(unused_database_url: str) -> None:
    async with processes(unused_database_url, 2) as (one, other):
        async with one.number.held():
            made = [next(one.ids) for _ in range(3000)]
        with pytest.raises(StorageUnavailableError):
            next(one.ids)
        # Ids that were borrowed from the next milliseconds are over first.
        await asyncio.sleep(0.01)
        await other.number.renew()

        first = next(other.ids)
        assert worker_of(first) == 0
        assert first > max(made)


async def test_a_lease_goes_as_far_ahead_as_the_ids(unused_database_url: str) -> None:
    """Where the newest id is of a clock that ran ahead, the process goes on from there."""
    async with processes(unused_database_url, 2) as (one, other):
        ahead = str(int(next(IdSource())) + (3 * 86_400_000 << 20))
        one.ids.start_after(ahead)
        await one.number.renew()
        assert next(one.ids) > ahead

        await other.number.renew()
        assert other.worker == 1


async def test_there_are_1024_numbers(unused_database_url: str) -> None:
    until = datetime.now(UTC) + LEASE
    rows = [{"number": number, "owner": "other", "leased_until": until} for number in range(WORKERS)]
    async with processes(unused_database_url, 1) as (one,):
        await one.database.write(lambda connection: insert_rows(connection, worker, rows))
        with pytest.raises(StorageUnavailableError):
            await one.number.renew()

        freed = update(worker).where(worker.c.number == 700).values(leased_until=LONG_AGO)
        await one.database.write(lambda connection: connection.execute(freed))
        await one.number.renew()
        assert one.worker == 700


async def test_only_the_owner_keeps_a_lease(unused_database_url: str) -> None:
    now = datetime.now(UTC)
    async with processes(unused_database_url, 1) as (one,):
        taken = await one.database.write(lambda connection: workers.take(connection, "a", now, now + LEASE))
        kept = [
            await one.database.write(lambda connection, who=who: workers.keep(connection, taken, who, now))  # type: ignore[misc]  # one for each
            for who in ("a", "b")
        ]

    assert kept == [True, False]


async def test_two_gateways_at_once_make_different_ids_and_give_their_numbers_back(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    for _ in range(2):
        async with running(settings) as one, running(settings) as other:
            stored = [(await gateway.store(gateway.message("帮助")))[0].id for gateway in (one, other)]
            assert list(map(worker_of, stored)) == [0, 1]
            await asyncio.gather(one.drain(), other.drain())


async def test_a_reset_leaves_a_process_its_number(gateway: Running) -> None:
    storage = gateway.gateway.storage
    await gateway.gateway.simulator.simulation.reset("demo")

    [row] = await storage.database.read(lambda connection: connection.execute(select(worker)).all())
    assert row.leased_until > datetime.now(UTC)
    await storage.worker.renew()
    assert worker_of(next(storage.ids)) == row.number


async def test_without_a_number_work_is_done_later_as_if_the_database_were_away(gateway: Running) -> None:
    ids = gateway.gateway.storage.ids
    async with gateway.gateway.engine.paused():
        [stored] = await gateway.store(gateway.message("0000"))
        ids.when_ended = lambda: None  # no number is to be had
        ids.give_up()
    with pytest.raises(StorageUnavailableError):
        await next(loop for loop in gateway.gateway.engine.loops if loop.name == "turns").step()
    with pytest.raises(StorageUnavailableError):
        await gateway.store(gateway.message("0000"))
    with pytest.raises(StorageUnavailableError):
        await gateway.subscriber("+8613800200001")
    [waiting] = await gateway.rows(inbound_message, inbound_message.c.id == stored.id)
    assert (waiting["status"], waiting["tries"]) == ("pending", 0)

    await gateway.gateway.storage.worker.renew()
    await gateway.drain()
    [handled] = await gateway.rows(inbound_message, inbound_message.c.id == stored.id)
    assert (handled["status"], handled["tries"]) == ("handled", 0)
    assert len(await gateway.received()) == 2


async def test_ids_that_another_process_made_ahead_of_the_lease_are_followed_at_once(gateway: Running) -> None:
    ahead = str(first_at(datetime.now(UTC) + 3 * LEASE))
    theirs = conversation.update().where(conversation.c.msisdn == ALICE).values(version=ahead)
    await gateway.gateway.storage.database.write(lambda connection: connection.execute(theirs))
    began = time.monotonic()
    await gateway.say("0000")
    async with asyncio.timeout(20):
        stored = await _as_soon_as_possible(gateway)
    assert int(stored) > int(ahead)
    assert time.monotonic() - began < RENEWED_EVERY.total_seconds() / 2


async def _as_soon_as_possible(gateway: Running) -> str:
    """Store a message, as a carrier does that is told to send it again; return its id."""
    while True:
        try:
            [stored] = await gateway.store(gateway.message("0000"))
        except StorageUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return stored.id


def test_a_process_in_the_same_container_has_another_name_after_a_restart() -> None:
    assert process_name() != process_name()
