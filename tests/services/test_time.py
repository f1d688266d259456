"""When things happen: windows, timers, the quiet hours, and the time that a text counts from (safety.md 21; flows.md 15)."""

import asyncio
from datetime import timedelta

import pytest

from app.commands.accounts.directory import AgentUnsubscribe
from app.db.evidence import evidence
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.subscribers import subscriber
from app.db.subscriptions import subscription
from app.db.timers import timer
from app.services.refusals import RefusedError
from app.settings import Settings
from tests.commands.world import shanghai
from tests.running import ALICE, START, Running, running

pytestmark = pytest.mark.anyio
_inbound = inbound_message


# ---- the time of an answer


async def test_an_answer_counts_from_when_the_provider_got_it(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.advance(hours=2, seconds=1)
    [late] = await gateway.say("1", "10086977")
    assert "超时失效" in late
    [done] = await gateway.say("1", "10086977", received_at=START + timedelta(hours=2))
    assert "彩铃已于" in done


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (timedelta(0), timedelta(0)),
        (timedelta(hours=-1), timedelta(hours=-1)),
        (timedelta(hours=-24), timedelta(hours=-24)),
        (timedelta(hours=-24, microseconds=-1), timedelta(0)),
        (timedelta(days=-800_000 // 365), timedelta(0)),
        (timedelta(seconds=1), timedelta(0)),
        (timedelta(days=900), timedelta(0)),
    ],
)
async def test_a_provider_s_time_is_believed_up_to_a_day_back_and_never_in_the_future(
    gateway: Running, given: timedelta, counts: timedelta
) -> None:
    await gateway.store(gateway.message("帮助", received_at=START + given))

    [row] = await gateway.rows(_inbound)
    assert row["sent_at"] == START + counts
    assert row["stored_at"] == START
    assert row["received_at"] == START + given


async def test_a_pick_in_the_last_second_of_the_window_is_good(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.advance(hours=2)
    [done] = await gateway.say("1", "10086977")
    assert "彩铃已于" in done


# ---- timers


async def test_a_service_runs_to_the_last_second_of_its_month_and_then_ends(gateway: Running) -> None:
    await gateway.say("0000")
    [told] = await gateway.say("2", "10086977")
    assert "手机报(新华)已退订，可用至03月31日" in told
    await gateway.advance_to("2026-03-31 23:59:58")
    assert (await gateway.states())["SJB"] == "ending"
    await gateway.advance(seconds=1)
    assert (await gateway.states())["SJB"] == "ended"
    [ended] = [row for row in await gateway.rows(subscription) if row["service_code"] == "SJB"]
    assert ended["ends_at"] == shanghai("2026-03-31 23:59:59")
    assert await gateway.count(timer, timer.c.msisdn == ALICE) == 0


async def test_a_long_step_of_the_clock_does_everything_on_the_way_at_its_own_time(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("2", "10086977")
    await gateway.advance(days=400)

    kinds = [(row["kind"], row["at"]) for row in await gateway.rows(evidence) if row["kind"] != "import"]
    assert kinds == [
        ("unsubscribe", START),
        ("order-asked", shanghai("2026-03-09 10:00")),
        ("order-expired", shanghai("2026-03-12 10:00:01")),
        ("subscription-ended", shanghai("2026-03-12 10:00:01")),
        ("subscription-ended", shanghai("2026-03-31 23:59:59")),
    ]


async def test_timers_fire_by_themselves_when_their_time_has_come(settings: Settings) -> None:
    """A clock that was frozen before a crash is still frozen afterwards; the next process handles what is due."""
    async with running(settings) as before:
        await before.say("0000")
        await before.say("2", "10086977")
        await before.gateway.engine.stop()
        await before.gateway.simulator.simulation.set_clock(shanghai("2026-04-01 00:00"))
    async with running(settings) as after:
        assert (await after.gateway.simulator.simulation.clock()).clock_frozen_at == shanghai("2026-04-01 00:00")
        await after.drain()
        assert (await after.states())["SJB"] == "ended"


async def test_a_timer_waits_for_a_text_that_was_sent_before_it(settings: Settings) -> None:
    """A text of 23:59:58 was stored; the gateway starts again at noon, when the timer of the month's end is overdue."""
    async with running(settings) as before:
        await before.say("0000")
        await before.say("2", "10086977")
        await before.advance_to("2026-03-31 23:59:58")
        await before.gateway.engine.stop()
        await before.store(before.message("QXCL"))
        await before.gateway.simulator.simulation.set_clock(shanghai("2026-04-01 12:00"))
    async with running(settings) as after:
        await after.drain()

        last_two = [row["at"] for row in await after.rows(evidence)][-2:]
        assert last_two == [shanghai("2026-03-31 23:59:58"), shanghai("2026-03-31 23:59:59")]


async def test_a_timer_waits_for_an_unsubscribe_that_the_rate_limit_keeps(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("2", "10086977")
    await gateway.advance_to("2026-03-31 23:59:40")
    await gateway.store(*(gateway.message("帮助") for _ in range(30)), gateway.message("QXCL"))
    await gateway.drain()
    assert (await gateway.states())["CL"] == "active"
    await gateway.advance(minutes=2)

    states = await gateway.states()
    assert (states["CL"], states["SJB"]) == ("ended", "ended")
    times = [row["at"] for row in await gateway.rows(evidence)]
    assert times[-2:] == [shanghai("2026-03-31 23:59:40"), shanghai("2026-03-31 23:59:59")]


# ---- too many at once


async def test_over_the_rate_limit_unsubscribes_wait_and_queries_are_dropped(gateway: Running) -> None:
    await gateway.store(*(gateway.message("帮助") for _ in range(31)), gateway.message("QXCL"), gateway.message("0000"))
    await gateway.drain()

    texts = await gateway.texts()
    assert len(texts) == 31
    assert "过于频繁" in texts[-1]
    assert (await gateway.states())["CL"] == "active"
    await gateway.advance(minutes=1)
    assert (await gateway.states())["CL"] == "ended"
    assert "彩铃已于" in (await gateway.texts())[-1]
    assert await gateway.count(_inbound, _inbound.c.status == "handled") == 33


# ---- the quiet hours


async def test_the_notice_of_an_agent_s_unsubscribe_at_night_is_sent_in_the_morning(gateway: Running) -> None:
    await gateway.advance_to("2026-03-02 23:00")
    await gateway.gateway.management.directory.unsubscribe(
        ALICE, AgentUnsubscribe("agent:test", "CL", "asked by phone")
    )
    await gateway.drain()
    assert (await gateway.states())["CL"] == "ended"
    await gateway.advance_to("2026-03-03 06:59:59")
    assert await gateway.received() == []
    await gateway.advance(seconds=1)

    [told] = await gateway.received()
    assert "客服人员已为您办理退订" in told.text
    assert told.at == shanghai("2026-03-03 07:00")


async def test_texts_are_answered_at_any_hour(gateway: Running) -> None:
    await gateway.advance_to("2026-03-03 03:00")
    assert len(await gateway.say("0000")) == 2
    [done] = await gateway.say("1", "10086977")
    assert "彩铃已于03月03日" in done


async def test_the_notice_of_an_agent_s_unsubscribe_by_day_is_sent_at_once(gateway: Running) -> None:
    await gateway.gateway.management.directory.unsubscribe(
        ALICE, AgentUnsubscribe("agent:test", "CL", "asked by phone")
    )
    await gateway.drain()
    [told] = await gateway.received()
    assert told.service_number == "10086977"


# ---- the clock


async def test_the_clock_goes_back_only_after_a_reset(gateway: Running) -> None:
    with pytest.raises(RefusedError):
        await gateway.gateway.simulator.simulation.set_clock(START - timedelta(seconds=1))
    with pytest.raises(RefusedError):
        await gateway.gateway.simulator.simulation.advance(to=START - timedelta(seconds=1))
    await gateway.gateway.simulator.simulation.reset(None)
    state = await gateway.gateway.simulator.simulation.set_clock(shanghai("1999-12-31 10:00"))
    assert state.now == shanghai("1999-12-31 10:00")


async def test_a_reset_in_the_middle_of_a_burst_leaves_nothing_behind(gateway: Running) -> None:
    numbers = [f"+86138007{number:05}" for number in range(100)]
    await gateway.subscribers(numbers)
    burst = asyncio.gather(*(gateway.store(gateway.message("0000", sender=number)) for number in numbers))
    await burst
    await gateway.gateway.simulator.simulation.reset("demo")
    await gateway.drain()

    threads = {number for number, *_ in await gateway.gateway.carriers.network.handsets()}
    assert threads.isdisjoint(numbers)
    assert await gateway.count(outbound_message, outbound_message.c.msisdn.in_(numbers)) == 0
    assert await gateway.count(subscriber, subscriber.c.msisdn.in_(numbers)) == 0
    assert len(await gateway.say("0000")) == 2
