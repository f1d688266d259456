"""Messages of one subscriber are handled in the order in which they were stored (delivery.md 3, 9)."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection

from app.db import conversations, waiting
from app.db.events import event
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.simulator import simulator_message
from app.domain.ids import first_at
from app.domain.msisdn import bucket_of
from app.settings import Settings
from tests.running import ALICE, START, Running, running, settings_for

pytestmark = pytest.mark.anyio
NUMBERS = [f"+86138001{number:05}" for number in range(50)]


async def test_fifty_threads_of_twenty_messages_each_are_answered_in_order(gateway: Running) -> None:
    await gateway.subscribers(NUMBERS)
    # 7 of the 20 are not understood; after 5 of those in a row the gateway is silent (flows.md 3.5).
    dialogue = ["0000" if number % 3 else f"QXW{number}" for number in range(20)]

    async def handset(number: str) -> None:
        for text in dialogue:
            await gateway.store(gateway.message(text, sender=number))

    await asyncio.gather(*map(handset, NUMBERS))
    await gateway.drain()

    for number in NUMBERS:
        thread = await gateway.thread(number)
        sent = {message.id: place for place, message in enumerate(m for m in thread if m.direction == "mo")}
        answered = [
            sent[message.in_reply_to] for message in thread if message.direction == "mt" and message.in_reply_to
        ]
        assert answered == sorted(answered)
        assert set(answered) >= {place for place, text in enumerate(dialogue) if text == "0000"}


async def test_two_gateways_on_one_database_answer_two_thousand_messages_once_and_in_order(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(settings))
        second = await stack.enter_async_context(running(settings))
        gateways = (first, second)
        await first.subscribers(NUMBERS)

        async def handset(number: str, seed: int) -> None:
            choose = random.Random(seed)
            for place in range(40):
                # The rate limit counts by when messages were sent: spread over ten minutes.
                at = START - timedelta(minutes=10) + timedelta(seconds=15 * place)
                message = first.message(
                    "0000" if place % 2 else "1", sender=number, message_id=f"{number}-{place}", received_at=at
                )
                await choose.choice(gateways).store(message)

        await asyncio.gather(*(handset(number, seed) for seed, number in enumerate(NUMBERS)))
        await second.drain()
        await first.drain()

        assert await first.count(inbound_message, inbound_message.c.status == "handled") == 2000
        for number in NUMBERS:
            thread = await first.thread(number)
            stored = [m.id for m in thread if m.direction == "mo"]
            answered = [m.in_reply_to for m in thread if m.direction == "mt"]
            assert answered == [id_ for id_ in stored if id_ in set(answered)], "not in the order of storing"
            assert len(answered) == len(set(answered))
            listings = {
                id_
                for id_, m in zip(stored, (m for m in thread if m.direction == "mo"), strict=True)
                if m.text == "0000"
            }
            assert listings <= set(answered)


async def test_a_machine_clock_that_was_set_back_does_not_change_the_order(settings: Settings) -> None:
    async with running(settings) as before:
        await before.store(before.message("0000"))
        await before.drain()
        ahead = id_at(datetime.now(UTC) + timedelta(days=3))
        table = inbound_message
        await before.gateway.storage.database.write(
            lambda connection: connection.execute(table.update().values(id=ahead))
        )
    async with running(settings) as after:
        [stored] = await after.store(after.message("帮助"))
        await after.drain()
        [menu] = await after.rows(outbound_message, outbound_message.c.in_reply_to == stored.id)

    assert stored.id > ahead
    assert menu["id"] > stored.id


async def test_a_thread_stays_in_order_when_the_machine_clock_was_set_back(settings: Settings) -> None:
    """The place in a thread follows the newest stored one, and is greater than the id of any message."""
    async with running(settings) as before:
        await before.say("0000")
        table = simulator_message
        newest = (await before.rows(table))[-1]
        ahead = id_at(datetime.now(UTC) + timedelta(days=3))
        await before.gateway.storage.database.write(
            lambda connection: connection.execute(table.update().where(table.c.seq == newest["seq"]).values(seq=ahead))
        )
    async with running(settings) as after:
        await after.say("帮助")

        assert "您可发送以下指令" in (await after.thread())[-1].text


async def test_ids_follow_the_turns_though_the_clock_of_one_process_runs_ahead(postgresql_url: str) -> None:
    """What a later turn of a number makes sorts after all that an earlier one made, whichever process ran it."""
    settings = settings_for(postgresql_url)
    async with running(settings) as ahead, running(settings) as other:
        turns: list[set[str]] = []
        seen: set[str] = set()
        for text, one, resting in (
            ("0000", ahead, other),
            ("1", other, ahead),
            ("0000", ahead, other),
            ("帮助", other, ahead),
            ("0000", other, ahead),
        ):
            async with resting.gateway.engine.paused():
                ids = ahead.gateway.storage.ids
                ids.start_after(id_at(datetime.now(UTC) + timedelta(milliseconds=400)))
                await one.say(text)
                made = {row["id"] for table in (outbound_message, event) for row in await one.rows(table)} - seen
                [row] = await one.rows(conversations.conversation, conversations.conversation.c.msisdn == ALICE)
            seen |= made
            turns.append(made)
            assert row["version"] > max(made)

    assert all(turns)
    assert all(max(earlier) < min(later) for earlier, later in pairwise(turns))


async def test_a_reply_sorts_after_the_message_that_it_answers_whoever_stored_it(postgresql_url: str) -> None:
    settings = settings_for(postgresql_url)
    async with running(settings) as ahead, running(settings) as other:
        ahead.gateway.storage.ids.start_after(id_at(datetime.now(UTC) + timedelta(seconds=5)))
        async with ahead.gateway.engine.paused():
            [stored] = await ahead.store(ahead.message("帮助"))
            await other.drain()
            [menu] = await other.rows(outbound_message, outbound_message.c.in_reply_to == stored.id)

    assert menu["id"] > stored.id


def id_at(moment: datetime) -> str:
    """Return an id of that moment."""
    return str(first_at(moment))


@contextmanager
def _alice_locked(gateway: Running) -> Iterator[None]:
    """Lock the conversation of ALICE, as another worker does that handles her messages."""
    row = conversations.conversation
    with gateway.gateway.storage.database.engine.begin() as connection:
        of_alice = (row.c.bucket == bucket_of(ALICE), row.c.msisdn == ALICE)
        connection.execute(row.select().where(*of_alice).with_for_update())
        yield


async def test_subscribers_do_not_wait_for_one_whose_row_is_locked(postgresql_url: str) -> None:
    async with running(settings_for(postgresql_url)) as gateway:
        await gateway.store(gateway.message("0000"))
        await gateway.drain()
        with _alice_locked(gateway):
            await gateway.store(gateway.message("帮助"), gateway.message("0000", sender=NUMBERS[0]))
            await gateway.gateway.engine.settle()
            assert len(await gateway.received(NUMBERS[0])) == 1
            assert len(await gateway.received()) == 2
        await gateway.drain()

        assert len(await gateway.received()) == 3


async def test_subscribers_do_not_wait_for_a_locked_one_with_more_messages_than_a_batch_takes(
    postgresql_url: str,
) -> None:
    async with running(settings_for(postgresql_url)) as gateway:
        await gateway.store(gateway.message("0000"))
        await gateway.drain()
        with _alice_locked(gateway):
            await gateway.store(*(gateway.message("帮助") for _ in range(1100)))
            await gateway.store(*(gateway.message("0000", sender=number) for number in NUMBERS[:4]))
            await gateway.gateway.engine.settle()
            assert [len(await gateway.received(number)) for number in NUMBERS[:4]] == [1] * 4
            assert len(await gateway.received()) == 2


async def test_with_a_message_all_earlier_ones_of_its_number_are_read(gateway: Running) -> None:
    """The earlier ones may have been passed over, if the number was let go while others were looked for."""
    await gateway.gateway.engine.stop()
    stored = await gateway.store(*(gateway.message(text) for text in ("帮助", "YE", "0000")))
    number = (bucket_of(ALICE), ALICE)

    def read(connection: Connection) -> list[str]:
        return [message.id for message in waiting.pending_of(connection, [number], START, stored[1].id)]

    assert await gateway.gateway.storage.database.write(read) == [stored[0].id, stored[1].id]


async def test_a_message_is_not_overtaken_though_the_clock_was_set_back_after_it_was_stored(gateway: Running) -> None:
    async with gateway.gateway.engine.paused():
        [first] = await gateway.store(gateway.message("0000"))
        later = {"stored_at": START + timedelta(seconds=20), "due_at": START + timedelta(seconds=20)}
        await gateway.gateway.storage.database.write(
            lambda connection: connection.execute(inbound_message.update().values(later))
        )
        [second] = await gateway.store(gateway.message("帮助"))
    await gateway.drain()
    answered = [message.in_reply_to for message in await gateway.received()]
    assert list(dict.fromkeys(answered)) == [first.id, second.id]
