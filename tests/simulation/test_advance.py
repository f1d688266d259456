"""Advancing the clock in one call does the same, at the same times, as going from one time to the next."""

import asyncio
import random
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select, update

from app.commands.charges.announcing import AnnounceCharge
from app.db import due
from app.db.due import Kind
from app.db.events import event
from app.db.evidence import evidence
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.reports import delivery_report
from app.db.simulator import simulator_message
from app.db.subscriptions import subscription
from app.db.timers import timer
from app.domain.charges import ChargeKind
from app.domain.storage import StorageUnavailableError
from app.providers.base import RefusedForNow
from app.services.delivery import attempts, claims
from app.settings import Settings
from tests.commands.world import shanghai
from tests.outage import away
from tests.running import ALICE, BOB, START, Running, running, settings_for
from tests.services.carriers import NAME, DeduplicatingProvider, use

pytestmark = pytest.mark.anyio
_mt = outbound_message
HOURS = 5
_DRAWN = re.compile("[0-9A-Z]")
# What is compared: the columns that name no id, as ids are drawn anew, and what others cause.
_COMPARED: dict[Table, Sequence[str]] = {
    inbound_message: ("msisdn", "text", "status", "handled_at", "tries"),
    _mt: (
        "msisdn", "text", "provider", "status", "made_at", "handed_over_at", "final_at", "attempts",
        "error_code",
    ),
    outbox: ("msisdn", "provider", "lane", "due_at", "valid_until", "attempts", "leased_by", "error_code"),
    attempt: ("msisdn", "number", "at", "result", "error_code"),
    delivery_report: ("msisdn", "status", "parked", "reported_at", "stored_at"),
    simulator_message: ("msisdn", "direction", "at", "report_due_at"),
    evidence: ("msisdn", "seq", "kind", "at"),
    event: ("msisdn", "receiver", "type", "made_at"),
    timer: ("msisdn", "kind", "due_at"),
    subscription: ("msisdn", "service_code", "state", "ends_at"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _same_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no random numbers, so that two gateways try at the same times."""
    for module in (attempts, claims):
        monkeypatch.setattr(module, "jitter", lambda: 0.7)


@asynccontextmanager
async def begun(settings: Settings) -> AsyncIterator[Running]:
    """Run a gateway with messages that wait for the network, and with work to come for hours."""
    async with running(settings) as gateway:
        await gateway.say("0000")
        await gateway.subscribe(BOB, "CL", "SJB")
        for code in ("CL", "SJB"):
            due_at = shanghai("2026-03-20 09:30")
            fee = AnnounceCharge("api:billing", f"c-{code}", code, ChargeKind.MONTHLY, 300, due_at)
            await gateway.gateway.turning.turns.carry_out(BOB, fee)
        await gateway.drain()
        await gateway.faults("error", count=9)
        await gateway.say("2", "10086977")
        await gateway.store(
            *(gateway.message("帮助", sender=BOB) for _ in range(31)), gateway.message("QXSJB", sender=BOB)
        )
        await gateway.store(gateway.parts(["TS 我没有订", "过这个业务"])[0])
        await gateway.drain()
        yield gateway


async def everything(gateway: Running) -> dict[str, list[tuple[Any, ...]]]:
    """Return what happened, in the order of its columns, without the digits and letters of texts, as some are drawn."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table, names in _COMPARED.items():
        rows = [{**row, "text": _DRAWN.sub("", row.get("text") or "")} for row in await gateway.rows(table)]
        found[table.name] = sorted((tuple(row[name] for name in names) for row in rows), key=repr)
    return found


async def in_one_call(gateway: Running, target: datetime) -> None:
    await gateway.gateway.simulator.simulation.advance(to=target)


async def in_small_calls(gateway: Running, target: datetime) -> None:
    draw, simulation = random.Random(7), gateway.gateway.simulator.simulation
    while (now := (await simulation.clock()).now) < target:
        longest = draw.choice((60, 1_500, 30_000))
        await simulation.advance(to=min(target, now + timedelta(seconds=draw.uniform(1, longest))))


async def from_one_time_to_the_next(gateway: Running, target: datetime) -> None:
    """Stop the clock at each time at which anything is due, and let the loops of the engine do it."""
    simulation, database = gateway.gateway.simulator.simulation, gateway.gateway.storage.database
    now = (await simulation.clock()).now

    def times(connection: Connection) -> dict[Kind, datetime]:
        return due.next_due(connection, after=dict.fromkeys(Kind, now))

    while now < target:
        now = min([target, *(await database.read(times)).values()])
        await simulation.set_clock(now)
        await gateway.drain()


WAYS: tuple[Callable[[Running, datetime], Awaitable[None]], ...] = (
    in_one_call, in_small_calls, from_one_time_to_the_next,
)  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "count", "report", "delay"),
    [
        ("error", None, "delivered", 0),
        ("error", 25, "undelivered", 90),
        ("throttle", 40, "delivered", 4000),
        ("timeout", 30, "delivered", 30),
        ("reject", 2, "expired", 600),
        ("ok", None, "none", 0),
    ],
)
async def test_advancing_at_once_is_going_from_one_time_to_the_next(
    sqlite_url: str, tmp_path: Path, fault: str, count: int | None, report: str, delay: int
) -> None:
    found = []
    template = tmp_path / "template.db"
    shutil.copyfile(tmp_path / "gateway.db", template)
    for way in WAYS:
        shutil.copyfile(template, tmp_path / f"{way.__name__}.db")
        async with begun(settings_for(f"sqlite:///{tmp_path}/{way.__name__}.db")) as gateway:
            await gateway.faults(fault, count=count)
            await gateway.reports(report, delay)
            await way(gateway, START + timedelta(hours=HOURS))
            await gateway.faults("ok")
            await way(gateway, START + timedelta(days=20))
            found.append(await everything(gateway))
    at_once, in_steps, one_by_one = found
    assert at_once == in_steps
    assert at_once == one_by_one
    assert len(at_once["attempt"]) >= (count or 0) or fault == "reject"


async def test_messages_through_a_carrier_and_to_handsets_go_at_their_own_times(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    template = tmp_path / "template.db"
    shutil.copyfile(tmp_path / "gateway.db", template)
    for way in (in_one_call, from_one_time_to_the_next):
        shutil.copyfile(template, tmp_path / f"{way.__name__}.db")
        settings = use(monkeypatch, f"sqlite:///{tmp_path}/{way.__name__}.db", DeduplicatingProvider)
        async with running(settings) as gateway:
            provider = gateway.gateway.carriers.providers[NAME]
            assert isinstance(provider, DeduplicatingProvider)
            await gateway.faults("error")
            await gateway.say("0000")
            provider.answers = [RefusedForNow("busy", timedelta(minutes=minutes)) for minutes in (3, 1, 4, 1)]
            await gateway.store(gateway.message("0000", provider=NAME, sender=BOB))
            await gateway.store(gateway.message("帮助", provider=NAME))
            await gateway.drain()
            await way(gateway, START + timedelta(minutes=9))
            found.append(await everything(gateway))
    assert found[0] == found[1]
    assert len([one for one in found[0]["attempt"] if one[-1] == "busy"]) == 4
    assert len([one for one in found[0]["attempt"] if one[-1] != "busy"]) > 4


# ---- beside it


async def under_way(gateway: Running, target: datetime) -> asyncio.Task[None]:
    """Start to advance, and return when a part of it is committed."""
    network = gateway.gateway.carriers.network
    advance = asyncio.create_task(in_one_call(gateway, target))
    while (await gateway.gateway.simulator.simulation.clock()).now == START:
        await network.wait_for_change(network.changes, 1)
    return advance


async def test_a_message_that_comes_while_the_clock_moves_is_answered_on_the_way(gateway: Running) -> None:
    target = START + timedelta(hours=40)
    await gateway.say("0000")
    await gateway.faults("error")
    await gateway.say("1", "10086977")
    advance = await under_way(gateway, target)
    await gateway.store(gateway.message("0000", sender=BOB))
    assert not advance.done()
    assert (await gateway.gateway.simulator.simulation.clock()).now < target
    await advance

    [asked] = await gateway.rows(inbound_message, inbound_message.c.msisdn == BOB)
    assert START < asked["handled_at"] < target


async def test_a_database_that_goes_away_stops_the_clock_where_everything_is_done(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.faults("error")
    await gateway.say("1", "10086977")
    advance = await under_way(gateway, START + timedelta(hours=40))
    with away(gateway.gateway.storage.database), pytest.raises(StorageUnavailableError):
        await advance

    now = (await gateway.gateway.simulator.simulation.clock()).now
    tries = await gateway.rows(attempt)
    assert START < now < START + timedelta(hours=40)
    assert [row["number"] for row in tries] == list(range(1, len(tries) + 1))
    assert max(row["at"] for row in tries) <= now
    assert await gateway.count(outbox, outbox.c.leased_by.is_not(None)) == 0
    await gateway.faults("ok")
    await gateway.advance(hours=1)
    assert "彩铃已于" in (await gateway.texts())[-1]


async def test_an_account_that_cannot_be_read_moves_nobody_else_s_time(gateway: Running) -> None:
    await gateway.subscribe(BOB, "SJB")
    await gateway.advance_to("2026-03-31 22:00")
    for number in (ALICE, BOB):
        await gateway.say("QXSJB", sender=number)
    broken = update(subscription).where(subscription.c.msisdn == ALICE).values(state="broken")
    await gateway.gateway.storage.database.write(lambda connection: connection.execute(broken))
    await gateway.advance_to("2026-04-01 00:10")

    assert (await gateway.states(BOB))["SJB"] == "ended"
    [ended] = await gateway.rows(evidence, evidence.c.msisdn == BOB, evidence.c.kind == "subscription-ended")
    assert ended["at"] == shanghai("2026-03-31 23:59:59")
    put_off = [row["due_at"] for row in await gateway.rows(timer, timer.c.msisdn == ALICE)]
    assert shanghai("2026-04-01 00:59:59") in put_off


# ---- what is due


async def test_an_open_circuit_is_waited_for_and_a_message_behind_another_is_not_looked_at(gateway: Running) -> None:
    await gateway.faults("error")
    numbers = [f"+86138008{number:05}" for number in range(10)]
    await gateway.subscribers(numbers)
    await asyncio.gather(*(gateway.store(gateway.message("0000", sender=number)) for number in numbers))
    await gateway.drain()
    await gateway.say("帮助", sender=numbers[0])

    def look(connection: Connection) -> tuple[datetime, int]:
        found = due.next_due(
            connection, (Kind.HANDSETS,), simulated="simulator", pauses_until=START + timedelta(hours=1)
        )
        queued = connection.execute(select(outbox.c.id).where(outbox.c.leased_by.is_(None), outbox.c.due_at <= START))
        return found[Kind.HANDSETS], len(queued.all())

    at, waiting_behind = await gateway.gateway.storage.database.read(look)
    assert at == START + timedelta(seconds=5) * 0.85
    assert waiting_behind == 1
