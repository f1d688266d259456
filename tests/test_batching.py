"""Many messages at once end in few commits."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from app import batching
from app.batching import Batcher
from app.commands.accounts.directory import SetSubscriber
from app.db.outbound_messages import outbound_message
from app.db.subscribers import subscriber
from app.services import membership, worker_number
from tests.running import Running
from tests.statements import listening

pytestmark = pytest.mark.anyio
NUMBERS = [f"+86138002{number:05}" for number in range(500)]


@pytest.fixture(autouse=True)
def no_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a process says of itself out of what is counted."""
    monkeypatch.setattr(membership, "BEAT", timedelta(hours=1))
    monkeypatch.setattr(membership, "DUTY_LEASE", timedelta(hours=2))
    monkeypatch.setattr(worker_number, "RENEWED_EVERY", timedelta(hours=1))


class Count:
    """How often something happened."""

    commits = 0
    statements = 0


@contextmanager
def counted(engine: Engine) -> Iterator[Count]:
    """Count the statements while the block runs, and the commits of those that wrote."""
    count = Count()
    wrote: set[int] = set()

    def committed(*_: object) -> None:
        if threading.get_ident() in wrote:
            wrote.remove(threading.get_ident())
            count.commits += 1

    def executed(statement: str, _parameters: object) -> None:
        if not statement.startswith("SELECT"):
            wrote.add(threading.get_ident())
        count.statements += 1

    event.listen(engine, "commit", committed)
    try:
        with listening(executed, engine):
            yield count
    finally:
        event.remove(engine, "commit", committed)


async def test_five_hundred_single_messages_at_once_are_stored_in_few_commits(gateway: Running) -> None:
    messages = [gateway.message("0000", sender=number) for number in NUMBERS]
    async with gateway.gateway.engine.paused():
        with counted(gateway.gateway.storage.database.engine) as count:
            stored = await asyncio.gather(*map(gateway.store, messages))

    assert all(item.new for [item] in stored)
    assert count.commits <= 3
    assert count.statements <= 10 * count.commits


async def test_an_array_of_five_hundred_is_stored_in_one_commit(gateway: Running) -> None:
    async with gateway.gateway.engine.paused():
        with counted(gateway.gateway.storage.database.engine) as count:
            await gateway.store(*(gateway.message("0000", sender=number) for number in NUMBERS))

    assert count.commits == 1


async def test_a_set_of_five_hundred_calls_is_carried_out_in_one_commit(gateway: Running) -> None:
    change = SetSubscriber(who="test", given=frozenset({"points"}), create=True, points=1)
    async with gateway.gateway.engine.paused():
        with counted(gateway.gateway.storage.database.engine) as count:
            await gateway.gateway.turning.turns.carry_out_all([(number, change) for number in NUMBERS])

    assert count.commits == 1
    assert count.statements <= 40


async def test_what_is_still_arriving_joins_the_batch() -> None:
    batches: list[list[int]] = []

    async def run(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        return items

    batcher = Batcher(run, most=50)
    waiting = []
    for number in range(30):  # a pass of the event loop between them, as with requests that are read one by one
        waiting.append(batcher.submit(number))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert batches == [list(range(30))]

    assert await batcher.submit(30) == 30
    assert batches[1:] == [[30]]


async def test_a_batch_has_room_for_so_many_only_and_waits_so_long_only(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []

    async def run(items: Sequence[int]) -> Sequence[int]:
        batches.append(len(items))
        return items

    batcher = Batcher(run, most=10)
    await asyncio.gather(*(batcher.submit(number) for number in range(25)))
    assert batches == [10, 10, 5]

    monkeypatch.setattr(batching, "_LONGEST_GATHERING_SECONDS", 0.0)
    hasty = Batcher(run, most=10)
    waiting = []
    for number in range(3):
        waiting.append(hasty.submit(number))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert sum(batches[3:]) == 3
    assert len(batches[3:]) > 1


async def test_a_batch_has_room_for_so_much_only() -> None:
    batches: list[list[int]] = []

    async def run(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        return items

    batcher = Batcher(run, most=10, size=lambda item: item)
    await asyncio.gather(*(batcher.submit(item) for item in (4, 6, 3, 8, 25, 1)))
    assert batches == [[4, 6], [3], [8], [25], [1]]


async def test_five_hundred_dialogues_take_few_commits_from_intake_to_delivery_report(gateway: Running) -> None:
    await gateway.subscribers(NUMBERS)
    with counted(gateway.gateway.storage.database.engine) as count:
        await asyncio.gather(*(gateway.store(gateway.message("0000", sender=number)) for number in NUMBERS))
        await gateway.drain()

    mt = outbound_message.c
    assert await gateway.count(outbound_message, mt.status == "delivered") == 500
    # Intake, three batches of turns, claims, handovers, records and reports, and steps that look in vain.
    assert count.commits <= 60
    assert count.statements <= 1500


async def test_management_calls_at_once_share_commits(gateway: Running) -> None:
    with counted(gateway.gateway.storage.database.engine) as count:
        await asyncio.gather(*map(gateway.subscriber, NUMBERS))

    assert await gateway.count(subscriber) == 502
    assert count.commits <= 25


async def test_one_message_alone_takes_a_handful_of_commits(gateway: Running) -> None:
    with counted(gateway.gateway.storage.database.engine) as count:
        await gateway.store(gateway.message("0000"))
        await gateway.drain()

    assert len(await gateway.received()) == 2
    # Most of them are looks of the loops, one after the other, which find nothing.
    assert count.commits <= 30


async def test_what_comes_while_a_batch_waits_for_its_turn_joins_it() -> None:
    batches: list[list[int]] = []

    async def run(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        return items

    turn = asyncio.Lock()
    batcher = Batcher(run, most=50, turn=turn)
    async with turn:
        waiting = [batcher.submit(1)]
        for _ in range(20):
            await asyncio.sleep(0)
        waiting.append(batcher.submit(2))
    await asyncio.gather(*waiting)
    assert batches == [[1, 2]]
