"""An upgrade by the commands of docs/operating.md, and the way back: the program of before works on the schema of after."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from app.cli.smsgw import app
from app.db import migrations, revisions
from app.db.session import Database, normalise_url
from app.db.state import set_state
from app.services.startup import StartError
from tests.running import SEAL_KEY

BEFORE = "0004"
# As the program of before stores a token and reads tokens.
STORE = "INSERT INTO api_token (name, token_hash, scopes, created_at) VALUES ('{name}', '{name}', 'care', 7)"
READ = "SELECT name, token_hash, scopes, created_at, revoked_at FROM api_token ORDER BY name"


@pytest.fixture
def run(empty_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    own = {"SMSGW_ENV": "dev", "SMSGW_DATABASE_URL": empty_database_url, "SMSGW_SEAL_KEY": SEAL_KEY, "COLUMNS": "200"}
    return lambda *words: CliRunner().invoke(app, list(words), env=own)


def in_database(url: str, *work: Callable[[Connection], object]) -> list[object]:
    database = Database(normalise_url(url))
    try:
        return [database.write_now(one) for one in work]
    finally:
        database.close()


def sql(statement: str) -> Callable[[Connection], object]:
    def execute(connection: Connection) -> object:
        done = connection.exec_driver_sql(statement)
        return [tuple(row) for row in done] if done.returns_rows else done.rowcount

    return execute


def test_an_upgrade_and_its_way_back(
    run: Callable[..., Result], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("migrate").exit_code == 0
    in_database(
        empty_database_url,
        lambda connection: set_state(connection, oldest_program=BEFORE),
        lambda connection: migrations.downgrade(connection, BEFORE),
        sql(STORE.format(name="before")),
    )

    checked = run("migrate", "--check")
    assert checked.exit_code == 1
    assert f"The schema is {BEFORE}" in checked.stdout
    refused = run("token", "list").exception
    assert isinstance(refused, StartError)
    assert "run `smsgw migrate`" in str(refused)
    assert run("migrate").exit_code == 0
    assert run("migrate", "--check").exit_code == 0
    assert "before" in run("token", "list").stdout
    assert run("token", "create", "after", "--scope", "read", "--expires", "90d").exit_code == 0
    assert run("token", "rotate", "before").exit_code == 0

    known = revisions.known_revisions()
    with monkeypatch.context() as patch:
        patch.setattr(revisions, "known_revisions", lambda: known[: known.index(BEFORE) + 1])
        back = run("migrate", "--check")
        assert back.exit_code == 0
        assert "compatible with it" in back.stdout
        [_, rows] = in_database(empty_database_url, sql(STORE.format(name="back")), sql(READ))
        assert isinstance(rows, list)
        assert [row[0] for row in rows] == ["after", "back", "before"]
    assert run("migrate", "--check").exit_code == 0
    assert "back" in run("token", "list").stdout
