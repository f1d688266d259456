"""A drain and an advance that wait for events: each is posted at its time, and again (testkit 6)."""

from datetime import timedelta

import pytest

from app.db.events import event
from tests.running import ALICE, BOB, START, Running
from tests.services.events.receivers import DOWN, YES, receiving
from tests.services.events.test_outgoing_events import add_events, set_address

pytestmark = pytest.mark.anyio


async def drained(gateway: Running, seconds: float = 60) -> bool:
    return await gateway.gateway.simulator.simulation.drain(seconds, events=True)


async def test_a_drain_with_events_ends_when_every_due_one_was_tried(gateway: Running) -> None:
    async with receiving() as receiver:
        await set_address(gateway, "XINHUA", receiver.url)
        await add_events(gateway, 1, 2, msisdn=ALICE)
        await add_events(gateway, 3, msisdn=BOB)
        assert await drained(gateway)
        assert sorted(map(str, receiver.numbers_received())) == ["1", "2", "3"]
        assert {row["status"] for row in await gateway.rows(event)} == {"acknowledged"}

        receiver.answer = lambda _event: DOWN
        await add_events(gateway, 4, 5, msisdn=ALICE)
        assert await drained(gateway)
        assert receiver.numbers_received()[3:] == [4], "5 waits behind it"


async def test_a_drain_with_events_waits_for_an_answer_as_long_as_it_may(gateway: Running) -> None:
    async with receiving() as receiver:
        await set_address(gateway, "XINHUA", receiver.url)
        receiver.gate.clear()
        await add_events(gateway, 1)
        assert await gateway.gateway.simulator.simulation.drain(60)
        assert not await drained(gateway, 0.2)
        assert await gateway.gateway.simulator.simulation.waiting() == {"events": 1}
        receiver.gate.set()
        assert await drained(gateway)
        assert await gateway.gateway.simulator.simulation.waiting() == {}


async def test_an_advance_with_events_steps_through_their_repetitions(gateway: Running) -> None:
    simulation = gateway.gateway.simulator.simulation
    async with receiving() as receiver:
        await set_address(gateway, "XINHUA", receiver.url)
        receiver.answer = lambda _event: DOWN if len(receiver.events) < 6 else YES
        await add_events(gateway, 1)
        await simulation.advance(seconds=86400, events=True)
        assert receiver.numbers_received() == [1] * 6
        [posted] = await gateway.rows(event, event.c.status == "acknowledged")
        assert posted["attempts"] == 6
        assert START < posted["acknowledged_at"] < START + timedelta(days=1)


async def test_an_event_of_the_way_is_posted_before_time_goes_on(gateway: Running) -> None:
    """What ends with the month is told with the clock at that time."""
    simulation = gateway.gateway.simulator.simulation
    async with receiving() as receiver:
        for code in ("XINHUA", "MOJI"):
            await set_address(gateway, code, receiver.url)
        await gateway.say("0000")
        await gateway.say("2", "10086977")
        assert await drained(gateway)
        receiver.events.clear()
        await simulation.advance(seconds=40 * 86400, events=True)
        rows = await gateway.rows(event, event.c.made_at > START)
        assert rows
        assert [row["status"] for row in rows] == ["acknowledged"] * len(rows)
        assert [row["acknowledged_at"] for row in rows] == [row["made_at"] for row in rows]
        assert len(receiver.events) == len(rows)
