"""Data past its retention is purged, hashes stay; a closed tenure can be erased (flows.md 13; safety.md 27, 31)."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from app.db import campaigns
from app.db.campaigns import campaign_recipient
from app.db.conversations import conversation
from app.db.evidence import evidence
from app.db.handovers import attempt
from app.db.inbound_keys import inbound_key
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.questions import question
from app.db.reports import delivery_report
from app.db.simulator import simulator_message
from app.db.subscriptions import subscription
from app.domain.account import SubscriberStatus
from app.domain.campaigns import Segment
from app.domain.messages import DeliveryReport, MessageClass, OutboundStatus
from app.domain.policy import RetentionPeriods
from app.domain.refusals import RefusalReason
from app.services.management.campaigns import NewCampaign
from app.services.refusals import RefusedError
from app.services.upkeep.chains import walk_chains
from app.services.upkeep.retention import PurgeCounts, purge
from tests.running import ALICE, BOB, Running

pytestmark = pytest.mark.anyio
KEPT = RetentionPeriods()


def all_chains_verify(gateway: Running) -> bool:
    return all(
        chain.verification.ok
        for chain in walk_chains(gateway.gateway.storage.database, gateway.gateway.storage.owner.heads)
    )


async def run_purge(gateway: Running) -> PurgeCounts:
    async with gateway.gateway.engine.paused():
        return purge(gateway.gateway.storage.database, KEPT, gateway.gateway.storage.owner.heads)


async def payloads(gateway: Running) -> list[str]:
    rows = await gateway.rows(evidence, evidence.c.payload.is_not(None))
    return [row["kind"] for row in rows]


async def test_nothing_goes_before_its_time(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("1")
    before = len(await payloads(gateway))
    await gateway.advance(days=182)
    await gateway.say("0000")
    gone = await run_purge(gateway)
    assert (gone.messages, gone.payloads) == (0, 0)
    assert len(await payloads(gateway)) >= before


async def test_old_messages_and_questions_go_with_their_attempts(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("1")
    await gateway.advance(days=200)
    await gateway.say("YE")
    kept = await gateway.count(inbound_message), await gateway.count(outbound_message)
    gone = await run_purge(gateway)
    left = await gateway.count(inbound_message), await gateway.count(outbound_message)
    assert gone.messages == sum(kept) - sum(left) > 0
    assert await gateway.count(inbound_message) == 1
    assert await gateway.count(question) == 0
    assert gone.reports > 0
    assert await gateway.count(attempt) == 0


async def test_purged_messages_leave_the_thread_of_their_handset(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.advance(days=200)
    [balance] = await gateway.say("YE")
    await run_purge(gateway)
    thread = await gateway.thread()
    assert [message.text for message in thread if message.direction == "mo"] == ["YE"]
    assert thread[-1].text == balance
    counts = {msisdn: count for msisdn, count, _ in await gateway.gateway.carriers.network.handsets()}
    assert counts[ALICE] == len(thread)


async def test_payloads_of_active_services_stay(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("1")
    await gateway.advance(days=400)
    gone = await run_purge(gateway)
    assert gone.payloads > 0
    services = [
        row["payload"] for row in await gateway.rows(evidence, evidence.c.kind == "import") if row["msisdn"] == ALICE
    ]
    assert any(payload is None for payload in services), "彩铃 ended more than six months ago"
    assert any(payload is not None for payload in services), "the others run"
    assert all_chains_verify(gateway)


async def test_a_purged_chain_still_shows_a_changed_record(gateway: Running) -> None:
    await gateway.say("QXCL")
    await gateway.advance(days=400)
    await run_purge(gateway)
    assert all_chains_verify(gateway)
    second = (evidence.c.seq == 2, evidence.c.msisdn == ALICE)
    forged = evidence.update().where(*second).values(kind="x")
    await gateway.gateway.storage.database.write(lambda connection: connection.execute(forged))
    [bad] = [
        chain
        for chain in walk_chains(gateway.gateway.storage.database, gateway.gateway.storage.owner.heads)
        if not chain.verification.ok
    ]
    assert (bad.msisdn, bad.verification.first_bad) == (ALICE, 2)


async def close_alice(gateway: Running) -> None:
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)


async def test_a_closed_tenure_is_erased_when_its_time_is_over(gateway: Running) -> None:
    await gateway.faults("error", count=1)
    await gateway.say("QXCL")
    await gateway.advance(minutes=1)
    assert await gateway.count(attempt, attempt.c.msisdn == ALICE)
    assert await gateway.count(delivery_report, delivery_report.c.msisdn == ALICE)
    await close_alice(gateway)
    erase = gateway.gateway.upkeep.erasure.erase
    with pytest.raises(RefusedError, match="kept until"):
        await erase(ALICE, 1, "api:demo", "they asked for it")
    await gateway.advance(days=184)
    await erase(ALICE, 1, "api:demo", "they asked for it")
    rows = await gateway.rows(evidence, evidence.c.msisdn == ALICE)
    assert [row["kind"] for row in rows if row["payload"]] == ["erased"]
    for table in (
        subscription, inbound_message, inbound_key, outbound_message, attempt, delivery_report, question,
        simulator_message,
    ):  # fmt: skip
        assert await gateway.count(table, table.c.msisdn == ALICE) == 0, table.name
    assert all_chains_verify(gateway)


async def campaign(gateway: Running, *msisdns: str, kind: MessageClass = MessageClass.CARE) -> str:
    campaign_id = await gateway.gateway.management.campaigns.start(NewCampaign(kind, "祝您节日快乐", "test", msisdns))
    await gateway.drain()
    return campaign_id


async def counts(gateway: Running, campaign_id: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    found = await gateway.gateway.management.campaigns.one(campaign_id)
    assert found.waiting == 0
    return found.states, found.skipped


async def recipients(gateway: Running, campaign_id: str) -> set[str]:
    return {
        row["msisdn"] for row in await gateway.rows(campaign_recipient, campaign_recipient.c.campaign_id == campaign_id)
    }


async def test_an_erased_tenure_leaves_its_campaigns_and_their_counts_stay(gateway: Running) -> None:
    reached = await campaign(gateway, ALICE, BOB)
    skipped = await campaign(gateway, ALICE, BOB, kind=MessageClass.MARKETING)
    before = [await counts(gateway, campaign_id) for campaign_id in (reached, skipped)]
    assert before == [({"sent": 2}, {}), ({}, {"no_consent": 2})]
    await close_alice(gateway)
    await gateway.advance(days=184)
    await gateway.subscriber(ALICE)
    next_tenures = await campaign(gateway, ALICE)
    await gateway.gateway.upkeep.erasure.erase(ALICE, 1, "api:demo", "they asked for it")
    assert [await counts(gateway, campaign_id) for campaign_id in (reached, skipped)] == before
    assert await recipients(gateway, reached) == await recipients(gateway, skipped) == {BOB}
    assert await recipients(gateway, next_tenures) == {ALICE}, "another customer's by now"
    assert await counts(gateway, next_tenures) == ({"sent": 1}, {})
    await close_alice(gateway)
    await gateway.advance(days=184)
    await gateway.gateway.upkeep.erasure.erase(ALICE, 2, "api:demo", "they asked for it")
    assert await recipients(gateway, next_tenures) == set()
    assert await counts(gateway, next_tenures) == ({"sent": 1}, {})


async def test_a_campaign_to_a_segment_holds_no_number_of_an_erased_tenure(gateway: Running) -> None:
    wanted = NewCampaign(MessageClass.CARE, "祝您节日快乐", "test", segment=Segment())
    campaign_id = await gateway.gateway.management.campaigns.start(wanted)
    await gateway.drain()
    before = await counts(gateway, campaign_id)
    await close_alice(gateway)
    await gateway.advance(days=184)
    await gateway.gateway.upkeep.erasure.erase(ALICE, 1, "api:demo", "they asked for it")
    assert await counts(gateway, campaign_id) == before
    assert all(ALICE not in str(dict(row)) for row in await gateway.rows(campaigns.campaign))


async def test_recipients_of_campaigns_are_purged_with_the_messages_and_counts_stay(gateway: Running) -> None:
    old = await campaign(gateway, ALICE, BOB, "+8613700137000")
    await gateway.advance(days=182)
    new = await campaign(gateway, ALICE)
    assert (await run_purge(gateway)).recipients == 0
    before = [await counts(gateway, campaign_id) for campaign_id in (old, new)]
    assert before == [({"sent": 2}, {"not_a_customer": 1}), ({"sent": 1}, {})]
    await gateway.advance(days=2)
    assert (await run_purge(gateway)).recipients == 3
    assert (await recipients(gateway, old), await recipients(gateway, new)) == (set(), {ALICE})
    assert [await counts(gateway, campaign_id) for campaign_id in (old, new)] == before


async def test_a_tenure_in_use_is_not_erased(gateway: Running) -> None:
    with pytest.raises(RefusedError) as refused:
        await gateway.gateway.upkeep.erasure.erase(ALICE, 1, "api:demo", "they asked for it")
    assert refused.value.refusal.reason is RefusalReason.TENURE_IN_USE
    with pytest.raises(RefusedError, match="no such tenure"):
        await gateway.gateway.upkeep.erasure.erase(ALICE, 7, "api:demo", "they asked for it")


async def test_parked_reports_go_after_a_day(gateway: Running) -> None:
    report = DeliveryReport("unknown-id", OutboundStatus.DELIVERED)
    await gateway.gateway.carriers.receipts.store("simulator", report)
    await gateway.advance(seconds=timedelta(hours=23).total_seconds())
    assert (await run_purge(gateway)).reports == 0
    await gateway.advance(seconds=timedelta(hours=2).total_seconds())
    assert (await run_purge(gateway)).reports == 1


STRANGERS = [f"+8613700137{number:03}" for number in range(5)]


async def test_numbers_without_a_subscriber_are_purged_when_no_limit_looks_back_on_them(gateway: Running) -> None:
    known = await gateway.count(conversation)
    for number in STRANGERS:
        await gateway.say("0000", sender=number)
    await gateway.subscriber(STRANGERS[0])
    assert await gateway.count(conversation) == known + len(STRANGERS)
    await gateway.advance(hours=47)
    await gateway.say("0000", sender=STRANGERS[1])
    assert (await run_purge(gateway)).strangers == 0
    await gateway.advance(hours=2)
    assert (await run_purge(gateway)).strangers == 3
    kept = {row["msisdn"] for row in await gateway.rows(conversation)}
    assert kept & set(STRANGERS) == set(STRANGERS[:2]), "a customer, and one who wrote again"
    assert await gateway.say("0000", sender=STRANGERS[2]), "answered as before"


async def test_a_message_whose_number_was_purged_at_that_moment_is_handled(gateway: Running) -> None:
    await gateway.say("0000", sender=STRANGERS[0])
    await gateway.advance(days=2)
    async with gateway.gateway.engine.paused():
        await gateway.store(gateway.message("0000", sender=STRANGERS[0]))
        gone = conversation.delete().where(conversation.c.msisdn == STRANGERS[0])
        await gateway.gateway.storage.database.write(lambda connection: connection.execute(gone))
    await gateway.drain()
    pending = inbound_message.c.status == "pending"
    assert await gateway.count(inbound_message, pending) == 0
    assert len(await gateway.texts(STRANGERS[0])) == 2
