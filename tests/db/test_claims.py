"""Claims change rows that still are as they were found, and say which; on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import ColumnElement, Connection

from app.db import timers
from app.db.claims import claim_rows, deletion, remove_rows
from app.db.keys import TENURE
from app.db.rows import as_keys, one_of
from app.db.session import Database, normalise_url
from app.db.writing import Given, insert_rows
from tests.db.test_rows import KEY, stored, timer

_timer = timers.timer


@pytest.fixture
def database(unused_database_url: str) -> Iterator[Database]:
    opened = Database(normalise_url(unused_database_url))
    opened.write_now(lambda connection: insert_rows(connection, _timer, [timer("a"), timer("b"), timer("c")]))
    yield opened
    opened.close()


def is_free(_given: Given) -> ColumnElement[bool]:
    return one_of(_timer.c.data, "")


def claim(connection: Connection, *subjects: str) -> list[str]:
    keys = claim_rows(connection, _timer, [timer(subject, "mine") for subject in subjects], (*KEY, "due_at"), is_free)
    return sorted(key[4] for key in keys)


def test_what_was_changed_is_returned_and_nothing_else(database: Database) -> None:
    assert database.write_now(lambda connection: claim(connection, "b", "a", "missing")) == ["a", "b"]
    assert database.write_now(lambda connection: claim(connection, "a", "b", "c")) == ["c"]
    assert database.write_now(claim) == []


def test_what_was_removed_is_returned_and_nothing_else(database: Database) -> None:
    def remove(connection: Connection, *subjects: str) -> list[str]:
        rows = [{name: timer(subject)[name] for name in KEY} for subject in subjects]
        return sorted(key[4] for key in remove_rows(connection, _timer, rows, KEY, is_free))

    database.write_now(lambda connection: claim(connection, "c"))
    assert database.write_now(lambda connection: remove(connection, "b", "a", "missing", "c")) == ["a", "b"]
    assert [row["subject"] for row in database.write_now(stored)] == ["c"]
    assert database.write_now(remove) == []


def test_all_rows_of_some_keys_are_deleted(database: Database) -> None:
    def delete(connection: Connection) -> None:
        connection.execute(
            deletion(connection.dialect.name, _timer, TENURE), as_keys([(1, "+8613800138000", 1), (2, "", 1)])
        )

    database.write_now(lambda connection: insert_rows(connection, _timer, [{**timer("d"), "tenure": 2}]))
    database.write_now(delete)
    assert [row["subject"] for row in database.write_now(stored)] == ["d"]


def test_of_two_who_claim_the_same_rows_at_once_each_row_is_one_s(unused_postgresql_url: str) -> None:
    database = Database(normalise_url(unused_postgresql_url))
    database.write_now(lambda connection: insert_rows(connection, _timer, [timer("a"), timer("b"), timer("c")]))
    claimed, may_commit = Event(), Event()

    def first(connection: Connection) -> list[str]:
        found = claim(connection, "b", "a")
        claimed.set()
        may_commit.wait(20)
        return found

    def second(connection: Connection) -> list[str]:
        claimed.wait(20)
        may_commit.set()  # this claim waits for the other one's commit
        return claim(connection, "a", "b", "c")

    try:
        with ThreadPoolExecutor(2) as threads:
            found = [one.result() for one in [threads.submit(database.write_now, work) for work in (first, second)]]
        assert found == [["a", "b"], ["c"]]
    finally:
        database.close()
