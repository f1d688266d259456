"""MOs without an id of the carrier: a repeat in a later session is recognised, an honest second one is not (5.6)."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Connection, update

from app.db import unconfirmed
from app.db.binds import Slot
from app.db.duties import duty
from app.db.inbox import inbound_message
from app.db.session import make_engine, normalise_url
from app.db.unconfirmed import Recognised, inbound_unconfirmed
from app.domain.messages import InboundMessage, InboundResult, Seen
from app.domain.parts import PartOf
from app.domain.storage import StorageUnavailableError, UndecidedError
from app.domain.values import replace
from app.providers.base import session_number
from app.services import intake
from tests.outage import away
from tests.providers.session.rig import until
from tests.running import ALICE, BOB, SEAL_KEY, Running, running
from tests.services.carriers import NAME, use
from tests.services.delivery.test_binds import FakeSession, session_of, when_known

pytestmark = pytest.mark.anyio


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url, FakeSession)) as started:
        await when_known(started)
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


async def test_a_repeat_is_recognised_after_the_seal_key_was_replaced(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = use(monkeypatch, database_url, FakeSession)
    async with running(settings) as gateway:
        await when_known(gateway)
        first, second = await given(gateway, mo(0, 1, 1), mo(0, 1, 2))
    keys = SecretStr(f"{Fernet.generate_key().decode()},{SEAL_KEY}")
    async with running(settings.model_copy(update={"seal_key": keys})) as gateway:
        await when_known(gateway)
        again = await given(gateway, mo(0, 2, 1), mo(0, 2, 2), mo(0, 2, 3))
        assert [(one.id, one.new) for one in again[:2]] == [(first.id, False), (second.id, False)]
        assert again[2].new
        [once_more] = await given(gateway, mo(0, 3, 1))
        assert (once_more.id, once_more.new) == (first.id, False)


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


async def change(gateway: Running, slot: int, **columns: object) -> None:
    """Change what is known of a bind."""
    await gateway.gateway.storage.database.write(
        lambda connection: connection.execute(update(duty).where(duty.c.name == Slot(NAME, slot).duty).values(columns))
    )


async def test_while_the_other_session_lives_nobody_knows_and_once_it_is_confirmed_it_is_no_repeat(
    gateway: Running,
) -> None:
    await given(gateway, mo(0, 1, 1))
    for _ in range(2):
        with pytest.raises(UndecidedError):
            await given(gateway, mo(1, 5, 1))
    assert await gateway.count(inbound_message) == 1
    assert (await given(gateway, mo(1, 5, 2, "2")))[0].new, "another text need not wait"
    await confirm(gateway, 0, 1, 1)
    assert (await given(gateway, mo(1, 5, 1)))[0].new, "the customer sent it twice"


async def test_once_the_other_session_is_over_it_is_a_repeat(gateway: Running) -> None:
    [first] = await given(gateway, mo(0, 1, 1))
    with pytest.raises(UndecidedError):
        await given(gateway, mo(1, 5, 1))
    await change(gateway, 0, state="down")
    assert [(one.id, one.new) for one in await given(gateway, mo(1, 5, 1))] == [(first.id, False)]
    assert (await given(gateway, mo(1, 5, 2)))[0].new


async def test_a_bind_that_is_made_again_does_not_revive_its_old_session(gateway: Running) -> None:
    [first] = await given(gateway, mo(0, session_number(), 1))
    binds, slot = gateway.gateway.binds, Slot(NAME, 0)
    ended = binds._running[slot].task
    ended.cancel()
    await asyncio.wait([ended])
    await binds.tick()
    await until(lambda: 0 in session_of(gateway).running)
    await when_known(gateway)
    [row] = await gateway.rows(duty, duty.c.name == slot.duty)
    assert (row["state"], row["epoch"]) == ("up", None)
    assert [(one.id, one.new) for one in await given(gateway, mo(1, session_number(), 1))] == [(first.id, False)]


async def test_what_an_old_session_brings_late_is_not_stored(gateway: Running) -> None:
    await given(gateway, mo(0, 7, 1))
    with pytest.raises(UndecidedError):
        await given(gateway, mo(0, 6, 1, "2"))
    await change(gateway, 0, owner="another process")
    with pytest.raises(UndecidedError):
        await given(gateway, mo(0, 7, 2, "2"))
    assert await gateway.count(inbound_message) == 1


async def test_what_takes_too_long_to_store_is_not_stored(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "ANSWER_WITHIN", -1.0)
    with pytest.raises(StorageUnavailableError):
        await given(gateway, mo(0, 1, 1))
    assert await gateway.count(inbound_message) == 0


def test_of_two_equal_ones_at_the_same_time_the_second_waits_for_the_first(postgresql_url: str) -> None:
    engine = make_engine(normalise_url(postgresql_url))
    is_recognised = threading.Event()

    def note(connection: Connection, slot: int) -> None:
        now = datetime.now(UTC)
        place: dict[str, object] = {
            "bucket": 1,
            "provider": NAME,
            "slot": slot,
            "epoch": 1,
            "sequence": 1,
            "fingerprint": "equal",
        }
        [what] = unconfirmed.recognise(connection, [place], "us", now)
        assert what == Recognised(None, 1)
        is_recognised.set()
        unconfirmed.remember(connection, [{**place, "id": "7", "number": what.number}], now)

    with engine.connect() as first, engine.connect() as second, ThreadPoolExecutor(1) as pool:
        note(first, 0)
        is_recognised.clear()
        waiting = pool.submit(note, second, 1)
        assert is_recognised.wait(10)
        first.commit()
        with pytest.raises(UndecidedError):
            waiting.result(10)
    engine.dispose()


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
        await when_known(killed)
        [first] = await given(killed, mo(0, 1, 1, "帮助"))
        await killed.drain()
        assert len(session_of(killed).asked) == 1
        rows = await killed.rows(duty, duty.c.state.is_not(None))
    async with running(settings) as started:
        await started.gateway.binds.stop()
        # As the killed process left it: it gave nothing back.
        renewed = started.gateway.storage.database.clock()
        as_left = {"state": "up", "epoch": rows[0]["epoch"], "owner": rows[0]["owner"]}
        assert as_left["epoch"] == 1
        await change(started, 0, **as_left, leased_until=renewed + timedelta(seconds=30))
        with pytest.raises(UndecidedError):
            await given(started, mo(1, 2, 1, "帮助"))
        await change(started, 0, leased_until=renewed + timedelta(seconds=19))
        assert [(one.id, one.new) for one in await given(started, mo(1, 2, 1, "帮助"))] == [(first.id, False)]
        await started.drain()
        assert await started.count(inbound_message) == 1
        assert session_of(started).asked == []
        assert (await given(started, mo(1, 2, 2, "帮助")))[0].new, "the same session"


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
