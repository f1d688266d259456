"""After a downtime, what fell due meanwhile happens once, outside of the quiet hours (flows.md 8, 15)."""

import pytest

from app.commands.charges.announcing import AnnounceCharge
from app.composition import build_gateway
from app.domain.charges import ChargeKind
from app.settings import Settings
from tests.commands.world import shanghai
from tests.running import ALICE, Running, running

pytestmark = pytest.mark.anyio


async def move_clock(settings: Settings, to: str) -> None:
    """Move the clock while no gateway runs."""
    stopped = build_gateway(settings)
    await stopped.simulator.simulation.set_clock(shanghai(to))
    stopped.storage.database.close()


async def prepare(gateway: Running) -> None:
    """Subscribe to monthly summaries, with a charge that falls due in the last minutes of March."""
    await gateway.say("DZXXSF")
    due = shanghai("2026-03-31 23:50")
    fee = AnnounceCharge("api:billing", "c-1", "SJB", ChargeKind.MONTHLY, 300, due)
    await gateway.gateway.turning.turns.carry_out(ALICE, fee)
    await gateway.drain()


@pytest.mark.parametrize(
    ("back", "sent_at"),
    [
        ("2026-04-01 10:00:01", "2026-04-01 10:00:01"),
        ("2026-04-01 21:59:59", "2026-04-01 21:59:59"),
        ("2026-04-01 22:00:00", "2026-04-02 07:00:00"),
        ("2026-04-02 03:00:00", "2026-04-02 07:00:00"),
        ("2026-04-29 12:00:00", "2026-04-29 12:00:00"),
    ],
)
async def test_a_summary_is_sent_once_when_the_first_of_the_month_was_missed(
    settings: Settings, back: str, sent_at: str
) -> None:
    async with running(settings) as gateway:
        await prepare(gateway)
        await gateway.advance_to("2026-03-31 23:40")
        before = len(await gateway.received())
    await move_clock(settings, back)

    for _ in range(2):
        async with running(settings) as gateway:
            await gateway.drain()
            await gateway.advance_to(sent_at)
            came = (await gateway.received())[before:]
            summaries = [message for message in came if "3月" in message.text and "手机报" in message.text]
            assert [message.at for message in summaries] == [shanghai(sent_at)], came
    async with running(settings) as gateway:
        await gateway.advance_to("2026-05-01 09:59:59")
        assert len([one for one in (await gateway.received())[before:] if "手机报" in one.text]) == 1
        await gateway.advance_to("2026-05-01 10:00")
        [last] = (await gateway.received())[-1:]
        assert "4月" in last.text
        assert "0元" in last.text


async def test_after_two_missed_months_one_summary_is_sent(settings: Settings) -> None:
    async with running(settings) as gateway:
        await prepare(gateway)
        before = len(await gateway.received())
    await move_clock(settings, "2026-05-03 09:00")
    async with running(settings) as gateway:
        await gateway.drain()
        texts = (await gateway.texts())[before:]
    summaries = [text for text in texts if "信息费" in text]
    assert len(summaries) == 1, texts
    assert "4月" in summaries[0]


async def test_what_ended_meanwhile_has_ended_at_its_own_time(settings: Settings) -> None:
    async with running(settings) as gateway:
        await gateway.say("QXSJB")
        assert (await gateway.states())["SJB"] == "ending"
    await move_clock(settings, "2026-04-02 03:00")
    async with running(settings) as gateway:
        [listing, *_] = await gateway.say("0000")
        assert "手机报" not in listing
        held = await gateway.gateway.management.directory.subscriptions(ALICE)
        assert [(one.state, one.ends_at) for one in held if one.service_code == "SJB"] == [
            ("ended", shanghai("2026-03-31 23:59:59"))
        ]
