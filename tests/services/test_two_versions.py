"""An older and a newer program side by side on one database, as in a rolling upgrade (ADR 30)."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection, text

from app import composition
from app.commands.collecting import load
from app.commands.registry import Registry
from app.commands.subscriptions.listing import ChoosingServices
from app.composition import build_gateway
from app.db.inbox import inbound_message
from app.db.state import set_state
from app.db.subscriptions import subscription
from app.domain.msisdn import bucket_of
from app.domain.storage import StorageUnavailableError
from app.services.startup import StartError
from app.settings import Settings
from tests.running import ALICE, Running, running, settings_for
from tests.services.trouble import SECRET_TEXT, add_trouble

pytestmark = pytest.mark.anyio
NEWER = "99.0.0"
BUCKET = bucket_of(ALICE)
_HELD = (subscription.c.msisdn == ALICE) & (subscription.c.state == "active")


def expand(connection: Connection, *, oldest_program: str | None = None) -> None:
    """Do what a revision of a newer program does: add a column that may be NULL."""
    connection.execute(text("ALTER TABLE subscriber ADD COLUMN star_sign TEXT"))
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    if oldest_program is not None:
        set_state(connection, oldest_program=oldest_program)


def older(aliases: dict[str, str]) -> Registry:
    """Return the commands of a program that does not know the listing of `0000` yet."""
    registry = load(aliases)
    registry.questions = {kind: one for kind, one in registry.questions.items() if kind is not ChoosingServices}
    return registry


@asynccontextmanager
async def two_versions(settings: Settings) -> AsyncIterator[tuple[Running, Running]]:
    """Run an older and a newer program, which know of each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composition, "load", older)
        old = build_gateway(settings)
    new = build_gateway(settings)
    new.storage.membership.version = NEWER
    async with old.running(), new.running():
        await old.storage.membership.beat()
        yield Running(old), Running(new)


async def look(process: Running) -> None:
    """Have a process handle what is due, whoever's share it is."""
    await process.gateway.storage.database.write(process.gateway.turning.turns.handle_waiting)


async def beat(*processes: Running) -> None:
    for one in processes:
        await one.gateway.storage.membership.beat()


async def test_an_older_program_starts_beside_a_newer_schema_that_allows_it(
    postgresql_url: str, log: io.StringIO
) -> None:
    async with running(settings_for(postgresql_url)) as first:
        await first.gateway.storage.database.write(expand)
        async with running(settings_for(postgresql_url)) as again:
            assert "compatible" in log.getvalue()
            await again.subscriber("+8613800200777")
            await first.drain()
            assert len(await again.say("0000")) > 0


async def test_an_older_program_does_not_start_beside_a_newer_schema_that_needs_a_newer_one(
    postgresql_url: str,
) -> None:
    async with running(settings_for(postgresql_url)) as first:
        await first.gateway.storage.database.write(lambda connection: expand(connection, oldest_program="9998"))
    with pytest.raises(StartError, match="install that one"):
        async with running(settings_for(postgresql_url)):
            pass


async def test_an_account_that_only_the_newer_program_can_read_goes_to_it(postgresql_url: str) -> None:
    async with two_versions(settings_for(postgresql_url)) as (old, new):
        await new.gateway.storage.database.write(expand)
        async with old.gateway.engine.paused():
            await new.say("0000")
            held = await new.rows(subscription, _HELD)
            async with new.gateway.engine.paused():
                [stored] = await new.store(new.message("1", to="10086977"))
                await look(old)
                with pytest.raises(StorageUnavailableError):
                    await old.subscriber(ALICE)

                [row] = await new.rows(inbound_message, inbound_message.c.id == stored.id)
                assert (row["status"], row["tries"]) == ("pending", 0)
                await beat(old, new)
                [theirs, ours] = [one.gateway.storage.membership.share() or () for one in (old, new)]
                assert BUCKET not in theirs
                assert BUCKET in ours
        await new.drain()

        [row] = await new.rows(inbound_message, inbound_message.c.id == stored.id)
        assert (row["status"], row["tries"]) == ("handled", 0)
        assert len(await new.rows(subscription, _HELD)) == len(held) - 1


async def test_what_fails_in_the_older_program_is_tried_by_the_newer_one_before_it_counts(postgresql_url: str) -> None:
    async with two_versions(settings_for(postgresql_url)) as (old, new):
        add_trouble(old.gateway.turning.registry)
        async with new.gateway.engine.paused(), old.gateway.engine.paused():
            [stored] = await old.store(old.message(SECRET_TEXT))
            for _ in range(4):
                await look(old)
            [row] = await new.rows(inbound_message, inbound_message.c.id == stored.id)
            assert (row["status"], row["tries"]) == ("pending", 0)
        await beat(old, new)
        await new.drain()

        [row] = await new.rows(inbound_message, inbound_message.c.id == stored.id)
        assert (row["status"], row["tries"]) == ("handled", 0)


async def test_when_the_newer_program_is_gone_the_older_one_does_what_it_can(postgresql_url: str) -> None:
    async with two_versions(settings_for(postgresql_url)) as (old, new):
        assert old.gateway.storage.membership.hand_back(BUCKET)
        assert not new.gateway.storage.membership.hand_back(BUCKET)
        await beat(old, new)
        await new.gateway.storage.membership._leave()
        async with new.gateway.engine.paused():
            await beat(old)
            await beat(old)
            assert old.gateway.storage.membership.share() is None
            assert not old.gateway.storage.membership.hand_back(BUCKET)
