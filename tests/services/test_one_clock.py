"""Processes whose machines have other clocks work as one, because they all go by the database's (ADR 27)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from app.db import events, session, workers
from app.db.clock import Clock, machine_micros
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.pages import Part
from app.services.delivery.claims import LEASE
from app.services.membership import GONE
from tests.running import Running, running, settings_for

pytestmark = pytest.mark.anyio
NUMBERS = [f"+86138002{number:05}" for number in range(10)]
AHEAD = (timedelta(), timedelta(milliseconds=400), timedelta(seconds=61))


@asynccontextmanager
async def three(url: str) -> AsyncIterator[list[Running]]:
    """Run three gateways, with machines whose clocks are right, 400 ms ahead and 61 s ahead."""
    async with AsyncExitStack() as stack:
        found = []
        for ahead in AHEAD:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(session, "Clock", partial(Clock, partial(_micros, ahead)))
                found.append(await stack.enter_async_context(running(settings_for(url))))
        yield found


async def test_messages_of_a_number_are_handled_in_the_order_of_posting(postgresql_url: str) -> None:
    async with three(postgresql_url) as gateways:
        await gateways[0].subscribers(NUMBERS)

        async def handset(number: str) -> None:
            choose = random.Random(number)
            for place in range(20):
                message = gateways[0].message(
                    "0000" if place % 3 else f"QXW{place}", sender=number, message_id=f"{number}-{place:02}"
                )
                await choose.choice(gateways).store(message)

        await asyncio.gather(*map(handset, NUMBERS))
        for one in gateways:
            await one.drain()
        stored = await gateways[0].rows(inbound_message)
        sent = await gateways[0].rows(outbound_message)

    for number in NUMBERS:
        mine = sorted((row for row in stored if row["msisdn"] == number), key=lambda row: row["id"])
        assert [row["provider_message_id"] for row in mine] == sorted(row["provider_message_id"] for row in mine)
        places = {row["id"]: place for place, row in enumerate(mine)}
        answered = [
            places[row["in_reply_to"]]
            for row in sorted(sent, key=lambda row: row["id"])
            if row["msisdn"] == number and row["in_reply_to"] in places
        ]
        assert answered == sorted(answered)
        assert len(answered) == len(set(answered)), "answered twice"


async def test_nobody_ends_a_lease_that_lives(postgresql_url: str) -> None:
    async with three(postgresql_url) as gateways:
        for one in gateways:
            await one.gateway.storage.membership.beat()
        assert [one.gateway.storage.membership.workers for one in gateways] == [3, 3, 3]
        numbers = [one.gateway.storage.worker.number for one in gateways]
        assert len(set(numbers)) == len(gateways)

        right = gateways[0]
        await right.faults("error", count=1)
        await right.say("帮助")
        await right.lease_all(right.gateway.storage.database.clock() + LEASE / 2, by="elsewhere:1")
        before = await right.rows(outbox)
        for one in gateways:
            await one.gateway.carriers.recovery.end_leases()
        assert before
        assert await right.rows(outbox) == before


async def test_a_process_that_was_just_seen_counts_as_alive_everywhere(postgresql_url: str) -> None:
    def alive(connection: Connection, running: Running) -> int:
        return len(workers.alive(connection, running.gateway.storage.database.clock() - GONE))

    async with three(postgresql_url) as gateways:
        for one in gateways:
            assert await one.gateway.storage.database.read(partial(alive, running=one)) == 3


async def test_an_event_that_was_just_written_is_on_the_page(postgresql_url: str) -> None:
    """And no page is ahead of the server: ids are of its time, whichever process made them."""

    def newest(connection: Connection) -> list[str]:
        found = events.page(connection, Part(1_000), receiver=None, status=None, former=True)
        return [event.id for event in found]

    async with three(postgresql_url) as gateways:
        for one in gateways:
            await one.say("QXCL")
            await one.say("0000")
            [*_, last] = await one.rows(events.event)
            await asyncio.sleep(0.01)
            for other in gateways:
                assert last["id"] in await other.gateway.storage.database.read(newest)


def _micros(ahead: timedelta) -> int:
    return machine_micros() + ahead // timedelta(microseconds=1)
