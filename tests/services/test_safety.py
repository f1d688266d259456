"""What must never happen to a subscriber (safety.md 1, 3, 16-18, 25, 27)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.sql.dml import UpdateBase

from app.commands.accounts.directory import AgentUnsubscribe
from app.db import questions
from app.db.catalogue import load_catalogue
from app.db.events import event
from app.db.evidence import evidence
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.subscribers import subscriber
from app.db.timers import timer
from app.domain.account import SubscriberStatus
from app.domain.evidence import ChainViolation
from app.providers.base import Accepted, Refused, RefusedForNow
from app.services.management.owners import OwnerFilter
from app.services.paging import PageRequest
from app.services.refusals import RefusedError
from tests.running import ALICE, BOB, START, Running, running
from tests.services.carriers import NAME, FakeProvider, use

pytestmark = pytest.mark.anyio
_mt = outbound_message


# ---- a listing that did not arrive whole cannot be picked from


async def test_a_listing_that_was_not_delivered_cannot_be_picked_from(gateway: Running) -> None:
    await gateway.reports("undelivered")
    await gateway.say("0000")
    await gateway.reports("delivered")
    [refused] = await gateway.say("1", "10086977")

    assert "未完整送达，未作任何更改。请发送0000" in refused
    assert (await gateway.states())["CL"] == "active"
    await gateway.say("0000")
    [done] = await gateway.say("1", "10086977")
    assert "彩铃已于" in done


async def test_a_listing_of_which_one_page_was_refused_cannot_be_picked_from(gateway: Running) -> None:
    await gateway.faults("reject", count=1)
    await gateway.say("0000")
    assert len(await gateway.received()) == 1, "the second page came"
    [refused] = await gateway.say("1", "10086977")
    assert "未完整送达" in refused


async def test_a_listing_of_which_the_last_page_was_refused_cannot_be_picked_from(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider = gateway.gateway.carriers.providers[NAME]
        assert isinstance(provider, FakeProvider)
        provider.answers = [Accepted("theirs-1"), Refused("400")]
        for text in ("0000", "1"):
            await gateway.store(gateway.message(text, provider=NAME))
            await gateway.drain()

        assert "未完整送达" in provider.asked[-1].text
        assert (await gateway.states())["CL"] == "active"


async def test_a_listing_that_expired_on_the_way_cannot_be_picked_from(gateway: Running) -> None:
    await gateway.faults("error")
    await gateway.say("0000")
    await gateway.advance(minutes=11)
    await gateway.faults("ok")
    [refused] = await gateway.say("1", "10086977")
    assert "未完整送达" in refused


async def test_a_late_report_that_a_page_was_lost_closes_the_listing_too(gateway: Running) -> None:
    await gateway.reports("expired", delay_seconds=60)
    await gateway.say("0000")
    await gateway.reports("delivered")
    await gateway.advance(minutes=1)
    [refused] = await gateway.say("1", "10086977")
    assert "未完整送达" in refused


async def test_a_listing_that_is_still_on_its_way_can_be_picked_from(gateway: Running) -> None:
    """A subscriber may know the numbers already; they mean what this listing shows."""
    await gateway.faults("error", count=1)
    await gateway.say("0000")
    await gateway.say("1", "10086977")
    assert (await gateway.states())["CL"] == "ended"


async def test_the_question_knows_when_the_network_took_its_last_page(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider = gateway.gateway.carriers.providers[NAME]
        assert isinstance(provider, FakeProvider)
        provider.answers = [Accepted("theirs-1"), RefusedForNow("busy", timedelta(minutes=3))]
        await gateway.store(gateway.message("0000", provider=NAME))
        await gateway.drain()
        [question] = await gateway.rows(questions.question)
        assert question["handed_over_at"] is None
        await gateway.advance(minutes=3)
        [question] = await gateway.rows(questions.question)
        assert question["handed_over_at"] == START + timedelta(minutes=3)


# ---- a number's tenures


async def test_closing_ends_everything_in_one_commit_and_the_next_holder_starts_empty(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("2", "10086977")
    await gateway.faults("error")
    await gateway.say("帮助")
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)

    assert set((await gateway.states()).values()) == {"ended"}
    assert await gateway.count(questions.question, questions.question.c.closed_at.is_(None)) == 0
    assert await gateway.count(timer, timer.c.msisdn == ALICE) == 0
    assert (await gateway.rows(_mt))[-1]["status"] == "superseded"
    assert (await gateway.gateway.management.directory.verify(ALICE)).ok
    await gateway.faults("ok")
    await gateway.advance(minutes=15)
    assert len(await gateway.received()) == 3, "nothing of the old tenure is sent any more"

    await gateway.subscriber(ALICE, status=SubscriberStatus.ACTIVE)
    [listing] = await gateway.say("0000")
    assert "没有正在使用的增值业务" in listing
    [nothing] = await gateway.say("1", "10086977")
    assert "未作任何更改" in nothing
    assert await gateway.states() == {}
    assert [row["tenure"] for row in await gateway.rows(subscriber) if row["msisdn"] == ALICE] == [1, 2]
    page = await gateway.gateway.management.directory.evidence(OwnerFilter(ALICE), PageRequest(100))
    assert page.items == []


async def test_a_closed_number_is_told_once_a_day_that_it_has_no_subscriber(gateway: Running) -> None:
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)
    [told] = await gateway.say("0000")
    assert "非本网号码" in told
    assert await gateway.say("0000") == []
    await gateway.advance(days=1)
    assert len(await gateway.say("0000")) == 1


async def test_a_text_at_the_same_time_as_a_close_is_obeyed_or_ignored(gateway: Running) -> None:
    listed = await gateway.say("0000")
    await asyncio.gather(
        gateway.store(gateway.message("1", "10086977")), gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)
    )
    await gateway.drain()

    assert set((await gateway.states()).values()) == {"ended"}
    assert (await gateway.gateway.management.directory.verify(ALICE)).ok
    heard = (await gateway.texts())[len(listed) :]
    [_, row] = await gateway.rows(inbound_message)
    if row["status"] == "ignored":
        assert (row["verdict"], heard) == ("former customer", [])
    else:
        [answer] = heard
        assert "彩铃已于" in answer or "非本网号码" in answer


async def test_a_suspended_subscriber_can_list_and_unsubscribe(gateway: Running) -> None:
    await gateway.subscriber(ALICE, status=SubscriberStatus.SUSPENDED)
    assert len(await gateway.say("0000")) == 2
    [done] = await gateway.say("1", "10086977")
    assert "彩铃已于" in done


# ---- numbers that are answered, and those that never are


@pytest.mark.parametrize("sender", ["10086", "95588", "+14155552671", "02112345678", "10086977", "", "\x00", "abc"])
async def test_a_sender_that_is_no_subscriber_s_number_is_recorded_and_never_answered(
    gateway: Running, sender: str
) -> None:
    await gateway.store(gateway.message("0000", sender=sender, provider="generic"))
    await gateway.drain()

    [row] = await gateway.rows(inbound_message)
    assert row["status"] == "ignored"
    assert await gateway.count(_mt) == 0


# ---- the evidence


async def test_every_change_is_in_the_chain_with_what_was_asked_and_answered(gateway: Running) -> None:
    listing, _ = await gateway.say("0000")
    await gateway.say("1", "10086977")
    page = await gateway.gateway.management.directory.evidence(OwnerFilter(ALICE), PageRequest(100))

    record = page.items[-1]
    assert record.kind == "unsubscribe"
    assert record.payload is not None
    assert '"answer":"1"' in record.payload
    assert listing in record.payload.replace("\\n", "\n")
    verified = await gateway.gateway.management.directory.verify(ALICE)
    assert (verified.ok, verified.records) == (True, len(page.items))


async def test_a_missing_payload_is_found_though_the_chain_has_only_its_hash(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("1", "10086977")
    erased = {"payload": None, "salt": None}
    await gateway.gateway.storage.database.write(
        lambda connection: connection.execute(evidence.update().values(erased))
    )

    found = await gateway.gateway.management.directory.verify(ALICE)
    assert (found.first_bad, found.violation) == (1, ChainViolation.PAYLOAD_GONE)


@pytest.mark.parametrize(
    "tampering",
    [
        evidence.update().where(evidence.c.seq == 3).values(payload='{"answer":"2"}'),
        evidence.update().where(evidence.c.seq == 3).values(kind="order-confirmed"),
        evidence.update().where(evidence.c.seq == 3).values(at=START - timedelta(days=1)),
        evidence.delete().where(evidence.c.seq == 3),
    ],
    ids=["another payload", "another kind", "another time", "taken out"],
)
async def test_tampering_is_found_where_it_was_done(gateway: Running, tampering: UpdateBase) -> None:
    await gateway.say("0000")
    await gateway.say("1", "10086977")
    await gateway.gateway.storage.database.write(lambda connection: connection.execute(tampering))

    verified = await gateway.gateway.management.directory.verify(ALICE)
    assert not verified.ok
    assert verified.first_bad in (3, 4)


async def test_a_chain_that_was_cut_short_is_found(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("1", "10086977")
    last = evidence.c.seq == 6
    await gateway.gateway.storage.database.write(lambda connection: connection.execute(evidence.delete().where(last)))

    verified = await gateway.gateway.management.directory.verify(ALICE)
    assert (verified.ok, verified.first_bad) == (False, 6)


# ---- subscriptions


async def test_terms_of_a_subscription_do_not_change_with_the_catalogue(gateway: Running) -> None:
    catalogue = gateway.gateway.management.directory
    before = (await gateway.gateway.storage.database.read(load_catalogue)).services["CL"]
    await catalogue.put_service(replace(before, price_fen=9900))
    listing, _ = await gateway.say("0000")
    assert "彩铃5元/月" in listing
    with pytest.raises(RefusedError, match="sp_code and billing"):
        await catalogue.put_service(replace(before, sp_code="MOJI"))


async def test_an_agent_and_the_customer_at_once_end_a_service_once(gateway: Running) -> None:
    await gateway.say("0000")
    await asyncio.gather(
        gateway.store(gateway.message("1", "10086977")),
        *(
            gateway.gateway.management.directory.unsubscribe(
                ALICE, AgentUnsubscribe("agent:test", "CL", f"call {number}")
            )
            for number in range(3)
        ),
        return_exceptions=True,
    )
    await gateway.drain()

    kind = evidence.c.kind == "unsubscribe"
    assert await gateway.count(evidence, kind) == 1
    assert await gateway.count(event) == 1


async def test_two_customers_at_once_do_not_see_each_other(gateway: Running) -> None:
    await gateway.subscribe(BOB, "YYH")
    await asyncio.gather(gateway.store(gateway.message("0000")), gateway.store(gateway.message("0000", sender=BOB)))
    await gateway.drain()

    assert "音乐盒" in (await gateway.texts(BOB))[0]
    assert "音乐盒" not in "".join(await gateway.texts())
