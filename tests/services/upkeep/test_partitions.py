"""Tables of messages are partitioned by time on PostgreSQL: made ahead, dropped when past, and no row is without a place."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text, update
from typer.testing import CliRunner

from app.cli.smsgw import app
from app.db import partitions
from app.db.handovers import attempt
from app.db.inbound_keys import inbound_key
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.partitions import COLUMNS, Partition
from app.db.questions import question
from app.db.reports import delivery_report
from app.db.writing import insert_rows
from app.domain.ids import first_at
from app.domain.msisdn import bucket_of
from app.domain.policy import RetentionPeriods, Spans
from app.services.upkeep.partitions import PartitionCounts, keep_in_pieces, listed, make, ranges_to_make
from app.services.upkeep.pieces import drive
from app.services.upkeep.retention import purge
from tests.running import ALICE, SEAL_KEY, Running, running, settings_for

pytestmark = pytest.mark.anyio
SPANS, KEPT = Spans(timedelta(days=7), 2), RetentionPeriods()
# A Thursday, on which a span of seven days since 1970 begins.
THURSDAY = datetime(2026, 3, 5, tzinfo=UTC)
TABLES = (inbound_message, outbound_message, delivery_report, attempt, inbound_key)


def at(**later: float) -> int:
    return first_at(THURSDAY + timedelta(**later))


@pytest.fixture
async def gateway(unused_postgresql_url: str) -> AsyncIterator[Running]:
    """A gateway without customers, whose clock runs, as that of ids does."""
    async with running(settings_for(unused_postgresql_url)) as started:
        yield started


def part(since: int, until: int) -> Partition:
    return Partition(inbound_message.name, "x", since, until, None)


def test_ranges_follow_each_other_up_to_the_time_ahead() -> None:
    now = THURSDAY + timedelta(days=3)
    first, second, third = (at(days=0), at(days=7)), (at(days=7), at(days=14)), (at(days=14), at(days=21))
    assert ranges_to_make([], None, now, SPANS) == [first, second, third]
    assert ranges_to_make([part(*first)], None, now, SPANS) == [second, third]
    assert ranges_to_make([part(*third)], None, now, SPANS) == []
    assert ranges_to_make([], at(days=1), now, SPANS) == [second, third], "rows of this week are in the default"
    shorter = Spans(timedelta(days=1), 2)
    made = ranges_to_make([part(*first)], None, now + timedelta(days=4), shorter)
    assert made == [(at(days=day), at(days=day + 1)) for day in (7, 8, 9)], "another length goes on where that ended"
    long_off = ranges_to_make([part(*first)], None, now + timedelta(days=70), SPANS)
    assert long_off[0] == (at(days=70), at(days=77))


async def rows_in(gateway: Running, name: str) -> int:
    count = lambda connection: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: E731, S608
    return int(await gateway.gateway.storage.database.read(count))


async def test_messages_lie_in_the_partition_of_their_time(gateway: Running) -> None:
    database = gateway.gateway.storage.database
    assert {one.name for one in listed(database)} == {f"{table}_default" for table in COLUMNS}
    assert make(database, SPANS) == 3
    assert make(database, SPANS) == 0
    assert len(listed(database)) == 4 * len(COLUMNS)
    await gateway.say("0000")
    this_week = {one.table: one.name for one in reversed(listed(database)) if one.since <= first_at(datetime.now(UTC))}
    for table in (inbound_message, outbound_message):
        assert await rows_in(gateway, this_week[table.name]) == await gateway.count(table) > 0
        assert await rows_in(gateway, f"{table.name}_default") == 0


async def test_rows_without_a_partition_are_in_the_default_and_stay(gateway: Running) -> None:
    await gateway.say("0000")
    database = gateway.gateway.storage.database
    assert make(database, SPANS) == 2, "not that of this week"
    assert await rows_in(gateway, "inbound_message_default") == 1
    await gateway.say("0000")
    assert await rows_in(gateway, "inbound_message_default") == 2


class Old:
    """A gateway's messages with partitions around them that are long past."""

    def __init__(self, gateway: Running) -> None:
        self.gateway = gateway
        self.database = gateway.gateway.storage.database
        self.since = first_at(datetime.now(UTC) - timedelta(days=300)) & ~0xFFFFF
        self.until = first_at(datetime.now(UTC) - timedelta(days=293))

    async def fill(self) -> None:
        assert await self.database.write(lambda connection: partitions.make(connection, self.since, self.until))
        assert make(self.database, SPANS) == 3
        await self.database.write(self._insert)

    def _insert(self, connection: Connection) -> None:
        made_at = datetime.now(UTC) - timedelta(days=299)
        key = {"bucket": bucket_of(ALICE), "msisdn": ALICE, "id": str(self.since + 1)}
        of_message = {"bucket": key["bucket"], "msisdn": ALICE, "message_id": key["id"], "number": 1}
        mo = {"provider": "generic", "part": 0, "provider_message_id": "m"}
        insert_rows(connection, inbound_key, [{**key, **mo}])
        stamps = {"sent_at": made_at, "stored_at": made_at, "due_at": made_at}
        said = {"dialled": "10086", "text": "0000", "status": "handled", "tries": 0}
        insert_rows(connection, inbound_message, [{**key, **mo, **stamps, **said}])
        mt = {
            "tenure": 1, "service_number": "10086", "text": "x", "class": "reply", "encoding": "ucs2", "segments": 1,
            "provider": "generic", "made_at": made_at, "valid_until": made_at, "status": "delivered", "attempts": 1,
            "question_id": str(self.since),
        }  # fmt: skip
        insert_rows(connection, outbound_message, [{**key, **mt}])
        insert_rows(connection, attempt, [{**of_message, "at": made_at, "result": "refused"}])
        report = {
            "bucket": key["bucket"], "id": key["id"], "message_id": key["id"], "part": 0, "provider": "generic",
            "provider_message_id": "t", "status": "delivered", "stored_at": made_at, "parked": False,
        }  # fmt: skip
        insert_rows(connection, delivery_report, [report])

    async def change(self, work: Callable[[Connection], Any]) -> None:
        await self.database.write(work)

    def run(self) -> PartitionCounts:
        return drive(keep_in_pieces(SPANS, KEPT), self.database.write_now)

    async def counts(self) -> list[int]:
        return [await self.gateway.count(table) for table in TABLES]


async def test_a_partition_that_is_past_is_dropped_with_what_belongs_to_its_messages(gateway: Running) -> None:
    old = Old(gateway)
    await old.fill()
    assert await old.counts() == [1, 1, 1, 1, 1]
    assert old.run() == PartitionCounts(0, len(COLUMNS), 0)
    assert await old.counts() == [0, 0, 0, 0, 0]
    assert old.run() == PartitionCounts(0, 0, 0)


async def test_a_partition_stays_for_a_dead_letter_and_for_a_question_that_lives(gateway: Running) -> None:
    old = Old(gateway)
    await old.fill()
    later = datetime.now(UTC) + timedelta(days=10)
    asked = {
        "bucket": bucket_of(ALICE), "msisdn": ALICE, "id": str(old.since), "tenure": 1, "kind": "k", "state": "",
        "extension": "", "asked_at": datetime.now(UTC) - timedelta(days=299), "expires_at": later,
    }  # fmt: skip
    await old.change(lambda connection: insert_rows(connection, question, [asked]))
    await old.change(lambda connection: connection.execute(update(inbound_message).values(status="dead")))
    assert old.run() == PartitionCounts(0, 1, 4), "the reports alone"
    assert await old.counts() == [1, 1, 0, 1, 1]
    await old.change(
        lambda connection: connection.execute(update(question).values(expires_at=later.replace(year=2020)))
    )
    # Around what stays, and where the partition is past, rows are purged one by one.
    purge(old.database, KEPT, gateway.gateway.storage.owner.heads)
    assert await old.counts() == [1, 0, 0, 0, 1]
    assert old.run() == PartitionCounts(0, 3, 1)


async def test_a_partition_in_use_is_dropped_the_next_time(gateway: Running) -> None:
    old = Old(gateway)
    await old.fill()
    with old.database.engine.connect() as reader:
        reader.execute(text("SELECT 1 FROM delivery_report")).all()
        assert old.run() == PartitionCounts(0, len(COLUMNS) - 1, 1)
        reader.rollback()
    assert old.run() == PartitionCounts(0, 1, 0)


async def test_rows_of_a_partition_that_is_not_past_are_left_to_be_dropped_with_it(gateway: Running) -> None:
    old = Old(gateway)
    await old.fill()
    kept = RetentionPeriods(messages=timedelta(days=296))
    assert drive(keep_in_pieces(SPANS, kept), old.database.write_now).dropped == 1, "the reports"
    assert purge(old.database, kept, gateway.gateway.storage.owner.heads).messages == 0


def test_the_command_lists_and_makes(
    empty_postgresql_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("SMSGW_ENV", "dev")
    monkeypatch.setenv("SMSGW_SEAL_KEY", SEAL_KEY)
    monkeypatch.setenv("SMSGW_DATABASE_URL", empty_postgresql_url)
    run = CliRunner().invoke
    assert run(app, ["migrate"]).exit_code == 0
    shown = run(app, ["partitions", "--make"])
    assert (shown.exit_code, "Made the partitions of 0 spans" in shown.stdout) == (0, True), "migrate has made them"
    assert [shown.stdout.count(state) for state in ("now", "ahead ", "default")] == [5, 10, 5]
    monkeypatch.setenv("SMSGW_DATABASE_URL", f"sqlite:///{tmp_path}/gateway.db")
    run(app, ["migrate"])
    assert "no partitions" in run(app, ["partitions"]).stdout
