"""Binds are duties over all processes: who holds them, for how long, and what the others see (carriers.md 3)."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import update

from app.db.binds import BindState
from app.db.duties import duty
from app.domain.sharing import buckets_of_slots, most_slots
from app.domain.storage import StorageUnavailableError
from app.services.membership import Role
from tests.outage import away
from tests.providers.session.rig import until
from tests.services.delivery.workers import LONG_AGO, NAME, Carrier, settle, working

pytestmark = pytest.mark.anyio


def test_a_worker_takes_its_share_and_one_more_and_all_if_it_is_alone() -> None:
    assert most_slots(8, 0, 1) == 8
    assert [most_slots(8, held, 3) for held in range(6)] == [3, 2, 1, 1, 0, 0]
    assert [most_slots(2, held, 4) for held in range(3)] == [1, 1, 0]


def test_every_bucket_is_that_of_one_slot() -> None:
    parts = [set(buckets_of_slots(frozenset({number}), 3) or ()) for number in range(3)]
    assert sum(map(len, parts)) == 256
    assert len(set.union(*parts)) == 256
    assert buckets_of_slots(frozenset({0, 1, 2}), 3) is None
    assert buckets_of_slots(frozenset(), 3) == ()


async def test_four_workers_have_never_more_than_two_sessions(postgresql_url: str) -> None:
    carrier = Carrier()
    async with working(postgresql_url, carrier, 4) as workers:
        await asyncio.gather(*(one.look() for one in workers))
        for one in workers:
            await one.look()
        assert sorted(number for one in workers for number in one.held) == [0, 1]
        assert (len(carrier.sessions), carrier.most) == (2, 2)
        assert [bind.state for bind in await workers[0].rows()] == [BindState.UP] * 2
        for one in workers:
            assert one.slots.up(NAME) == frozenset(one.held)


async def test_a_worker_alone_takes_all_and_keeps_them(database_url: str) -> None:
    carrier = Carrier()
    async with working(database_url, carrier, 1, slots=5) as (one,):
        await one.look()
        assert one.held == [0, 1, 2, 3, 4]
        before = await one.rows()
        await one.look()
        after = await one.rows()
        assert [bind.term for bind in after] == [1] * 5
        assert all(new.leased_until > old.leased_until for new, old in zip(after, before, strict=True))
        assert all(new.since == old.since for new, old in zip(after, before, strict=True))


async def test_a_process_that_answers_requests_only_takes_none(postgresql_url: str) -> None:
    async with working(postgresql_url, Carrier(), 1, roles=frozenset({Role.WEB})) as (one,):
        await one.look()
        assert one.held == []


async def test_when_the_holder_is_killed_another_one_binds(postgresql_url: str) -> None:
    carrier = Carrier()
    async with working(postgresql_url, carrier, 2) as (dead, living):
        await dead.look()
        await living.look()
        assert (dead.held, living.held) == ([0], [1])
        await living.look()
        assert living.held == [1], "a lease that has not lapsed is nobody else's"
        await dead.has_died(living, carrier)
        await living.look()
        assert living.held == [0, 1]
        assert [bind.term for bind in await living.rows()] == [2, 1]
        assert carrier.most == 2


async def test_killed_and_restarted_ten_times_there_are_never_three_sessions(postgresql_url: str) -> None:
    carrier = Carrier()
    async with working(postgresql_url, carrier, 11) as workers:
        before = workers[0]
        await before.look()
        assert len(before.held) == 1
        for one in workers[1:]:
            await one.look()
            await before.has_died(one, carrier)
            for _ in range(2):
                await one.look()
            before = one
        assert carrier.most == 2


async def test_a_holder_that_was_stopped_past_its_lease_writes_nothing_and_closes(postgresql_url: str) -> None:
    carrier = Carrier()
    async with working(postgresql_url, carrier, 2, slots=1) as (stopped, other):
        await stopped.look()
        await other.look()
        assert (stopped.held, other.held) == ([0], [])
        await other.lapse(stopped)
        await other.look()
        assert other.held == [0]
        # It goes on. Its first look at its own clock is enough.
        stopped.seconds += 60
        assert stopped.slots.up(NAME) == frozenset()
        await stopped.look()
        await settle()
        assert (stopped.held, stopped.provider.slots_up) == ([], frozenset())
        assert carrier.heard == []
        assert carrier.sessions == {("w1", 0)}
        assert [bind.term for bind in await other.rows()] == [2]


async def test_one_that_cannot_renew_submits_nothing_more_ends_in_order_and_binds_again(database_url: str) -> None:
    carrier = Carrier()
    async with working(database_url, carrier, 1, slots=1) as (one,):
        await one.look()
        lease = next(iter(one.slots.held.values())).lease
        with away(one.database):
            one.seconds += 9.9
            assert one.slots.up(NAME) == {0}
            await one.tick()
            assert carrier.sessions
            one.seconds += 0.2
            assert one.slots.up(NAME) == frozenset()
            await one.tick()
            assert (carrier.sessions, carrier.heard) == (set(), [("w0", "goodbye")])
            assert 0 < lease.seconds_left < 10
        await one.look()
        assert (one.held, one.slots.up(NAME)) == ([0], frozenset({0}))
        assert carrier.sessions == {("w0", 0)}


async def test_a_renewal_that_failed_is_tried_again_within_a_second_or_so(postgresql_url: str) -> None:
    carrier = Carrier()
    async with working(postgresql_url, carrier, 1, slots=1) as (one,):
        await one.binds.start()
        await one.tick()
        [held] = one.slots.held.values()
        with away(one.database), pytest.raises(StorageUnavailableError):
            await one.binds.look()
        one.seconds += 9
        await until(lambda: held.lease.renewed_at == one.seconds, 2.5)


async def test_a_session_ends_in_time_while_the_database_hangs(postgresql_url: str) -> None:
    carrier = Carrier()
    async with working(postgresql_url, carrier, 1, slots=1) as (one,):
        await one.binds.start()
        await one.tick()
        assert carrier.sessions
        with psycopg.connect(postgresql_url) as locking:
            locking.execute("LOCK TABLE duty")
            looking = asyncio.create_task(one.look())
            one.binds.look_soon()
            one.seconds += 10.1
            async with asyncio.timeout(20):
                await carrier.is_silent.wait()
            assert not looking.done()
            locking.rollback()
        await looking
        assert carrier.heard == [("w0", "goodbye")]


async def test_a_session_that_does_not_end_in_time_is_ended_without_a_word(database_url: str) -> None:
    carrier = Carrier()
    async with working(database_url, carrier, 1, slots=1) as (one,):
        await one.look()
        one.seconds += 20
        await one.tick()
        assert (carrier.sessions, carrier.heard) == (set(), [])


async def test_a_process_that_ends_leaves_its_slots_at_once(postgresql_url: str) -> None:
    carrier = Carrier()
    async with working(postgresql_url, carrier, 2) as (leaving, other):
        await leaving.binds.start()
        await settle()
        await other.look()
        await leaving.binds.stop()
        assert carrier.heard == [("w0", "goodbye")]
        assert [bind.state for bind in await other.rows()] == [BindState.FREE, BindState.UP]
        await other.look()
        assert other.held == [0, 1]
        assert [bind.state for bind in await other.rows()] == [BindState.UP] * 2


async def test_on_sqlite_the_lease_of_a_dead_process_is_taken_at_once(sqlite_url: str) -> None:
    carrier = Carrier()
    async with working(sqlite_url, carrier, 1) as (dead,):
        await dead.look()
    async with working(sqlite_url, carrier, 1) as (one,):
        await one.look()
        assert one.held == [0, 1]


async def test_a_provider_without_binds_is_down_for_all_until_one_is_up(postgresql_url: str) -> None:
    carrier = Carrier()
    carrier.refuses = "the carrier does not know this system_id"
    async with working(postgresql_url, carrier, 2) as (one, other):
        for _ in range(2):
            await one.look()
            await other.look()
        assert [(bind.state, bind.last_error) for bind in await one.rows()] == [(BindState.DOWN, carrier.refuses)] * 2
        assert not one.slots.is_down(NAME)
        earlier = {"since": (await one.rows())[0].since - timedelta(seconds=10)}
        await one.change(lambda connection: connection.execute(update(duty).values(earlier)))
        await one.look()
        await other.look()
        assert (one.slots.is_down(NAME), other.slots.is_down(NAME)) == (True, True)
        carrier.refuses = None
        one.may_go_on.set()
        await settle()
        await one.look()
        await other.look()
        assert (one.slots.is_down(NAME), other.slots.is_down(NAME)) == (False, False)


async def test_a_bind_whose_holder_renews_no_more_counts_as_down_before_its_lease_lapses(postgresql_url: str) -> None:
    async with working(postgresql_url, Carrier(), 2, slots=1) as (stopped, other):
        await stopped.look()
        [bind] = await other.rows()
        renewed = bind.leased_until - timedelta(seconds=30)
        assert bind.is_up(renewed + timedelta(seconds=9))
        assert bind.down_since(renewed + timedelta(seconds=15)) == renewed + timedelta(seconds=10)
        late = {"leased_until": renewed + timedelta(seconds=9)}
        await other.change(lambda connection: connection.execute(update(duty).values(late)))
        await other.look()
        assert (other.held, other.slots.is_down(NAME)) == ([], True)


async def test_a_new_holder_after_an_orderly_end_has_time_to_bind(database_url: str) -> None:
    carrier = Carrier()
    async with working(database_url, carrier, 1) as (one,):
        await one.look()
        await one.slots.give_up()
        await one.change(lambda connection: connection.execute(update(duty).values(since=LONG_AGO)))
    carrier.refuses = "not now"
    async with working(database_url, carrier, 1) as (one,):
        await one.look()
        assert not one.slots.is_down(NAME)
