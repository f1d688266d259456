"""Sessions of PostgreSQL: nothing waits without end, and a transaction runs again where that is safe."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from app.db.postgresql import Sessions, allow_long_statements, may_be_tried_again
from app.db.session import Database, normalise_url
from app.db.timers import timer as _timer
from app.db.writing import insert_rows
from app.domain.storage import StorageUnavailableError
from tests.db.test_rows import timer
from tests.outage import hang_up, read_only

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["direct", "pooled"])
def database(request: pytest.FixtureRequest, unused_postgresql_url: str) -> Iterator[Database]:
    opened = Database(normalise_url(unused_postgresql_url), sessions=Sessions(2, pooled=request.param))
    yield opened
    opened.close()


def shown(connection: Connection, *names: str) -> list[str]:
    return [str(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in names]


def test_a_session_has_limits_and_sees_what_others_committed(database: Database) -> None:
    name = database.url.database
    database.write_now(
        lambda c: c.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_isolation = "repeatable read"')
    )
    hang_up(database)
    found = database.read_now(
        lambda c: shown(
            c,
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "transaction_isolation",
            "enable_seqscan",
            "jit",
        )
    )

    assert found == ["30s", "5s", "30s", "read committed", "off", "off"]


def test_work_one_after_the_other_goes_over_one_session_which_has_prepared_its_statements(
    unused_postgresql_url: str,
) -> None:
    database = Database(normalise_url(unused_postgresql_url), sessions=Sessions(3))

    def session(connection: Connection) -> int:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    with ExitStack() as stack:
        opened = {session(stack.enter_context(database.engine.connect())) for _ in range(3)}
    used = {database.read_now(session) for _ in range(9)}
    database.close()
    assert (len(opened), len(used)) == (3, 1)


def test_a_migration_may_take_longer_but_waits_for_no_lock(database: Database) -> None:
    def work(connection: Connection) -> list[str]:
        allow_long_statements(connection)
        return shown(connection, "statement_timeout", "lock_timeout")

    assert database.write_now(work) == ["0", "5s"]
    assert database.read_now(lambda c: shown(c, "statement_timeout")) == ["30s"]


_RAISE = "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '{}'; END $$"
FAILURES = {
    "serialization": _RAISE.format("40001"),
    "deadlock": _RAISE.format("40P01"),
    "connection": "SELECT pg_terminate_backend(pg_backend_pid())",
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_transaction_that_fails_through_no_fault_of_its_own_runs_again(
    database: Database, failure: str
) -> None:
    tries = 0

    def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        insert_rows(connection, _timer, [timer("a")])
        if tries == 1:
            connection.exec_driver_sql(FAILURES[failure])

    await database.write(work)
    assert tries == 2
    assert await database.read(lambda c: c.execute(select(func.count()).select_from(_timer)).scalar_one()) == 1


async def test_connections_that_were_dropped_are_replaced_without_an_error(database: Database) -> None:
    """As after a restart of the server, or by a firewall between."""
    for _ in range(3):
        assert await database.read(lambda c: c.exec_driver_sql("SELECT 1").scalar_one()) == 1
        hang_up(database)
    await database.write(lambda c: insert_rows(c, _timer, [timer("a")]))
    assert await database.read(lambda c: c.execute(select(func.count()).select_from(_timer)).scalar_one()) == 1


def test_a_commit_whose_answer_was_lost_is_not_tried_again() -> None:
    lost = OperationalError("COMMIT", {}, Exception(), connection_invalidated=True)

    assert may_be_tried_again(lost, was_sent_to_commit=False)
    assert not may_be_tried_again(lost, was_sent_to_commit=True)


async def test_a_server_that_refuses_to_write_is_unavailable_until_it_takes_writes_again(database: Database) -> None:
    """As a standby does, or one whose administrator has stopped all writing."""
    with read_only(database), pytest.raises(StorageUnavailableError, match="takes no writes"):
        await database.write(lambda c: insert_rows(c, _timer, [timer("a")]))
    await database.write(lambda c: insert_rows(c, _timer, [timer("a")]))


async def test_what_does_not_answer_in_time_is_unavailable(database: Database) -> None:
    with pytest.raises(StorageUnavailableError, match="does not answer"):
        await database.read(lambda c: c.exec_driver_sql("SELECT pg_sleep(2)"), within=0.1)
