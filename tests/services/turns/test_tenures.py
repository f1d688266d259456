"""What a former customer sent, or was sent, never reaches the next holder of the number (safety.md 1)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from typing_extensions import override

from app.db import tables
from app.db.directory import MessageFilter
from app.db.record_tables import RECORD_TABLES
from app.domain.account import SubscriberStatus
from app.domain.campaigns import CampaignMessage, Segment
from app.domain.messages import MessageClass, OutboundStatus
from app.domain.passwords import PasswordTries
from app.domain.tickets import Ticket
from app.domain.values import replace
from app.providers.base import RefusedForNow, SendResult, Submission
from app.services.delivery.receipts import Report
from app.services.management.campaigns import NewCampaign
from app.services.refusals import RefusedError
from tests.running import ALICE, START, Running, running
from tests.services.carriers import NAME, PretendCarrier, use
from tests.services.trouble import SECRET_TEXT, add_trouble
from tests.services.turns.test_passwords import give_password

pytestmark = pytest.mark.anyio
_mo, _mt = tables.inbound_message, tables.outbound_message
HERS = START + timedelta(hours=1)
TEXTS = ("QXYYH", "0000", "TS 我的地址是东街一号", "YE", "XGMM#135790#246813#246813")


async def give_up(gateway: Running) -> None:
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)


async def change_hands(gateway: Running) -> None:
    """The number is somebody else's at once; she has a service, of which nobody has told her."""
    await give_up(gateway)
    await gateway.subscriber(ALICE, status=SubscriberStatus.ACTIVE, balance_fen=3000)
    await gateway.subscribe(ALICE, "YYH")


def unused() -> float:
    return REGISTRY.get_sample_value("smsgw_inbound_unused_total", {"reason": "former customer"}) or 0


async def came_to_nothing(gateway: Running, since: int) -> None:
    """She got nothing, has what she had, and no ticket is open."""
    await gateway.drain()
    assert len(await gateway.received()) == since
    assert await gateway.states() == {"YYH": "active"}
    tickets = RECORD_TABLES[Ticket].table
    assert await gateway.count(tickets, tickets.c.tenure == 2) == 0
    assert await gateway.count(tables.evidence, tables.evidence.c.tenure == 2) == 1  # the import of her service


# ---- messages in


@pytest.mark.parametrize("text", TEXTS)
async def test_what_comes_late_is_recorded_and_comes_to_nothing(gateway: Running, text: str) -> None:
    await gateway.advance(hours=1)
    await change_hands(gateway)
    before, counted = len(await gateway.received()), unused()
    for old in (timedelta(minutes=30), timedelta(days=40)):
        await gateway.store(gateway.message(text, received_at=HERS - old))
    await came_to_nothing(gateway, before)
    rows = await gateway.rows(_mo)
    found = {(row["status"], row["verdict"], row["tenure"], row["sealed"]) for row in rows}
    assert found == {("ignored", "former customer", 1, None)}
    assert unused() == counted + 2
    listed = await gateway.gateway.management.messages.page(MessageFilter(status="ignored", former=True), 10)
    assert len(listed) == 2
    assert await gateway.gateway.management.messages.page(MessageFilter(ALICE, direction="mo"), 10) == []
    [said] = await gateway.say("QXYYH", received_at=HERS)
    assert "音乐盒" in said


async def test_what_is_kept_for_the_minutes_end_comes_to_nothing_with_the_tenure(gateway: Running) -> None:
    for text in ("YE",) * 31 + ("QXYYH", "TS 我的旧事"):
        await gateway.store(gateway.message(text))
    await gateway.drain()
    await change_hands(gateway)
    before = len(await gateway.received())
    await gateway.advance(minutes=2)
    await came_to_nothing(gateway, before)
    waited = await gateway.rows(_mo, _mo.c.status == "ignored")
    assert [(row["text"], row["tenure"]) for row in waited] == [("QXYYH", 1), ("TS 我的旧事", 1)]
    assert [text for text in await gateway.say("什么") if "过多" in text] == []


async def test_what_waits_to_be_handled_comes_to_nothing_with_the_tenure(gateway: Running) -> None:
    await give_password(gateway)
    before = len(await gateway.received())
    async with gateway.gateway.engine.paused():
        await gateway.store(*map(gateway.message, TEXTS))
        await change_hands(gateway)
    await came_to_nothing(gateway, before)
    assert {row["status"] for row in await gateway.rows(_mo)} == {"ignored"}
    assert await gateway.count(RECORD_TABLES[PasswordTries].table) == 0


@pytest.mark.parametrize("first", ["before", "late", "hers"])
@pytest.mark.parametrize("second", ["late", "hers"])
async def test_a_part_of_his_and_one_of_hers_never_make_one_message(gateway: Running, first: str, second: str) -> None:
    one, two = gateway.parts(("QX", "YYH"), provider="generic")
    if first == "before":
        await gateway.store(one)
        await gateway.drain()
    await gateway.advance(minutes=2)
    hers = START + timedelta(minutes=2)
    await change_hands(gateway)
    before = len(await gateway.received())
    if first != "before":
        await gateway.store(replace(one, received_at=hers if first == "hers" else hers - timedelta(minutes=1)))
    await gateway.store(replace(two, received_at=hers if second == "hers" else hers - timedelta(minutes=1)))
    await gateway.drain()
    if (first, second) == ("hers", "hers"):
        assert await gateway.states() == {"YYH": "ended"}
        return
    await came_to_nothing(gateway, before)
    his = [name for name, whose in (("QX", first), ("YYH", second)) if whose != "hers"]
    ignored = await gateway.rows(_mo, _mo.c.status == "ignored")
    assert [(row["text"], row["tenure"]) for row in ignored] == [(name, 1) for name in his]


async def test_a_part_of_hers_is_no_repeat_of_his(gateway: Running) -> None:
    for one in gateway.parts(("QX", "YYH")):
        await gateway.store(one)
    await gateway.drain()
    await gateway.advance(minutes=5)
    await change_hands(gateway)
    for one in gateway.parts(("QX", "YYH")):
        await gateway.store(one)
    await gateway.drain()
    assert await gateway.states() == {"YYH": "ended"}


@pytest.mark.parametrize("opened", [False, True])
async def test_a_dead_letter_of_his_is_not_run_again(gateway: Running, opened: bool) -> None:  # noqa: FBT001  a table
    fuse = add_trouble(gateway.gateway.turning.registry)
    await gateway.say(SECRET_TEXT)
    [dead] = await gateway.rows(_mo)
    assert dead["tenure"] == 1
    fuse.burns = False
    # Where somebody else has it by now, at the same instant.
    await gateway.advance(seconds=0 if opened else 1)
    await (change_hands if opened else give_up)(gateway)
    before = await gateway.texts()
    with pytest.raises(RefusedError, match="former customer") as refused:
        await gateway.gateway.management.messages.retry(dead["id"])
    assert refused.value.status == 409
    await gateway.drain()
    assert await gateway.texts() == before
    [row] = await gateway.rows(_mo)
    assert row["status"] == "dead"


async def test_what_nobody_has_looked_at_yet_is_not_shown_as_hers(gateway: Running) -> None:
    await gateway.advance(hours=1)
    await change_hands(gateway)
    async with gateway.gateway.engine.paused():
        for minutes in (-1, 0):
            await gateway.store(gateway.message(f"YE{minutes}", received_at=HERS + timedelta(minutes=minutes)))
        shown = await gateway.gateway.management.messages.page(MessageFilter(ALICE, direction="mo"), 10)
    assert [message.text for message in shown] == ["YE0"]


# ---- messages out


class _HangingCarrier(PretendCarrier):
    """Refuses for now, but not before it is let."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.called, self.goes_on = asyncio.Event(), asyncio.Event()

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        self.asked += submissions
        self.called.set()
        await self.goes_on.wait()
        return [RefusedForNow("later")] * len(submissions)


async def test_what_was_being_handed_over_when_he_gave_the_number_up_is_not_tried_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url, _HangingCarrier)) as gateway:
        carrier = gateway.gateway.carriers.providers[NAME]
        assert isinstance(carrier, _HangingCarrier)
        await gateway.store(gateway.message("TS 慢", provider=NAME))
        await carrier.called.wait()
        await give_up(gateway)
        carrier.goes_on.set()
        await gateway.advance(hours=2)
        assert len(carrier.asked) == 1
        [row] = await gateway.rows(_mt)
        assert row["status"] == "expired"


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("status", [OutboundStatus.DELIVERED, OutboundStatus.UNDELIVERED])
async def test_a_report_of_a_message_to_him_writes_to_nobody(
    gateway: Running,
    status: OutboundStatus,
    opened: bool,  # noqa: FBT001  a table
) -> None:
    await gateway.reports("none")
    await gateway.say("KTYYH")
    campaign = NewCampaign(MessageClass.CARE, "祝您节日快乐", "test", msisdns=(ALICE,))
    await gateway.gateway.management.campaigns.start(campaign)
    await gateway.drain()
    theirs = [row["provider_message_id"] for row in await gateway.rows(_mt)]
    await (change_hands if opened else give_up)(gateway)
    before = len(await gateway.received())
    for one in theirs:
        await gateway.gateway.carriers.receipts.store(Report("simulator", one, status))
    await gateway.drain()
    assert {row["status"] for row in await gateway.rows(_mt, _mt.c.provider_message_id.in_(theirs))} == {status.value}
    assert len(await gateway.received()) == before
    timer = tables.timer.c
    assert await gateway.count(tables.timer, timer.msisdn == ALICE, timer.tenure == 1) == 0
    assert await gateway.count(RECORD_TABLES[CampaignMessage].table) == 1


@pytest.mark.parametrize("by_segment", [False, True])
async def test_a_campaign_that_was_made_for_him_does_not_come_to_her(
    gateway: Running,
    by_segment: bool,  # noqa: FBT001  a table
) -> None:
    async with gateway.gateway.engine.paused():
        wanted = NewCampaign(MessageClass.CARE, "祝您节日快乐", "test", msisdns=(ALICE,))
        if by_segment:
            wanted = replace(wanted, msisdns=(), segment=Segment())
        campaign_id = await gateway.gateway.management.campaigns.start(wanted)
        await gateway.gateway.simulator.simulation.set_clock(HERS)
        await change_hands(gateway)
    await gateway.drain()
    assert [text for text in await gateway.texts() if "节日" in text] == []
    assert (await gateway.gateway.management.campaigns.one(campaign_id)).skipped == {"not_a_customer": 1}
