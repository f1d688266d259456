"""Ids are integers in the database, however a row is written, and strings of digits in the program."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Column, Connection, func, literal, select, update

from app.db import message_parts, schema
from app.db.conversations import conversation
from app.db.keys import ITEM
from app.db.message_parts import MessagePart
from app.db.outbound_messages import outbound_message
from app.db.rows import Row, as_keys, fetch, given_keys, matching
from app.db.session import Database, normalise_url
from app.db.types import Id
from app.db.writing import insert_rows, update_rows, upsert_rows
from app.domain.ids import is_id
from app.domain.messages import MessageClass, OutboundStatus, Seen
from app.domain.values import replace
from app.services.management.access import Look
from app.services.management.campaigns import NewCampaign
from tests.running import ALICE, START, Running, running, settings_for
from tests.statements import listening

ONE, OTHER, THIRD = "1858513718476800000", "1858513718486237184", "1858513718529228800"
ID_COLUMNS = [column for table in schema.metadata.sorted_tables for column in table.c if isinstance(column.type, Id)]


@pytest.fixture
def database(unused_database_url: str) -> Iterator[Database]:
    opened = Database(normalise_url(unused_database_url))
    yield opened
    opened.close()


def number(version: str | None, msisdn: str = ALICE) -> dict[str, object]:
    return {"bucket": 1, "msisdn": msisdn, "tenure": 0, "version": version}


def versions(connection: Connection) -> list[object]:
    """Return what is stored: the integers, and the driver's word for their type."""
    kind = func.typeof(conversation.c.version) if connection.dialect.name == "sqlite" else literal(None)
    found = connection.execute(select(conversation.c.version, kind).order_by(conversation.c.msisdn)).all()
    assert {row[1] for row in found if row[0] is not None} <= {"integer", None}
    return [row[0] for row in found]


def test_every_way_to_write_stores_integers(database: Database) -> None:
    def work(connection: Connection) -> None:
        insert_rows(connection, conversation, [number(ONE), number(None, "+8613900139000")])
        assert versions(connection) == [ONE, None]
        upsert_rows(connection, conversation, [number(OTHER)], ("bucket", "msisdn"))
        assert versions(connection) == [OTHER, None]
        update_rows(connection, conversation, [number(THIRD)], ("bucket", "msisdn"))
        assert versions(connection) == [THIRD, None]
        connection.execute(update(conversation).values(version=ONE))
        assert versions(connection) == [ONE, ONE]

    database.write_now(work)


def test_statements_of_few_columns_return_strings(database: Database) -> None:
    def work(connection: Connection) -> None:
        insert_rows(connection, conversation, [number(ONE), number(None, "+8613900139000")])
        few = select(conversation.c.msisdn, conversation.c.version, conversation.c.bucket).order_by("msisdn")
        assert [tuple(row) for row in fetch(connection, few, {})] == [(ALICE, ONE, 1), ("+8613900139000", None, 1)]
        changed = update(conversation).values(version=OTHER).returning(conversation.c.version)
        assert [tuple(row) for row in fetch(connection, changed, {})] == [(OTHER,), (OTHER,)]

    database.write_now(work)


def test_rows_are_found_by_the_digits_of_their_keys(database: Database) -> None:
    def part(message_id: str) -> list[Row]:
        return message_parts.rows_of(1, ALICE, message_id, "p", [MessagePart(1, message_id, OutboundStatus.ACCEPTED)])

    def work(connection: Connection) -> None:
        message_parts.save(connection, [*part(ONE), *part(OTHER)])
        message_parts.save(connection, part(ONE))
        found = message_parts.parts_of(connection, [(1, ONE), (1, THIRD)])
        assert {key: list(parts) for key, parts in found.items()} == {(1, ONE): [1], (1, THIRD): []}
        stored = select(message_parts.message_part.c.message_id)
        assert sorted(connection.execute(stored).scalars()) == [ONE, OTHER]

    database.write_now(work)


def test_sqlite_looks_rows_up_by_their_ids_in_the_index(sqlite_url: str) -> None:
    """A text that had to be converted row by row would be compared behind the index."""
    mt = outbound_message
    given = given_keys("sqlite", mt, ITEM)
    by_key = select(mt.c.text).join_from(mt, given, matching(mt, given, ITEM))
    row = {"bucket": 1, "msisdn": ALICE, "id": ONE, "status": "queued"}
    statements: dict[str, object] = {}
    database = Database(normalise_url(sqlite_url))
    try:
        with listening(statements.__setitem__, database.engine):
            database.write_now(lambda connection: fetch(connection, by_key, as_keys([(1, ALICE, ONE)])))
            database.write_now(lambda connection: update_rows(connection, mt, [row], ITEM))
        plans = [
            " ".join(step[3] for step in _plan(database, statement, parameters))
            for statement, parameters in statements.items()
            if "outbound_message" in statement
        ]
    finally:
        database.close()

    assert len(plans) == 2
    assert all("(bucket=? AND msisdn=? AND id=?)" in plan for plan in plans)


def _plan(database: Database, statement: str, parameters: object) -> Sequence[Sequence[str]]:
    return database.read_now(
        lambda connection: connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]  # as they were given
    )


@pytest.mark.anyio
async def test_every_id_of_a_day_is_an_integer(sqlite_url: str) -> None:
    async with running(settings_for(sqlite_url)) as gateway:
        await a_day(gateway)
        database = gateway.gateway.storage.database
        found = {f"{column.table.name}.{column.name}": database.read_now(_kinds(column)) for column in ID_COLUMNS}
        ids = [message.id for message in await gateway.thread()]

    # No carrier of the day reports on segments, no question is asked anew, and nothing is on its way in the end.
    assert found.pop("message_part.message_id") == found.pop("question.parent_id") == found.pop("outbox.id") == set()
    assert {name: kinds for name, kinds in found.items() if kinds != {"integer"}} == {}
    assert all(map(is_id, ids))


def _kinds(column: Column[str]) -> Callable[[Connection], set[str]]:
    kind = select(func.typeof(column)).where(column.is_not(None)).distinct()
    return lambda connection: set(connection.execute(kind).scalars())


async def a_day(gateway: Running) -> None:
    """Write to every table that has ids."""
    for text in ("0000", "1", "0000", "QX", "TS 乱扣费"):
        await gateway.say(text)
    await gateway.store(replace(gateway.message("YE"), seen=Seen(0, 1, 1, b"octets")))
    await gateway.drain()
    await gateway.faults("error", count=1)
    await gateway.say("帮助")
    management = gateway.gateway.management
    await management.campaigns.start(NewCampaign(MessageClass.CARE, "祝您节日快乐", "test", (ALICE,), None))
    await management.access.record(Look("test", frozenset(), "messages", "a reason"), [(ALICE, None)])
    held = next(code for code, state in (await gateway.states()).items() if state == "active" and code != "TQ")
    await management.terms_changes.announce(held, 600, None, START + timedelta(days=60), "test")
    await gateway.advance(hours=1)
