"""Advancing the clock by a year sends the same messages at the same times as 366 single days."""

import re
import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.commands.accounts.data_usage import ReadDataUsage, Reading
from app.commands.accounts.directory import AgentUnsubscribe
from app.commands.accounts.import_lines import ImportSubscription
from app.commands.accounts.suspension import AnnounceSuspension
from app.commands.charges.announcing import AnnounceCharge, RecordUse
from app.commands.orders.calls import PlaceOrder
from app.domain.account import Language, Plan
from app.domain.charges import ChargeKind
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.turn import Call
from tests.commands.world import shanghai
from tests.running import Running, running, settings_for

pytestmark = pytest.mark.anyio
# A night, with a leap day and the ends of twelve months ahead.
BEGINS = "2027-12-30 22:30"
DAYS = 366
SUMMED, PLANNED, TRIED, STOPPED, ASKED, HELD_BACK = (f"+8613800138{number:03}" for number in range(100, 106))
EVERYBODY = (SUMMED, PLANNED, TRIED, STOPPED, ASKED, HELD_BACK)
_SECONDS = 60


async def call(gateway: Running, msisdn: str, stimulus: Call[Any]) -> None:
    await gateway.gateway.turning.turns.carry_out(msisdn, stimulus)


async def fees(gateway: Running, msisdn: str, code: str, fen: int) -> None:
    """Announce a charge for each month of 2028; ``fen`` is its amount."""
    for month in range(1, 13):
        due = shanghai(f"2028-{month:02}-20 09:30")
        await call(
            gateway, msisdn, AnnounceCharge("api:billing", f"{code}-{month}", code, ChargeKind.MONTHLY, fen, due)
        )


async def prepare(gateway: Running) -> None:
    """Create customers with many timers, day and night."""
    await gateway.subscribers(EVERYBODY)
    now = (await gateway.gateway.simulator.simulation.clock()).now
    await gateway.subscribe(SUMMED, "CL", "SJB")
    await gateway.say("DZXXSF", sender=SUMMED)
    await fees(gateway, SUMMED, "CL", 500)
    await gateway.subscriber(PLANNED, plan=Plan("套餐", 102_400), language=Language.EN, balance_fen=5000)
    for text in ("DZXXSF", "KTYLTX"):
        await gateway.say(text, sender=PLANNED)
    await call(gateway, PLANNED, ReadDataUsage((Reading("2027-12", 60_000, now),)))
    for number, days in ((TRIED, 40), (HELD_BACK, 2)):
        wanted = ImportSubscription(
            "api:crm", "ZQ", SubscriptionState.TRIAL, in_plan=False, started_at=now, channel=Channel.APP,
            trial_ends_at=now + timedelta(days=days),
        )  # fmt: skip
        await call(gateway, number, wanted)
    await call(gateway, STOPPED, AnnounceSuspension("api:billing", shanghai("2028-02-29 23:30")))
    await gateway.subscriber(STOPPED, balance_fen=5000)
    await gateway.subscriber(STOPPED, balance_fen=900)
    await gateway.say("QXYLTX", sender=STOPPED)
    await call(gateway, ASKED, PlaceOrder("api:web", "CL", Channel.WEB))
    await gateway.say("TS 我没有订过", sender=ASKED)
    await gateway.subscribe(HELD_BACK, "CL", "SJB", "TQ")
    await gateway.gateway.management.terms_changes.announce("TQ", 900, None, shanghai("2028-03-01 00:00"), "api:sp")
    await call(gateway, HELD_BACK, AgentUnsubscribe("agent:1", "SJB", "she called"))
    await call(gateway, HELD_BACK, RecordUse("api:billing", "u-1", "GS", Channel.SMS, now))


_DRAWN = re.compile(r"10086204\d\d")


async def story(gateway: Running) -> list[tuple[str, str, str, str]]:
    """Return all received messages: number, time, service number and text, without the random numbers."""
    return [
        (number, f"{message.at:%F %T}", _DRAWN.sub("10086204NN", message.service_number), _DRAWN.sub("", message.text))
        for number in EVERYBODY
        for message in await gateway.received(number)
    ]


async def test_a_year_in_one_call_is_a_year_of_days(unused_sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(unused_sqlite_url)
    async with running(settings) as gateway:
        await gateway.gateway.simulator.simulation.set_clock(shanghai(BEGINS))
        await gateway.load_customers()
        await gateway.reports("delivered", 3)
        await prepare(gateway)
        before = await story(gateway)
    again = tmp_path / "again.db"
    shutil.copyfile(tmp_path / "gateway.db", again)

    async with running(settings) as gateway:
        began = time.monotonic()
        await gateway.advance(days=DAYS)
        took = time.monotonic() - began
        at_once = await story(gateway)
    async with running(settings_for(f"sqlite:///{again}")) as gateway:
        for _ in range(DAYS):
            await gateway.advance(days=1)
        day_by_day = await story(gateway)

    assert at_once == day_by_day
    assert len(at_once) > len(before) + 100
    assert took < _SECONDS
