"""Of two transactions that wait for each other PostgreSQL ends one; it runs again (``app/db/session.py``)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from threading import Barrier

import pytest
from sqlalchemy import Connection, select, update

from app.db import timers
from app.db.session import Database, normalise_url
from app.db.writing import insert_rows
from app.domain.storage import StorageUnavailableError
from tests.db.test_rows import timer

pytestmark = pytest.mark.anyio
_timer = timers.timer


@pytest.fixture
def database(unused_postgresql_url: str) -> Iterator[Database]:
    opened = Database(normalise_url(unused_postgresql_url))
    opened.write_now(lambda connection: insert_rows(connection, _timer, [timer("a"), timer("b")]))
    yield opened
    opened.close()


async def append_to_both(database: Database, orders: Sequence[str], deadlocks: int) -> list[BaseException | None]:
    """Append to both rows in two transactions at once, each in its order; they meet between its two updates."""
    meeting = Barrier(2)

    def appending(order: str) -> Callable[[Connection], None]:
        met = 0

        def work(connection: Connection) -> None:
            nonlocal met
            for place, subject in enumerate(order):
                if place and met < deadlocks:
                    met += 1
                    meeting.wait(timeout=20)
                longer = _timer.c.data + order[0]
                connection.execute(update(_timer).where(_timer.c.subject == subject).values(data=longer))

        return work

    works = [database.write(appending(order)) for order in orders]
    return await asyncio.gather(*works, return_exceptions=True)


async def test_both_of_two_transactions_in_a_deadlock_are_carried_out(database: Database) -> None:
    assert await append_to_both(database, ["ab", "ba"], deadlocks=1) == [None, None]
    found = await database.read(lambda connection: connection.execute(select(_timer.c.data)).scalars().all())
    assert {"".join(sorted(data)) for data in found} == {"ab"}


async def test_a_transaction_that_always_loses_is_given_up(database: Database) -> None:
    def always(connection: Connection) -> None:
        connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$")

    with pytest.raises(StorageUnavailableError, match="DeadlockDetected"):
        await database.write(always)
