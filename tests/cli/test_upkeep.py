"""``smsgw purge``, on the database of a gateway that has stopped."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.smsgw import app
from tests.running import SEAL_KEY, running, settings_for

pytestmark = pytest.mark.anyio


async def test_purging_says_what_went(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SMSGW_SEAL_KEY", SEAL_KEY)
    async with running(settings_for(sqlite_url)) as gateway:
        await gateway.say("0000")
        await gateway.say("1")
    gone = CliRunner().invoke(app, ["purge"])
    assert gone.exit_code == 0, gone.output
    assert "Gone: 0 messages" in gone.stdout
