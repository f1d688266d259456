"""``smsgw token``: make one that expires, give it a new secret, see which are in use."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.smsgw import app
from app.services.management.tokens import TokenError
from tests.running import SEAL_KEY


@pytest.fixture(autouse=True)
def _settings(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"ENV": "test", "DATABASE_URL": sqlite_url, "SEAL_KEY": SEAL_KEY}.items():
        monkeypatch.setenv(f"SMSGW_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["token", *words])


def test_a_token_gets_a_new_secret_and_the_list_says_until_when_each_is_valid() -> None:
    made = run("create", "desk", "--scope", "care", "--expires", "90d")
    assert made.exit_code == 0, made.output
    run("create", "crm", "--scope", "read")
    rotated = run("rotate", "desk", "--overlap", "12h")
    assert rotated.exit_code == 0, rotated.output
    assert len(rotated.stdout.splitlines()) == 1
    assert rotated.stdout != made.stdout
    assert "The old secret is valid until" in rotated.stderr
    listed = run("list").stdout
    [desk] = [line for line in listed.splitlines() if "desk" in line]
    [crm] = [line for line in listed.splitlines() if "crm" in line]
    assert "never" in desk
    assert "old secret:" in desk
    assert "for ever" in crm
    assert made.stdout.strip() not in listed
    run("revoke", "crm")
    assert "revoked 20" in run("list").stdout


@pytest.mark.parametrize("length", ["90", "0d", "4000d", "soon", "-1d"])
def test_a_length_has_a_unit_and_an_end(length: str) -> None:
    refused = run("create", "desk", "--scope", "care", f"--expires={length}")
    assert refused.exit_code == 2
    assert "such as 90d" in refused.output


def test_only_a_token_in_force_gets_a_new_secret() -> None:
    assert isinstance(run("rotate", "nosuch").exception, TokenError)
    run("create", "desk", "--scope", "care")
    run("revoke", "desk")
    assert isinstance(run("rotate", "desk").exception, TokenError)
