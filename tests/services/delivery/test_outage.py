"""While the database is away no message is lost or doubled (delivery.md, faults)."""

import asyncio
from contextlib import suppress

import pytest

from app.db.inbox import inbound_message
from app.domain.storage import StorageUnavailableError
from tests.outage import away, hang_up
from tests.running import Running, Sent, running, settings_for

pytestmark = pytest.mark.anyio
NUMBERS = [f"+86138008{number:05}" for number in range(100)]


async def store_with_retries(gateway: Running, message: Sent) -> None:
    """Send a message again until it is stored, as a provider does."""
    for _ in range(200):
        try:
            await gateway.store(message)
        except StorageUnavailableError:
            await asyncio.sleep(0.01)
        else:
            return
    raise AssertionError("never taken")


async def test_connections_that_break_in_the_middle_of_a_burst_double_nothing(postgresql_url: str) -> None:
    async with running(settings_for(postgresql_url)) as gateway:
        await gateway.subscribers(NUMBERS)
        messages = [gateway.message(text, sender=number) for number in NUMBERS for text in ("0000", "帮助", "0000")]
        burst = asyncio.gather(*(store_with_retries(gateway, message) for message in messages))
        for _ in range(5):
            await asyncio.to_thread(hang_up, gateway.gateway.storage.database)
        await burst
        for _ in range(200):
            try:
                await gateway.drain()
            except StorageUnavailableError:
                continue
            break

        for number in NUMBERS:
            thread = await gateway.thread(number)
            asked = [m.id for m in thread if m.direction == "mo"]
            assert len(asked) == 3
            assert sorted(m.in_reply_to or "" for m in thread if m.direction == "mt") == sorted(asked)


async def test_no_message_is_accepted_while_the_database_is_away_and_all_are_afterwards(gateway: Running) -> None:
    numbers = NUMBERS[:20]
    await gateway.subscribers(numbers)
    messages = [gateway.message("0000" + "。" * 20_000, sender=number) for number in numbers]
    with away(gateway.gateway.storage.database):
        results = await asyncio.gather(*map(gateway.store, messages), return_exceptions=True)
        assert all(isinstance(result, StorageUnavailableError) for result in results)
    await asyncio.gather(*(store_with_retries(gateway, message) for message in messages))
    await gateway.drain()

    assert await gateway.count(inbound_message) == 20
    assert [len(await gateway.received(number)) for number in numbers] == [1] * 20


async def test_pending_messages_are_answered_when_the_database_is_back(gateway: Running) -> None:
    await gateway.subscribers(NUMBERS[:20])
    async with gateway.gateway.engine.paused():
        await gateway.store(*(gateway.message("0000", sender=number) for number in NUMBERS[:20]))
    with away(gateway.gateway.storage.database), suppress(StorageUnavailableError):
        await gateway.gateway.engine.settle()
    await gateway.drain()

    assert [len(await gateway.received(number)) for number in NUMBERS[:20]] == [1] * 20
