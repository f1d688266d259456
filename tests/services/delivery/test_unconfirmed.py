"""MOs without an id of the carrier: a repeat in a later session is recognised, an honest second one is not (5.6)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db.binds import Slot
from app.db.duties import duty
from app.db.inbox import inbound_message
from app.db.unconfirmed import inbound_unconfirmed
from app.domain.messages import InboundMessage, InboundResult, Seen
from app.domain.parts import PartOf
from app.domain.values import replace
from tests.outage import away
from tests.running import ALICE, BOB, Running, running
from tests.services.carriers import NAME, use
from tests.services.delivery.test_binds import FakeSession, session_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url, FakeSession)) as started:
        await session_of(started).all_up.wait()
        await started.gateway.binds.tick()
        yield started


def mo(slot: int, epoch: int, sequence: int, text: str = "1", sender: str = ALICE) -> InboundMessage:
    """Return an MO as an adapter makes it of a PDU."""
    seen = Seen(slot, epoch, sequence, f"{sender}>10086 {text}".encode())
    return InboundMessage(f"{slot}.{epoch}.{sequence}", sender, "10086", text, seen=seen)


async def given(gateway: Running, *found: InboundMessage) -> list[InboundResult]:
    return list(await gateway.gateway.turning.inboxes[NAME].messages(found))


async def confirm(gateway: Running, slot: int, epoch: int, sequence: int) -> None:
    gateway.gateway.turning.inboxes[NAME].confirm(slot, epoch, sequence)
    await gateway.gateway.carriers.slots.look(may_take=False)


async def waiting(gateway: Running) -> list[tuple[int, int, int]]:
    return [(row["slot"], row["epoch"], row["sequence"]) for row in await gateway.rows(inbound_unconfirmed)]


async def test_on_one_session_two_equal_pdus_are_two_messages(gateway: Running) -> None:
    first, second = await given(gateway, mo(0, 1, 1), mo(0, 1, 2))
    [third] = await given(gateway, mo(0, 1, 3))
    assert [one.new for one in (first, second, third)] == [True] * 3
    assert len({first.id, second.id, third.id}) == 3


async def test_an_equal_one_on_a_later_session_uses_up_one_that_was_not_confirmed(gateway: Running) -> None:
    first, second = await given(gateway, mo(0, 1, 1), mo(0, 1, 2))
    again = await given(gateway, mo(0, 2, 1), mo(0, 2, 2), mo(0, 2, 3))
    assert [(one.id, one.new) for one in again[:2]] == [(first.id, False), (second.id, False)]
    assert again[2].new
    assert await gateway.count(inbound_message) == 3
    assert (await given(gateway, mo(0, 2, 4, "2"), mo(0, 2, 5, sender=BOB)))[0].new


async def test_a_repeat_is_remembered_until_the_carrier_has_its_answer(gateway: Running) -> None:
    [first] = await given(gateway, mo(0, 1, 1))
    for epoch in (2, 3):
        assert [(one.id, one.new) for one in await given(gateway, mo(0, epoch, 7))] == [(first.id, False)]
    await confirm(gateway, 0, 3, 7)
    assert (await given(gateway, mo(0, 4, 1)))[0].new


async def test_what_was_confirmed_is_no_repeat_later(gateway: Running) -> None:
    await given(gateway, mo(0, 1, 1), mo(0, 1, 2, "2"))
    await confirm(gateway, 0, 1, 1)
    assert await waiting(gateway) == [(0, 1, 2)]
    assert [one.new for one in await given(gateway, mo(0, 2, 1), mo(0, 2, 2, "2"))] == [True, False]


async def test_a_session_of_another_bind_that_lives_is_not_asked(gateway: Running) -> None:
    await given(gateway, mo(0, 1, 1))
    assert (await given(gateway, mo(1, 5, 1)))[0].new, "both sessions live: the customer sent it twice"
    await gateway.gateway.storage.database.write(
        lambda connection: connection.execute(
            update(duty).where(duty.c.name == Slot(NAME, 0).duty).values(state="down")
        )
    )
    assert not (await given(gateway, mo(1, 5, 2)))[0].new
    assert (await given(gateway, mo(1, 5, 3)))[0].new


async def test_a_pdu_that_is_given_again_is_a_repeat_of_itself(gateway: Running) -> None:
    [first] = await given(gateway, mo(0, 1, 1))
    assert [(one.id, one.new) for one in await given(gateway, mo(0, 1, 1))] == [(first.id, False)]
    assert [(one.id, one.new) for one in await given(gateway, mo(0, 2, 1))] == [(first.id, False)]
    assert [(one.id, one.new) for one in await given(gateway, mo(0, 2, 1))] == [(first.id, False)]


async def test_after_ten_minutes_nothing_is_remembered(gateway: Running) -> None:
    await given(gateway, mo(0, 1, 1), mo(0, 2, 1, "2"))
    database = gateway.gateway.storage.database

    async def make_older(minutes: float) -> None:
        earlier = {"live_at": database.clock() - timedelta(minutes=minutes)}
        await database.write(lambda connection: connection.execute(update(inbound_unconfirmed).values(earlier)))

    await make_older(9.9)
    assert not (await given(gateway, mo(0, 3, 1)))[0].new
    await make_older(10.1)
    assert (await given(gateway, mo(0, 3, 2, "2")))[0].new
    await make_older(10.1)
    # Those of the living session are not older than the look that saw it.
    await gateway.gateway.carriers.slots.look(may_take=False)
    assert {epoch for _, epoch, _ in await waiting(gateway)} == {3}


async def test_one_that_comes_again_after_a_kill_has_one_effect(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = use(monkeypatch, database_url, FakeSession)
    async with running(settings) as killed:
        await session_of(killed).all_up.wait()
        await killed.gateway.binds.tick()
        [first] = await given(killed, mo(0, 1, 1, "帮助"))
        await killed.drain()
        assert len(session_of(killed).asked) == 1
        rows = await killed.rows(duty, duty.c.state.is_not(None))
    async with running(settings) as started:
        # As the killed process left them: it gave nothing back.
        as_left = {"state": "up", "epoch": rows[0]["epoch"], "owner": rows[0]["owner"]}
        assert as_left["epoch"] == 1
        slots = started.gateway.carriers.slots
        await started.gateway.binds.stop()
        await started.gateway.storage.database.write(
            lambda connection: connection.execute(update(duty).where(duty.c.name == Slot(NAME, 0).duty).values(as_left))
        )
        slots.held.clear()
        assert [(one.id, one.new) for one in await given(started, mo(0, 2, 1, "帮助"))] == [(first.id, False)]
        await started.drain()
        assert await started.count(inbound_message) == 1
        assert session_of(started).asked == []
        assert (await given(started, mo(0, 2, 2, "帮助")))[0].new, "the same session, whoever has the bind"


async def test_what_could_not_be_stored_uses_nothing_up(gateway: Running) -> None:
    [first] = await given(gateway, mo(0, 1, 1))
    with away(gateway.gateway.storage.database):
        results = await asyncio.gather(
            *(given(gateway, mo(0, 2, one, "1" * 3000)) for one in range(2, 100)), return_exceptions=True
        )
        assert any(isinstance(one, Exception) for one in results)
    assert [(one.id, one.new) for one in await given(gateway, mo(0, 2, 1))] == [(first.id, False)]


async def test_parts_without_ids_are_recognised_too(gateway: Running) -> None:
    parts = [replace(mo(0, 1, number, f"part {number}"), part=PartOf("7", number, 2)) for number in (1, 2)]
    stored = await given(gateway, *parts)
    again = [replace(mo(0, 2, number, f"part {number}"), part=PartOf("7", number, 2)) for number in (1, 2)]
    assert [(one.id, one.new) for one in await given(gateway, *again)] == [(one.id, False) for one in stored]


async def test_no_octets_are_stored(gateway: Running) -> None:
    await given(gateway, mo(0, 1, 1, "CZMM 123456"))
    [row] = await gateway.rows(inbound_unconfirmed)
    assert "123456" not in str(dict(row))
    assert len(row["fingerprint"]) == 64
