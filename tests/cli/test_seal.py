"""``smsgw seal rotate``: a new key takes over everything from the one before, which can be removed then."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Connection, select, update
from typer.testing import CliRunner, Result

from app.cli import keeping
from app.cli.smsgw import app
from app.db.catalogue import service_provider
from app.db.inbox import inbound_message
from app.db.session import Database, normalise_url
from app.domain.catalogue import ServiceProvider
from app.services.management.idempotency import KeyedCall
from app.services.sealing import Sealer
from app.services.startup import StartError
from app.settings import Settings
from tests.running import ALICE, SEAL_KEY, running, settings_for

pytestmark = pytest.mark.anyio
NEW_KEY, WEBHOOK_SECRET, PASSWORD = Fernet.generate_key().decode(), "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "246813"


@pytest.fixture(autouse=True)
def _settings(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_DATABASE_URL", database_url)


def with_keys(url: str, *keys: str) -> Settings:
    return settings_for(url).model_copy(update={"seal_key": SecretStr(",".join(keys))})


def run(*words: str, keys: tuple[str, ...]) -> Result:
    return CliRunner().invoke(app, list(words), env={"SMSGW_SEAL_KEY": ",".join(keys), "COLUMNS": "200"})


def sealed(url: str) -> list[str]:
    """Return everything that is sealed in a database."""
    columns = (service_provider.c.sealed_webhook_secret, inbound_message.c.sealed)

    def found(connection: Connection) -> list[str]:
        return [one for column in columns for (one,) in connection.execute(select(column).where(column.is_not(None)))]

    database = Database(normalise_url(url))
    try:
        return database.read_now(found)
    finally:
        database.close()


async def fill(url: str) -> None:
    """Let something of each kind be sealed with the old key: a webhook secret, a text that waits, a call."""
    sp = ServiceProvider("SP1", "新华", "新华", "1", own=False, webhook_url="https://sp.example/hook")
    async with running(settings_for(url)) as gateway:
        await gateway.say("0000")
        await gateway.say("1")
        management = gateway.gateway.management
        await management.directory.put_service_provider(sp, WEBHOOK_SECRET)
        await management.idempotent_calls.begin(KeyedCall.of("demo", "once", b"a request"))
        await gateway.gateway.engine.stop()
        await gateway.store(gateway.message(f"XGMM#135790#{PASSWORD}#{PASSWORD}"))


async def test_a_replaced_key_is_needed_for_nothing_after_it(database_url: str) -> None:
    await fill(database_url)
    before = sealed(database_url)
    assert len(before) == 2
    both = (NEW_KEY, SEAL_KEY)
    rotated = run("seal", "rotate", keys=both)
    assert rotated.exit_code == 0, rotated.output
    assert "Sealed anew: 1 webhook secrets, 1 texts." in rotated.stdout
    assert "Only the first key" in rotated.stdout

    new = Sealer(NEW_KEY)
    assert [new.open(one) for one in sealed(database_url)] == [WEBHOOK_SECRET, f"XGMM#135790#{PASSWORD}#{PASSWORD}"]
    async with running(with_keys(database_url, *both)) as gateway:
        calls = gateway.gateway.management.idempotent_calls
        known = await calls.begin(KeyedCall.of("demo", "once", b"a request"))
        assert known is not None
        assert calls.is_same(known, KeyedCall.of("demo", "once", b"a request"))
        assert not calls.is_same(known, KeyedCall.of("demo", "once", b"another"))
    async with running(with_keys(database_url, NEW_KEY)) as gateway:
        await gateway.drain()
        assert "密码" in (await gateway.texts())[-1]
        assert await gateway.say("YE")
    assert "chains are whole" in run("evidence", "verify", keys=(NEW_KEY,)).stdout
    again = run("seal", "rotate", keys=(NEW_KEY,))
    assert "Signed anew: 0 chains. Sealed anew: 0 webhook secrets, 0 texts." in again.stdout


async def test_what_no_key_opens_is_left_and_named(database_url: str) -> None:
    await fill(database_url)
    unknown = Sealer(Fernet.generate_key().decode()).seal(WEBHOOK_SECRET)
    database = Database(normalise_url(database_url))
    database.write_now(
        lambda connection: connection.execute(update(service_provider).values(sealed_webhook_secret=unknown))
    )
    database.close()
    rotated = run("seal", "rotate", keys=(NEW_KEY, SEAL_KEY))
    assert rotated.exit_code == 1
    assert "PUT the service providers again" in rotated.stderr
    assert unknown in sealed(database_url)


async def test_the_old_key_counts_as_needed_until_all_is_done(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation that is cut off half-way, wherever that is, is run again; the old key cannot be left out meanwhile."""
    await fill(database_url)

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    for part in ("seal_anew", "sign_heads"):
        with monkeypatch.context() as patch:
            patch.setattr(keeping, part, cut_off)
            assert run("seal", "rotate", keys=(NEW_KEY, SEAL_KEY)).exit_code != 0
        assert isinstance(run("token", "list", keys=(NEW_KEY,)).exception, StartError)
    assert run("seal", "rotate", keys=(NEW_KEY, SEAL_KEY)).exit_code == 0
    assert run("token", "list", keys=(NEW_KEY,)).exit_code == 0


async def test_a_key_that_is_removed_too_early_stops_the_start(database_url: str) -> None:
    await fill(database_url)
    assert run("token", "list", keys=(NEW_KEY, SEAL_KEY)).exit_code == 0
    refused = run("token", "list", keys=(NEW_KEY,))
    assert isinstance(refused.exception, StartError)
    assert "add it there" in str(refused.exception)
    assert ALICE not in refused.output
