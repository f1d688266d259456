"""A copy of an SQLite database is of one moment, however much is written while it is made."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.db import copies
from app.db.copies import UnsoundError, check, copy

ROWS = 2000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a database.db"  # with a blank, which a URI does not have
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE item (number INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO item VALUES (?, ?)", [(number, "x" * 500) for number in range(ROWS)])
        connection.commit()
    return path


def numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM item ORDER BY number")]


def test_commits_between_its_groups_of_pages_neither_begin_it_anew_nor_get_into_it(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_PAGES", 10)
    seen: list[tuple[int, int]] = []
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:

        def write(done: int, of: int) -> None:
            seen.append((done, of))
            writer.execute("UPDATE item SET text = 'changed' WHERE number = 0")
            writer.execute("INSERT INTO item (text) VALUES ('new')")

        copy(source, tmp_path / "copy.db", write)
    assert len(seen) > 10
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1]
    assert numbers(tmp_path / "copy.db") == list(range(ROWS))
    assert len(numbers(source)) == ROWS + len(seen)
    check(tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy.db-*"))


def test_what_is_no_database_is_named_and_what_is_damaged_is_found(source: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("no database\n" * 1000)
    with pytest.raises(UnsoundError, match="not a database"):
        copy(letter, tmp_path / "copy.db", lambda *_: None)
    copy(source, tmp_path / "damaged.db", lambda *_: None)
    with (tmp_path / "damaged.db").open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096)
    with pytest.raises(UnsoundError):
        check(tmp_path / "damaged.db")
