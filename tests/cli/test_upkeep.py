"""``smsgw evidence verify`` and ``smsgw purge``, on the database of a gateway that has stopped."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from app.cli import app, main
from app.db import tables
from app.db.session import Database, normalise_url
from tests.running import ALICE, running, settings_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The settings of the commands lead to the test's database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_DATABASE_URL", sqlite_url)


@pytest.fixture
async def stopped(settings: None, sqlite_url: str) -> AsyncIterator[Database]:
    """A gateway ran, and a customer stopped a service."""
    async with running(settings_for(sqlite_url)) as gateway:
        await gateway.say("0000")
        await gateway.say("1")
    database = Database(normalise_url(sqlite_url))
    yield database
    database.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


async def test_whole_chains_are_said_to_be_whole(stopped: Database) -> None:
    everything, hers = run("evidence", "verify"), run("evidence", "verify", ALICE)
    assert (everything.exit_code, hers.exit_code) == (0, 0)
    assert "chains are whole" in everything.stdout
    assert "The chain is whole." in hers.stdout


async def test_a_changed_record_is_found(stopped: Database) -> None:
    changed = update(tables.evidence).where(tables.evidence.c.msisdn == ALICE).values(payload="{}")
    stopped.write_now(lambda connection: connection.execute(changed))
    found = run("evidence", "verify")
    assert found.exit_code == 1
    assert f"{ALICE}, tenure 1: record 1 of" in found.stderr.replace("\n", " ")


async def test_what_is_no_number_is_refused(stopped: Database) -> None:
    assert run("evidence", "verify", "10086").exit_code == 2


async def test_purging_says_what_went(stopped: Database) -> None:
    gone = run("purge")
    assert gone.exit_code == 0, gone.output
    assert "Gone: 0 messages" in gone.stdout


@pytest.mark.parametrize("command", [["purge"], ["evidence", "verify"]])
def test_a_database_that_no_gateway_has_used_is_named(
    settings: None,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    unused_sqlite_url: str,
) -> None:
    monkeypatch.setenv("SMSGW_DATABASE_URL", unused_sqlite_url)
    monkeypatch.setattr("sys.argv", ["smsgw", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "No gateway has used this database yet" in capsys.readouterr().err.replace("\n", " ")
