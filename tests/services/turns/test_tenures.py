"""Messages from and to a former customer never affect the next subscriber of the number (safety.md 1)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from typing_extensions import override

from app.db import timers
from app.db.directory import MessageFilter
from app.db.evidence import evidence
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.record_tables import RECORD_TABLES
from app.domain.account import SubscriberStatus
from app.domain.campaigns import CampaignMessage, Segment
from app.domain.messages import DeliveryReport, MessageClass, OutboundStatus
from app.domain.passwords import PasswordTries
from app.domain.refusals import RefusalReason
from app.domain.tickets import Ticket
from app.domain.values import replace
from app.providers.base import RefusedForNow, SendResult, Submission, Surroundings
from app.providers.generic import GenericOptions
from app.services.management.campaigns import NewCampaign
from app.services.paging import PageRequest
from app.services.refusals import RefusedError
from tests.running import ALICE, START, Running, running
from tests.services.carriers import NAME, FakeProvider, use
from tests.services.trouble import SECRET_TEXT, add_trouble
from tests.services.turns.test_passwords import set_password

pytestmark = pytest.mark.anyio
_mo, _mt = inbound_message, outbound_message
TENURE_2_STARTS = START + timedelta(hours=1)
TEXTS = ("QXYYH", "0000", "TS 我的地址是东街一号", "YE", "XGMM#135790#246813#246813")


async def close_number(gateway: Running) -> None:
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)


async def give_to_new_subscriber(gateway: Running) -> None:
    """Give the number to a new subscriber at once, who has a service from an import."""
    await close_number(gateway)
    await gateway.subscriber(ALICE, status=SubscriberStatus.ACTIVE, balance_fen=3000)
    await gateway.subscribe(ALICE, "YYH")


def unused() -> float:
    return REGISTRY.get_sample_value("smsgw_inbound_unused_total", {"reason": "former_customer"}) or 0


async def assert_nothing_changed(gateway: Running, since: int) -> None:
    """Assert that the new subscriber got no message, and that no service and no ticket of theirs changed."""
    await gateway.drain()
    assert len(await gateway.received()) == since
    assert await gateway.states() == {"YYH": "active"}
    tickets = RECORD_TABLES[Ticket].table
    assert await gateway.count(tickets, tickets.c.tenure == 2) == 0
    assert await gateway.count(evidence, evidence.c.tenure == 2) == 1  # the import of the service


# ---- inbound messages


@pytest.mark.parametrize("text", TEXTS)
async def test_a_late_message_of_a_former_customer_is_recorded_and_ignored(gateway: Running, text: str) -> None:
    await gateway.advance(hours=1)
    await give_to_new_subscriber(gateway)
    before, counted = len(await gateway.received()), unused()
    for old in (timedelta(minutes=30), timedelta(days=40)):
        await gateway.store(gateway.message(text, received_at=TENURE_2_STARTS - old))
    await assert_nothing_changed(gateway, before)
    rows = await gateway.rows(_mo)
    found = {(row["status"], row["verdict"], row["tenure"], row["sealed"]) for row in rows}
    assert found == {("ignored", "former customer", 1, None)}
    assert unused() == counted + 2
    listed = await gateway.gateway.management.messages.page(
        MessageFilter(status="ignored", former=True), PageRequest(10, descending=True)
    )
    assert len(listed.items) == 2
    assert (
        await gateway.gateway.management.messages.page(
            MessageFilter(ALICE, direction="mo"), PageRequest(10, descending=True)
        )
    ).items == []
    [said] = await gateway.say("QXYYH", received_at=TENURE_2_STARTS)
    assert "音乐盒" in said


async def test_messages_kept_by_the_rate_limit_are_ignored_when_the_tenure_ends(gateway: Running) -> None:
    for text in ("YE",) * 31 + ("QXYYH", "TS 我的旧事"):
        await gateway.store(gateway.message(text))
    await gateway.drain()
    await give_to_new_subscriber(gateway)
    before = len(await gateway.received())
    await gateway.advance(minutes=2)
    await assert_nothing_changed(gateway, before)
    waited = await gateway.rows(_mo, _mo.c.status == "ignored")
    assert [(row["text"], row["tenure"]) for row in waited] == [("QXYYH", 1), ("TS 我的旧事", 1)]
    assert [text for text in await gateway.say("什么") if "过于频繁" in text] == []


async def test_pending_messages_are_ignored_when_the_tenure_ends(gateway: Running) -> None:
    await set_password(gateway)
    before = len(await gateway.received())
    async with gateway.gateway.engine.paused():
        await gateway.store(*map(gateway.message, TEXTS))
        await give_to_new_subscriber(gateway)
    await assert_nothing_changed(gateway, before)
    assert {row["status"] for row in await gateway.rows(_mo)} == {"ignored"}
    assert await gateway.count(RECORD_TABLES[PasswordTries].table) == 0


@pytest.mark.parametrize("first", ["before", "late", "current"])
@pytest.mark.parametrize("second", ["late", "current"])
async def test_parts_of_two_tenures_are_never_joined(gateway: Running, first: str, second: str) -> None:
    one, two = gateway.parts(("QX", "YYH"), provider="generic")
    if first == "before":
        await gateway.store(one)
        await gateway.drain()
    await gateway.advance(minutes=2)
    tenure_starts = START + timedelta(minutes=2)
    await give_to_new_subscriber(gateway)
    before = len(await gateway.received())
    if first != "before":
        await gateway.store(
            replace(one, received_at=tenure_starts if first == "current" else tenure_starts - timedelta(minutes=1))
        )
    await gateway.store(
        replace(two, received_at=tenure_starts if second == "current" else tenure_starts - timedelta(minutes=1))
    )
    await gateway.drain()
    if (first, second) == ("current", "current"):
        assert await gateway.states() == {"YYH": "ended"}
        return
    await assert_nothing_changed(gateway, before)
    former_texts = [name for name, whose in (("QX", first), ("YYH", second)) if whose != "current"]
    ignored = await gateway.rows(_mo, _mo.c.status == "ignored")
    assert [(row["text"], row["tenure"]) for row in ignored] == [(name, 1) for name in former_texts]


async def test_a_part_is_no_repeat_of_one_from_a_former_tenure(gateway: Running) -> None:
    for one in gateway.parts(("QX", "YYH")):
        await gateway.store(one)
    await gateway.drain()
    await gateway.advance(minutes=5)
    await give_to_new_subscriber(gateway)
    for one in gateway.parts(("QX", "YYH")):
        await gateway.store(one)
    await gateway.drain()
    assert await gateway.states() == {"YYH": "ended"}


@pytest.mark.parametrize("opened", [False, True])
async def test_a_dead_letter_of_a_former_customer_is_not_retried(gateway: Running, opened: bool) -> None:  # noqa: FBT001  a table
    fuse = add_trouble(gateway.gateway.turning.registry)
    await gateway.say(SECRET_TEXT)
    [dead] = await gateway.rows(_mo)
    assert dead["tenure"] == 1
    fuse.burns = False
    # A new subscriber gets the number at the same instant.
    await gateway.advance(seconds=0 if opened else 1)
    await (give_to_new_subscriber if opened else close_number)(gateway)
    before = await gateway.texts()
    with pytest.raises(RefusedError, match="former customer") as refused:
        await gateway.gateway.management.messages.retry(dead["id"])
    assert refused.value.refusal.reason is RefusalReason.FORMER_CUSTOMER
    await gateway.drain()
    assert await gateway.texts() == before
    [row] = await gateway.rows(_mo)
    assert row["status"] == "dead"


async def test_a_pending_message_of_a_former_customer_is_not_shown_for_the_current_one(gateway: Running) -> None:
    await gateway.advance(hours=1)
    await give_to_new_subscriber(gateway)
    async with gateway.gateway.engine.paused():
        for minutes in (-1, 0):
            await gateway.store(
                gateway.message(f"YE{minutes}", received_at=TENURE_2_STARTS + timedelta(minutes=minutes))
            )
        shown = await gateway.gateway.management.messages.page(
            MessageFilter(ALICE, direction="mo"), PageRequest(10, descending=True)
        )
    assert [message.text for message in shown.items] == ["YE0"]


# ---- outbound messages


class _HangingProvider(FakeProvider):
    """Refuses for now, once ``goes_on`` is set."""

    def __init__(self, name: str, options: GenericOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.called, self.goes_on = asyncio.Event(), asyncio.Event()

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        self.asked += submissions
        self.called.set()
        await self.goes_on.wait()
        return [RefusedForNow("later")] * len(submissions)


async def test_a_message_in_flight_when_its_number_is_closed_is_not_retried(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url, _HangingProvider)) as gateway:
        provider = gateway.gateway.carriers.providers[NAME]
        assert isinstance(provider, _HangingProvider)
        await gateway.store(gateway.message("TS 慢", provider=NAME))
        await provider.called.wait()
        await close_number(gateway)
        provider.goes_on.set()
        await gateway.advance(hours=2)
        assert len(provider.asked) == 1
        [row] = await gateway.rows(_mt)
        assert row["status"] == "expired"


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("status", [OutboundStatus.DELIVERED, OutboundStatus.UNDELIVERED])
async def test_a_report_about_a_message_to_a_former_customer_sends_nothing(
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
    await (give_to_new_subscriber if opened else close_number)(gateway)
    before = len(await gateway.received())
    for one in theirs:
        await gateway.gateway.carriers.receipts.store("simulator", DeliveryReport(one, status))
    await gateway.drain()
    assert {row["status"] for row in await gateway.rows(_mt, _mt.c.provider_message_id.in_(theirs))} == {status.value}
    assert len(await gateway.received()) == before
    timer = timers.timer.c
    assert await gateway.count(timers.timer, timer.msisdn == ALICE, timer.tenure == 1) == 0
    assert await gateway.count(RECORD_TABLES[CampaignMessage].table) == 1


@pytest.mark.parametrize("by_segment", [False, True])
async def test_a_campaign_for_a_former_customer_skips_the_current_one(
    gateway: Running,
    by_segment: bool,  # noqa: FBT001  a table
) -> None:
    async with gateway.gateway.engine.paused():
        wanted = NewCampaign(MessageClass.CARE, "祝您节日快乐", "test", msisdns=(ALICE,))
        if by_segment:
            wanted = replace(wanted, msisdns=(), segment=Segment())
        campaign_id = await gateway.gateway.management.campaigns.start(wanted)
        await gateway.gateway.simulator.simulation.set_clock(TENURE_2_STARTS)
        await give_to_new_subscriber(gateway)
    await gateway.drain()
    assert [text for text in await gateway.texts() if "节日" in text] == []
    assert (await gateway.gateway.management.campaigns.one(campaign_id)).skipped == {"not_a_customer": 1}
