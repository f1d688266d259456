"""Several processes on one database share the numbers, and each duty is one process's (ADR 29)."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from app.db.duties import duty
from app.db.inbox import inbound_message
from app.db.session import Database, normalise_url
from app.db.workers import worker
from app.domain.msisdn import BUCKETS, bucket_of
from app.domain.sharing import chosen_for, share_of
from app.services.ids import IdSource
from app.services.membership import BOTH, DUTY_LEASE, Membership, Role
from app.services.worker_number import WorkerNumber
from tests.running import ALICE, Running, running, settings_for

pytestmark = pytest.mark.anyio
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DUTIES = [f"duty {number}" for number in range(12)]


class Process:
    """One that beats only when it is told to."""

    def __init__(self, url: str, providers: Sequence[str] = ()) -> None:
        self.database = Database(normalise_url(url))
        self.number = WorkerNumber(self.database, IdSource(leased=True, micros=self.database.clock.micros))
        self.membership = Membership(self.database, self.number, providers)
        for name in DUTIES:
            self.membership.wants(name)


@asynccontextmanager
async def processes(url: str, *roles: frozenset[Role]) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as stack:
        found = []
        for one in roles:
            process = Process(url)
            stack.callback(process.database.close)
            await stack.enter_async_context(process.number.held())
            await stack.enter_async_context(process.membership.held(one))
            found.append(process)
        yield found


def shares(found: Sequence[Process]) -> list[set[int]]:
    return [set(range(BUCKETS)) if (share := one.membership.share()) is None else set(share) for one in found]


def duties(found: Sequence[Process]) -> list[str]:
    return sorted(name for one in found for name in one.membership.duties)


async def test_every_number_and_every_duty_is_one_process_s(postgresql_url: str) -> None:
    async with processes(postgresql_url, BOTH, BOTH, BOTH) as found:
        for _ in range(2):  # what one gives up in the first round, another takes in the second
            for one in found:
                await one.membership.beat()

        parts = shares(found)
        assert set().union(*parts) == set(range(BUCKETS))
        assert sum(map(len, parts)) == BUCKETS
        assert duties(found) == sorted(DUTIES)
        assert all(one.membership.duties for one in found)


async def test_a_process_alone_has_everything(database_url: str) -> None:
    async with processes(database_url, BOTH) as (one,):
        assert one.membership.share() is None
        assert one.membership.duties == sorted(DUTIES)


async def test_a_web_process_has_nothing(postgresql_url: str) -> None:
    async with processes(postgresql_url, frozenset({Role.WEB}), frozenset({Role.WORKER})) as (web, other):
        await web.membership.beat()

        assert shares([web, other]) == [set(), set(range(BUCKETS))]
        assert (web.membership.duties, other.membership.duties) == ([], sorted(DUTIES))


async def test_what_a_dead_process_had_goes_to_the_living(postgresql_url: str) -> None:
    async with processes(postgresql_url, BOTH, BOTH) as (dead, living):
        await dead.membership.beat()
        await living.membership.beat()
        terms = await living.database.read(lambda connection: dict(connection.execute(_TERMS).all()))
        lost = dead.membership.duties
        gone = update(worker).where(worker.c.number == dead.number.number).values(seen_at=LONG_AGO)
        lapsed = update(duty).where(duty.c.name.in_(lost)).values(leased_until=LONG_AGO)
        for change in (gone, lapsed):
            await living.database.write(lambda connection, change=change: connection.execute(change))  # type: ignore[misc]  # one for each
        await living.membership.beat()

        assert living.membership.share() is None
        assert living.membership.duties == sorted(DUTIES)
        later = await living.database.read(lambda connection: dict(connection.execute(_TERMS).all()))
        assert {name: later[name] - terms[name] for name in DUTIES} == {name: int(name in lost) for name in DUTIES}
        # The other one was only asleep: in a transaction it finds that a duty is not its own any more.
        name = lost[0]
        assert not await dead.database.write(lambda connection: dead.membership.is_held(connection, name))
        assert await living.database.write(lambda connection: living.membership.is_held(connection, name))


async def test_a_process_that_slept_past_its_leases_has_nothing(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(postgresql_url, BOTH) as (one,):
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + DUTY_LEASE.total_seconds())
        assert (one.membership.share(), one.membership.duties) == ((), [])
        await one.membership.beat()
        assert one.membership.duties == sorted(DUTIES)


async def test_a_process_that_ends_leaves_everything_at_once(postgresql_url: str) -> None:
    async with processes(postgresql_url, BOTH) as (living,):
        async with processes(postgresql_url, BOTH):
            await living.membership.beat()
            assert living.membership.share() is not None
        await living.membership.beat()
        assert living.membership.share() is None
        assert living.membership.duties == sorted(DUTIES)


async def test_a_beat_has_nobody_look_for_work(postgresql_url: str) -> None:
    async with processes(postgresql_url, BOTH, BOTH) as (one, other):
        await one.membership.beat()
        assert one.database.notices is not None
        assert other.database.notices is not None
        looked, heard = [], asyncio.Queue[None]()
        one.database.when_changed = lambda: looked.append("one")
        hearing = asyncio.create_task(other.database.notices.listen(lambda: heard.put_nowait(None)))
        async with asyncio.timeout(20):
            await heard.get()  # it listens
            await one.membership.beat()
            await one.number.renew()
            assert looked == []
            await one.database.write(lambda connection: connection.execute(update(worker).values(seen_at=LONG_AGO)))
            await heard.get()
        hearing.cancel()
        # Notices come in the order of the commits.
        assert (looked, heard.empty()) == (["one"], True)


def test_only_what_falls_to_a_process_that_goes_changes_hands() -> None:
    before, after = [1, 2, 3, 4], [1, 2, 4]
    tasks = [f"task {number}" for number in range(100)]
    assert {chosen_for(task, before) for task in tasks} == set(before)
    assert all(chosen_for(task, after) == chosen_for(task, before) for task in tasks if chosen_for(task, before) != 3)
    for workers in ([5], before, after):
        assert sorted(bucket for one in workers for bucket in share_of(one, workers)) == list(range(BUCKETS))
    assert chosen_for("task", []) is None


async def test_messages_are_handled_by_the_process_that_they_fall_to_and_nobody_waits(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    async with running(settings) as one, running(settings) as other:
        for gateway in (one, other, one):
            await gateway.gateway.storage.membership.beat()
        share = one.gateway.storage.membership.share()
        assert share is not None
        numbers = [f"+8613800{place:06}" for place in range(40)]
        await one.store(*(one.message("帮助", sender=number) for number in numbers))
        await _until_handled(one, len(numbers))
        assert {bucket_of(number) in share for number in numbers} == {True, False}
        await asyncio.gather(one.drain(), other.drain())
        assert [len(await other.texts(number)) for number in numbers] == [1] * len(numbers)


async def test_numbers_of_a_process_that_is_stuck_are_taken_by_the_others(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    async with running(settings) as one, running(settings) as stuck:
        async with stuck.gateway.engine.paused():
            for gateway in (one, stuck, one):
                await gateway.gateway.storage.membership.beat()
            await one.store(*(one.message("帮助", sender=f"+8613800{place:06}") for place in range(40)))
            await _until_handled(one, 40)
        assert len(await one.texts(ALICE)) == 0


async def _until_handled(gateway: Running, count: int) -> None:
    async with asyncio.timeout(60):
        while await gateway.count(inbound_message, inbound_message.c.status == "handled") < count:  # noqa: ASYNC110  in a database
            await asyncio.sleep(0.05)


_TERMS = duty.select().with_only_columns(duty.c.name, duty.c.term)
