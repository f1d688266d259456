"""Statements for many rows behave the same on both databases."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.exc import IntegrityError

from app.db import inbox, timers
from app.db.catalogue import service
from app.db.inbox import StoreResult
from app.db.provider_state import provider_lane
from app.db.session import Database, normalise_url
from app.db.writing import insert_new_rows, insert_rows, update_rows, upsert_rows
from app.domain.messages import OutboundStatus

# Of PostgreSQL by SQLAlchemy, of SQLite by its driver.
NOT_UNIQUE = (IntegrityError, sqlite3.IntegrityError)
_timer = timers.timer
NOON = datetime(2026, 3, 2, 4, 0, 0, 123456, tzinfo=UTC)
KEY = ("bucket", "msisdn", "tenure", "kind", "subject")
NASTY = ("'; DROP TABLE timer; --", '\\u0000 \\" {"a": 1}', "😀、，；\n\t", "", "%(rows)s :rows ? $1", "x" * 20_000)


@pytest.fixture
def database(unused_database_url: str) -> Iterator[Database]:
    opened = Database(normalise_url(unused_database_url))
    yield opened
    opened.close()


def timer(subject: str = "a", data: str = "", due_at: datetime = NOON) -> dict[str, object]:
    return {
        "bucket": 1,
        "msisdn": "+8613800138000",
        "tenure": 1,
        "kind": "end",
        "subject": subject,
        "due_at": due_at,
        "data": data,
    }


def stored(connection: Connection) -> list[RowMapping]:
    return list(connection.execute(select(_timer).order_by(_timer.c.subject)).mappings())


def test_what_is_inserted_is_read_as_it_was(database: Database) -> None:
    def work(connection: Connection) -> None:
        rows = [timer(f"s{place}", text) for place, text in enumerate(NASTY)]
        insert_rows(connection, _timer, rows)
        assert stored(connection) == rows

    database.write_now(work)


def test_a_second_row_of_the_same_key_is_an_error(database: Database) -> None:
    with pytest.raises(NOT_UNIQUE):
        database.write_now(lambda connection: insert_rows(connection, _timer, [timer(), timer()]))


def test_new_rows_are_counted_and_existing_ones_left_alone(database: Database) -> None:
    def work(connection: Connection) -> None:
        assert insert_new_rows(connection, _timer, [timer("a", "first"), timer("b")]) == 2
        assert insert_new_rows(connection, _timer, [timer("a", "second"), timer("c"), timer("c", "again")]) == 1
        assert insert_new_rows(connection, _timer, [timer("a")]) == 0
        assert [(row["subject"], row["data"]) for row in stored(connection)] == [("a", "first"), ("b", ""), ("c", "")]

    database.write_now(work)


def test_a_row_with_an_existing_key_is_replaced(database: Database) -> None:
    def work(connection: Connection) -> None:
        upsert_rows(connection, _timer, [timer("a", "first"), timer("b", "first")], KEY)
        upsert_rows(connection, _timer, [timer("a", "second"), timer("c", "second")], KEY)
        assert [row["data"] for row in stored(connection)] == ["second", "first", "second"]

    database.write_now(work)


def test_only_the_given_columns_of_the_given_rows_are_set(database: Database) -> None:
    def work(connection: Connection) -> None:
        insert_rows(connection, _timer, [timer("a"), timer("b"), timer("c")])
        late = NOON.replace(hour=5)
        changed = [{key: timer(subject)[key] for key in KEY} | {"due_at": late} for subject in ("a", "c", "none")]
        update_rows(connection, _timer, changed, KEY)
        assert [row["due_at"] for row in stored(connection)] == [late, NOON, late]
        assert {row["data"] for row in stored(connection)} == {""}

    database.write_now(work)


def test_enums_booleans_and_nulls_are_what_they_were(database: Database) -> None:
    row = {
        "service_code": "CL", "name": "彩铃", "sp_code": "CMCC", "billing": OutboundStatus.UNKNOWN, "price_fen": 2**40,
        "cancel_effect": "immediate", "cancellable_by_sms": True, "cancel_how": None, "cancel_warning": None,
        "order_keyword": None, "on_offer": False, "trial_days": 0, "visible": True, "sms_closed_after": None,
        "past_prices": None,
    }  # fmt: skip

    def work(connection: Connection) -> None:
        insert_rows(connection, service, [row])
        [found] = connection.execute(select(service)).mappings()
        assert dict(found) == {**row, "billing": "unknown"}
        assert (found["cancellable_by_sms"], found["on_offer"]) == (True, False)

    database.write_now(work)


def test_rows_of_a_single_column_are_rows_too(database: Database) -> None:
    lane = provider_lane

    def work(connection: Connection) -> None:
        assert insert_new_rows(connection, lane, [{"provider": "one"}, {"provider": "two"}]) == 2
        assert connection.execute(select(lane.c.provider).order_by(lane.c.provider)).scalars().all() == ["one", "two"]

    database.write_now(work)


def test_without_rows_nothing_is_executed(database: Database) -> None:
    def work(connection: Connection) -> None:
        insert_rows(connection, _timer, [])
        upsert_rows(connection, _timer, [], KEY)
        update_rows(connection, _timer, [], KEY)
        assert insert_new_rows(connection, _timer, []) == 0

    database.write_now(work)


def test_work_that_raises_leaves_nothing(database: Database) -> None:
    def work(connection: Connection) -> None:
        insert_rows(connection, _timer, [timer()])
        raise LookupError

    with pytest.raises(LookupError):
        database.write_now(work)
    assert database.write_now(stored) == []


def message(place: int, theirs: str) -> dict[str, object]:
    return {
        "bucket": 1, "msisdn": "+8613800138000", "id": f"18585137184768000{place:02}", "provider": "generic",
        "provider_message_id": theirs, "dialled": "10086", "text": "0000", "sealed": None, "received_at": None,
        "sent_at": NOON, "stored_at": NOON, "status": "pending", "due_at": NOON, "tries": 0, "part": 0,
        "parts": None, "concat_ref": None,
    }  # fmt: skip


def test_the_inbox_recognises_repeats_also_within_one_list(database: Database) -> None:
    rows = [message(1, "a"), message(2, "b"), message(3, "a")]

    def work(connection: Connection) -> None:
        a, b = str(rows[0]["id"]), str(rows[1]["id"])
        assert inbox.store(connection, rows) == [
            StoreResult(a, is_new=True),
            StoreResult(b, is_new=True),
            StoreResult(a, is_new=False),
        ]
        again = [message(4, "b"), message(5, "c"), {**message(6, "a"), "text": "1"}]
        assert inbox.store(connection, [{**message(7, "a"), "dialled": "1"}]) == [
            StoreResult(a, is_new=False, differs=True)
        ]
        assert inbox.store(connection, again) == [
            StoreResult(b, is_new=False), StoreResult(str(again[1]["id"]), is_new=True), StoreResult(a, is_new=False, differs=True),
        ]  # fmt: skip

    database.write_now(work)


@pytest.mark.anyio
async def test_concurrent_pieces_of_work_fail_alone(database: Database) -> None:
    def good(connection: Connection) -> str:
        insert_rows(connection, _timer, [timer("good")])
        return "done"

    def bad(connection: Connection) -> str:
        insert_rows(connection, _timer, [timer("bad")])
        insert_rows(connection, _timer, [timer("bad")])
        return "never"

    results = await asyncio.gather(database.write(good), database.write(bad), return_exceptions=True)
    assert results[0] == "done"
    assert isinstance(results[1], NOT_UNIQUE)
    assert [row["subject"] for row in await database.read(stored)] == ["good"]
