"""Work is done when it falls due, though no loop polls; where there is none, next to nothing runs."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import event

from app.commands.orders.calls import PlaceOrder
from app.composition import build_gateway
from app.db.due import Work
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.record_tables import RECORD_TABLES
from app.db.session import Database, normalise_url
from app.db.timers import timer
from app.domain.ids import WORKERS
from app.domain.messages import MessageClass
from app.domain.orders import Order
from app.domain.subscriptions import Channel
from app.services.engine import Engine
from app.services.intake import Source
from app.services.management.campaigns import NewCampaign
from app.services.simulator.network import PROVIDER
from app.settings import Environment, SettingsFile
from app.settings.file import Windows
from tests.running import ALICE, BOB, Running, running, settings_for
from tests.services.carriers import use
from tests.statements import listening

pytestmark = pytest.mark.anyio
_mt = outbound_message
_MORE_THAN_READERS = 8
# In seconds. What wakes no loop waits for ever; how soon things happen is for the benchmark to say.
_SOON = 8.0
# Longer than the time in which a running gateway looks at what others may have written.
_WHILE = 2.5


@pytest.fixture
async def gateway(unused_database_url: str) -> AsyncIterator[Running]:
    """A gateway with the demo customers, whose clock runs, and which has nothing to do."""
    file = SettingsFile(windows=Windows.model_validate({"confirmation": "2s"}))
    async with running(settings_for(unused_database_url, file=file)) as started:
        await started.load_customers()
        await started.drain()
        yield started


async def seconds_until(holds: Callable[[], Awaitable[object]]) -> float:
    """Return how long it took until something was true."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110  a row has no event
            await asyncio.sleep(0.01)
    return time.monotonic() - began


# ---- in time


async def test_a_timer_that_a_call_set_fires_in_time(gateway: Running) -> None:
    await gateway.gateway.turning.turns.carry_out(ALICE, PlaceOrder("api:sp", "YYH", Channel.WEB))
    due_at = min(row["due_at"] for row in await gateway.rows(timer))
    orders = RECORD_TABLES[Order].table
    await seconds_until(lambda: gateway.count(orders, orders.c.state == "expired"))
    assert 0 <= (datetime.now(UTC) - due_at).total_seconds() < _SOON


async def test_a_delayed_report_comes_in_time(gateway: Running) -> None:
    await gateway.reports("delivered", delay_seconds=1)
    await gateway.store(gateway.message("帮助"))
    await seconds_until(lambda: gateway.count(_mt, _mt.c.msisdn == ALICE, _mt.c.status == "accepted"))
    waited = await seconds_until(lambda: gateway.count(_mt, _mt.c.msisdn == ALICE, _mt.c.status == "delivered"))
    assert 0.5 < waited < 1 + _SOON


async def test_a_retry_is_made_in_time(gateway: Running) -> None:
    await gateway.faults("error", count=1)
    await gateway.store(gateway.message("帮助"))
    await seconds_until(lambda: gateway.count(outbox, outbox.c.attempts == 1, outbox.c.leased_by.is_(None)))
    [row] = await gateway.rows(outbox)
    await seconds_until(lambda: gateway.count(_mt, _mt.c.msisdn == ALICE, _mt.c.status == "delivered"))
    assert 0 <= (datetime.now(UTC) - row["due_at"]).total_seconds() < _SOON


async def test_a_campaign_begins_at_once(gateway: Running) -> None:
    for number in (ALICE, BOB):
        await gateway.gateway.management.campaigns.give_consent(number, "test", "web")
    await asyncio.sleep(0.1)
    wanted = NewCampaign(MessageClass.NOTICE, "停机维护通知。", "test", msisdns=(ALICE, BOB))
    started = await gateway.gateway.management.campaigns.start(wanted)

    async def is_done() -> bool:
        return (await gateway.gateway.management.campaigns.one(started)).done_at is not None

    assert await seconds_until(is_done) < _SOON


async def test_nothing_falls_due_while_the_clock_stands_still(gateway: Running) -> None:
    await gateway.gateway.turning.turns.carry_out(ALICE, PlaceOrder("api:sp", "YYH", Channel.WEB))
    await gateway.gateway.simulator.simulation.set_clock(datetime.now(UTC) + timedelta(seconds=1))
    timers = await gateway.count(timer)
    await asyncio.sleep(_WHILE)
    assert await gateway.count(timer) == timers
    await gateway.advance(seconds=10)
    assert await gateway.count(timer) == timers - 1


async def test_what_another_process_writes_is_found_within_a_second_or_so(
    gateway: Running, unused_database_url: str
) -> None:
    other = build_gateway(settings_for(unused_database_url))
    try:
        other.storage.ids.hold(WORKERS - 1, datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1))
        await asyncio.sleep(0.5)
        await other.turning.intake.store(Source(PROVIDER), [gateway.message("帮助")])
        inbound = inbound_message.c
        waited = await seconds_until(lambda: gateway.count(inbound_message, inbound.status == "handled"))
        assert waited < 1 + _SOON
    finally:
        other.storage.database.close()


async def test_after_readers_were_busy_it_looks_soon_again(gateway: Running) -> None:
    """A question that had to wait is no reason to ask no more for long."""
    database = gateway.gateway.storage.database
    busy = [asyncio.create_task(database.read(lambda _: time.sleep(1))) for _ in range(_MORE_THAN_READERS)]
    await asyncio.sleep(0.1)
    await gateway.store(gateway.message("帮助"))
    await asyncio.gather(*busy)
    await gateway.gateway.turning.turns.carry_out(ALICE, PlaceOrder("api:sp", "YYH", Channel.WEB))
    due_at = min(row["due_at"] for row in await gateway.rows(timer))
    orders = RECORD_TABLES[Order].table
    await seconds_until(lambda: gateway.count(orders, orders.c.state == "expired"))
    assert (datetime.now(UTC) - due_at).total_seconds() < _SOON


# ---- and no work in vain


def _engines(gateway: Running) -> list[SqlEngine]:
    database = gateway.gateway.storage.database
    return list(dict.fromkeys([database.engine, database._reading]))


async def test_an_idle_gateway_runs_no_statements_on_sqlite_and_a_read_a_second_on_postgresql(
    gateway: Running,
) -> None:
    await gateway.say("帮助")
    statements: list[str] = []

    async def is_idle() -> bool:
        statements.clear()
        await asyncio.sleep(_WHILE)
        if gateway.gateway.storage.database.is_sqlite:
            return not statements
        # A beat every two seconds says that the process is alive, and keeps its duties.
        beats = [one for one in statements if re.search(r"\b(?:UPDATE worker|INTO duty)\b", one)]
        reads = [one for one in statements if one not in beats]
        only_reads = all(statement.lstrip().startswith("SELECT") for statement in reads)
        return only_reads and len(reads) <= 5 * (_WHILE + 1) and len(beats) <= 6 * (_WHILE + 1)

    with listening(lambda sql, _: statements.append(sql), *_engines(gateway)):
        await seconds_until(is_idle)


async def test_a_process_that_handles_no_messages_asks_for_none(unused_database_url: str) -> None:
    database = Database(normalise_url(unused_database_url))
    engine = Engine(database)
    asked, transactions = asyncio.Event(), 0

    def is_ours() -> bool:
        asked.set()
        return False

    def count(_: object) -> None:
        nonlocal transactions
        transactions += 1

    loop = engine.add("turns", _nothing_to_do, work=(Work.TURNS, ""), is_ours=is_ours)
    event.listen(database._reading, "begin", count)
    engine.start()
    try:
        async with asyncio.timeout(20):
            for _ in range(2):  # the loop itself and the question look whether the work is this process's
                await asyncio.sleep(0.1)
                engine.ask_soon()
                asked.clear()
                await asked.wait()
    finally:
        await engine.stop()
        database.close()
    assert (loop.is_ours(), transactions) == (False, 0)


async def _nothing_to_do() -> bool:
    return False


async def test_a_message_alone_takes_three_commits(gateway: Running) -> None:
    """It is stored, handled, and sent; the simulated network takes it and reports on it in the commit that sends it."""
    await gateway.say("帮助")
    await asyncio.sleep(_WHILE)
    database = gateway.gateway.storage.database
    before, commits = database.changes, 0

    def count(_: object) -> None:
        nonlocal commits
        commits += 1

    written: set[str] = set()
    event.listen(database.engine, "commit", count)
    with listening(lambda sql, _: written.add(sql.split()[0]), database.engine):
        await gateway.store(gateway.message("帮助", sender=BOB))
        await seconds_until(lambda: gateway.count(_mt, _mt.c.msisdn == BOB, _mt.c.status == "delivered"))
        await asyncio.sleep(0.2)
    event.remove(database.engine, "commit", count)
    assert database.changes - before == 3
    if database.is_sqlite:  # its reads have an engine of their own
        assert commits == 3


async def test_no_loop_looks_for_simulated_reports_where_no_network_is_simulated(
    unused_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = settings_for(unused_sqlite_url, Environment.PRODUCTION, use(monkeypatch, unused_sqlite_url).file)
    async with running(production) as gateway:
        assert "simulated reports" not in {loop.name for loop in gateway.gateway.engine.loops}
