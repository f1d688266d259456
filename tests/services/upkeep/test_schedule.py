"""Daily tasks are done once a day, by one process, and another one goes on when that one dies."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import Connection, delete, func, select, update

from app.db import scheduled_tasks
from app.db.duties import duty
from app.db.idempotency import idempotent_call
from app.db.session import Database, normalise_url
from app.db.workers import worker
from app.db.writing import insert_rows
from app.services.ids import IdSource
from app.services.membership import BOTH, Membership
from app.services.upkeep.pieces import Pieces
from app.services.upkeep.schedule import DailyTask, Schedule, latest_day
from app.services.worker_number import WorkerNumber
from app.settings import Environment, SettingsFile
from tests.running import running, settings_for

pytestmark = pytest.mark.anyio
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HALF_PAST_THREE = time(3, 30)
# 03:30 on the 3rd in Shanghai.
DUE = datetime(2026, 3, 2, 19, 30, tzinfo=UTC)
ROWS = 40


class KilledError(BaseException):
    """The process ends here."""


class Process:
    """One that beats, and looks at its schedule, only when it is told to."""

    def __init__(self, url: str) -> None:
        self.database = Database(normalise_url(url))
        self.number = WorkerNumber(self.database, IdSource(leased=True))
        self.membership = Membership(self.database, self.number)
        self.now = DUE
        self.deleted = 0
        self.dies_after = ROWS
        task = DailyTask("purge", HALF_PAST_THREE, self.pieces)
        self.schedule = Schedule(self.database, self.membership, [task], lambda: self.now)

    def pieces(self) -> Pieces[object]:
        """Delete the rows one by one."""
        while self.deleted < self.dies_after:
            done = yield delete_one
            if not done:
                return self.deleted
            self.deleted += done
        raise KilledError


def delete_one(connection: Connection) -> int:
    first = select(func.min(idempotent_call.c.key)).scalar_subquery()
    return connection.execute(delete(idempotent_call).where(idempotent_call.c.key == first)).rowcount


def fill(connection: Connection) -> None:
    call = {"caller": "c", "request_hash": "h", "begun_at": DUE}
    insert_rows(connection, idempotent_call, [{**call, "key": f"{number:03}"} for number in range(ROWS)])


@asynccontextmanager
async def processes(url: str, count: int) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            process = Process(url)
            stack.callback(process.database.close)
            await stack.enter_async_context(process.number.held())
            await stack.enter_async_context(process.membership.held(BOTH))
            found.append(process)
        yield found


async def done_for(process: Process) -> date | None:
    return await process.database.read(lambda connection: scheduled_tasks.done_for(connection, "purge"))


async def test_a_task_is_done_once_a_day_from_its_time_on(database_url: str) -> None:
    async with processes(database_url, 1) as (one,):
        one.dies_after = 10 * ROWS
        assert await one.schedule.step(), "it was never done: at once, for the day whose time came last"
        assert await done_for(one) == date(2026, 3, 3)
        await one.database.write(fill)
        one.now = DUE.replace(day=3, minute=29)
        assert not await one.schedule.step()
        one.now = DUE.replace(day=3)
        assert await one.schedule.step()
        assert (await done_for(one), one.deleted) == (date(2026, 3, 4), ROWS)
        assert not await one.schedule.step()
        one.schedule._done_for.clear()
        await one.database.write(fill)
        await one.schedule.step()
        assert one.deleted == ROWS, "the row says that it is done, after a restart, too"


async def test_a_task_whose_process_dies_goes_on_elsewhere_and_nothing_is_done_twice(postgresql_url: str) -> None:
    async with processes(postgresql_url, 2) as both:
        for _ in range(2):
            for one in both:
                await one.membership.beat()
        dying, living = sorted(both, key=lambda one: not one.membership.duties)
        assert (dying.membership.duties, living.membership.duties) == (["purge"], [])
        await living.database.write(fill)
        assert not await living.schedule.step()
        dying.dies_after = 15
        with pytest.raises(KilledError):
            await dying.schedule.step()

        gone = update(worker).where(worker.c.number == dying.number.number).values(seen_at=LONG_AGO)
        changes: list[Callable[[Connection], object]] = [
            lambda connection: connection.execute(gone),
            lambda connection: connection.execute(update(duty).values(leased_until=LONG_AGO)),
        ]
        for change in changes:
            await living.database.write(change)
        await living.membership.beat()
        living.dies_after = 2 * ROWS
        assert await done_for(living) is None
        # It was only asleep: its next piece finds that the duty is another's.
        dying.dies_after = 2 * ROWS
        assert not await dying.schedule.step()
        assert await living.schedule.step()
        assert (dying.deleted, living.deleted) == (15, ROWS - 15)
        assert await done_for(living) == date(2026, 3, 3)


async def test_a_task_that_fails_is_tried_again(database_url: str) -> None:
    async with processes(database_url, 1) as (one,):
        await one.database.write(lambda connection: insert_rows(connection, idempotent_call, []))
        broken = DailyTask("purge", HALF_PAST_THREE, lambda: iter_of(lambda _connection: 1 // 0))
        schedule = Schedule(one.database, one.membership, [broken], lambda: DUE)
        assert not await schedule.step()
        assert await done_for(one) is None
        assert schedule._isolation._retry_at


def iter_of(piece: Callable[[Connection], object]) -> Pieces[object]:
    yield piece
    return None


def test_a_time_of_day_is_shanghai_s() -> None:
    assert latest_day(HALF_PAST_THREE, DUE) == date(2026, 3, 3)
    assert latest_day(HALF_PAST_THREE, DUE.replace(minute=29)) == date(2026, 3, 2)


async def test_a_gateway_purges_by_itself_but_not_where_the_clock_is_moved(database_url: str) -> None:
    on, off = settings_for(database_url, Environment.DEV), settings_for(database_url)
    assert (on.schedule()["purge"], off.schedule()) == (HALF_PAST_THREE, {})
    none = SettingsFile.model_validate({"schedule": {"purge": "off"}})
    assert "purge" not in settings_for(database_url, Environment.DEV, none).schedule()
    async with running(off) as gateway:
        assert "purge" not in gateway.gateway.storage.membership.duties
