"""Messages that wait for other providers, and for providers that are gone: they go on by themselves."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from app.db import provider_state
from app.db.outbox import outbox
from app.db.provider_state import Circuit
from app.db.session import Database, normalise_url
from tests.providers import sink as sinks
from tests.providers.sink import sink
from tests.providers.test_outbound import ask, settings_of
from tests.running import ALICE, START, running, settings_for
from tests.services.test_engine import seconds_until

pytestmark = pytest.mark.anyio
_PAUSE = timedelta(minutes=55)


async def test_a_message_is_held_back_no_longer_than_the_earlier_one_is_valid(database_url: str) -> None:
    def pause(connection: Connection) -> None:
        provider_state.lock(connection, "carrier")
        provider_state.save(connection, "carrier", Circuit(paused_until=START + _PAUSE))

    def extend(connection: Connection) -> None:
        later = outbox.update().where(outbox.c.provider == "carrier2").values(valid_until=START + 2 * _PAUSE)
        connection.execute(later)

    async with sink() as one, sink() as two, running(settings_of(database_url, one, two)) as gateway:
        database = gateway.gateway.storage.database
        await database.write(pause)
        await ask(gateway, ALICE, text="帮助", provider="carrier")
        await gateway.drain()
        await ask(gateway, ALICE, text="QX", provider="carrier2")
        await gateway.drain()
        await database.write(extend)
        await gateway.advance(minutes=20)
        [behind] = [row for row in await gateway.outbound() if row["provider"] == "carrier2"]
        assert behind["handed_over_at"] == START + timedelta(minutes=10)


async def test_what_was_leased_for_a_provider_that_is_gone_ends_when_the_lease_does(database_url: str) -> None:
    async with sink() as carrier, running(settings_of(database_url, carrier)) as gateway:
        carrier.behaviour = lambda _reference, _time: sinks.ERROR
        await ask(gateway, ALICE)
        await gateway.drain()
    database = Database(normalise_url(database_url))
    # As kill -9 leaves it, a second before the lease lapses.
    lease = {"leased_by": "gone", "leased_until": datetime.now(UTC) + timedelta(seconds=1)}
    database.write_now(lambda connection: connection.execute(outbox.update().values(lease)))
    database.close()
    async with running(settings_for(database_url)) as gateway:

        async def has_ended() -> bool:
            return not await gateway.count(outbox)

        await seconds_until(has_ended)
        assert [row["status"] for row in await gateway.outbound()] == ["unknown"]
