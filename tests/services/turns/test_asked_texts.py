"""Evidence quotes a question as its messages asked it, also in a process that has just started (safety.md 27)."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import pytest

from app.commands.charges.announcing import AnnounceCharge
from app.db.catalogue import load_catalogue
from app.db.evidence import evidence
from app.db.outbound_messages import outbound_message
from app.db.questions import question
from app.domain.charges import ChargeKind
from app.domain.policy import RetentionPeriods
from app.domain.values import replace
from app.services.management.owners import OwnerFilter
from app.services.paging import PageRequest
from app.services.upkeep import retention
from app.settings import Settings
from tests.commands.world import shanghai
from tests.running import ALICE, START, Running, running

pytestmark = pytest.mark.anyio
LISTING = "10086977"
Step = Callable[[], AbstractAsyncContextManager[Running]]


@pytest.fixture(params=["one process", "a process for each step"])
async def step(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Step]:
    """Return the gateway for the next step of a dialogue: the same one each time, or a new one on the same database."""
    if request.param != "one process":
        yield lambda: running(settings)
        return
    async with running(settings) as gateway:

        @asynccontextmanager
        async def same() -> AsyncIterator[Running]:
            yield gateway

        yield same


async def quoted(gateway: Running, kind: str) -> list[str]:
    """Return the questions that ALICE's evidence of a kind quotes, oldest first."""
    rows = await gateway.rows(evidence, evidence.c.msisdn == ALICE, evidence.c.kind == kind)
    return [asked for row in rows if (asked := json.loads(row["payload"]).get("asked"))]


async def shown_to_staff(gateway: Running) -> list[str]:
    """Return the texts of ALICE's questions as the management API lists them, newest first."""
    page = await gateway.gateway.management.directory.questions(OwnerFilter(ALICE), PageRequest(100, descending=True))
    return [item.asked_text for item in page.items]


async def stored_texts(gateway: Running) -> list[str]:
    return [row["asked_text"] for row in await gateway.rows(question) if row["asked_text"] is not None]


async def say(step: Step, text: str, to: str = "10086") -> str:
    """Send a text in a step of its own, and return all that the handset gets, as one text."""
    async with step() as gateway:
        return "\n".join(await gateway.say(text, to))


async def announce(gateway: Running, due: str) -> None:
    fee = AnnounceCharge("api:billing", "c-1", "SJB", ChargeKind.MONTHLY, 300, shanghai(due))
    await gateway.gateway.management.charges.announce(ALICE, fee)
    await gateway.drain()


async def number_of(gateway: Running) -> str:
    """Return the confirmation number that asked last."""
    return [item.service_number for item in await gateway.received() if item.service_number.startswith("10086204")][-1]


async def test_a_pick_from_a_listing_of_several_messages(step: Step) -> None:
    listing = await say(step, "0000")
    assert "\n" in listing
    await say(step, "1", LISTING)
    async with step() as gateway:
        assert await quoted(gateway, "unsubscribe") == [listing]
        assert listing in await shown_to_staff(gateway)
        assert await stored_texts(gateway) == [], "it is stored once, as messages"


async def test_a_listing_of_many_pages(settings: Settings, step: Step) -> None:
    async with step() as gateway:
        await gateway.subscribe(ALICE, "YYH", "ZQ")
    listing = await say(step, "0000")
    await say(step, "1-3", LISTING)
    async with step() as gateway:
        assert set(await quoted(gateway, "unsubscribe")) == {listing}


async def test_a_yes_to_everything(step: Step) -> None:
    await say(step, "0000")
    question_text = await say(step, "全部", LISTING)
    await say(step, "是", LISTING)
    async with step() as gateway:
        texts = await quoted(gateway, "unsubscribe")
        assert texts
        assert set(texts) == {question_text}


async def test_a_warned_service(step: Step) -> None:
    async with step() as gateway:
        ring_tone = (await gateway.gateway.storage.database.read(load_catalogue)).services["CL"]
        await gateway.gateway.management.directory.put_service(replace(ring_tone, cancel_warning="退订后歌曲不再保留"))
    await say(step, "0000")
    warning = await say(step, "1", LISTING)
    assert "歌曲" in warning
    await say(step, "是", LISTING)
    async with step() as gateway:
        assert await quoted(gateway, "unsubscribe") == [warning]


async def test_an_order_from_the_list_of_offers(step: Step) -> None:
    offers = await say(step, "1111")
    order = await say(step, "1")
    async with step() as gateway:
        assert await quoted(gateway, "order-asked") == [order]
        number = await number_of(gateway)
    await say(step, "是", number)
    async with step() as gateway:
        assert await quoted(gateway, "order-confirmed") == [order]
        assert await shown_to_staff(gateway) == [order, offers]


async def test_the_question_for_the_text_of_a_complaint(step: Step) -> None:
    asked = await say(step, "TS")
    async with step() as gateway:
        assert await shown_to_staff(gateway) == [asked]


async def test_a_fee_reminder(step: Step) -> None:
    async with step() as gateway:
        await announce(gateway, "2026-03-05 10:00")
        [reminder] = await gateway.texts()
    await say(step, re.findall(r"\d{4}", reminder)[-1], "10086901")
    async with step() as gateway:
        assert await quoted(gateway, "fee-reminded") == [reminder]
        assert await quoted(gateway, "fee-disputed") == [reminder]
        assert await stored_texts(gateway) == []


async def test_a_fee_reminder_that_is_held_over_the_night(step: Step) -> None:
    async with step() as gateway:
        await gateway.advance_to("2026-03-02 23:00")
        await announce(gateway, "2026-03-05 10:00")
        assert await gateway.texts() == []
    async with step() as gateway:
        [held] = await shown_to_staff(gateway)
        assert await stored_texts(gateway) == [held]
    async with step() as gateway:
        await gateway.advance_to("2026-03-03 07:00")
        assert await gateway.texts() == [held]
        assert await shown_to_staff(gateway) == [held]
        assert await quoted(gateway, "fee-reminded") == [held]


async def test_a_fee_reminder_that_is_superseded_while_it_is_held(step: Step) -> None:
    async with step() as gateway:
        await gateway.advance_to("2026-03-02 23:00")
        await announce(gateway, "2026-03-05 10:00")
        [held] = await shown_to_staff(gateway)
    await say(step, "QXSJB")
    async with step() as gateway:
        assert await shown_to_staff(gateway) == [held]


async def test_a_question_that_is_answered_before_it_is_sent(step: Step) -> None:
    async with step() as gateway:
        await gateway.faults("error")
        await gateway.say("0000")
        listing = "\n".join(row["text"] for row in await gateway.rows(outbound_message))
        await gateway.faults("ok")
        await gateway.store(gateway.message("1", LISTING))
        await gateway.advance(minutes=1)
    async with step() as gateway:
        assert await quoted(gateway, "unsubscribe") == [listing]


async def test_a_question_in_a_batch_with_its_answer(step: Step) -> None:
    async with step() as gateway:
        await gateway.store(gateway.message("0000"), gateway.message("全部", LISTING), gateway.message("是", LISTING))
        await gateway.drain()
        rows = await gateway.rows(outbound_message, outbound_message.c.question_id.is_not(None))
        assert set(await quoted(gateway, "unsubscribe")) == {rows[-1]["text"]}
        assert rows[-1]["text"] in await shown_to_staff(gateway)
        assert await stored_texts(gateway) == []


async def test_a_message_that_staff_send_again_is_quoted_once(step: Step) -> None:
    listing = await say(step, "0000")
    async with step() as gateway:
        first = next(row for row in await gateway.rows(outbound_message) if row["question_id"])
        await gateway.gateway.management.messages.resend(first["id"])
        await gateway.drain()
        assert (await gateway.texts()).count(first["text"]) == 2
    await say(step, "1", LISTING)
    async with step() as gateway:
        assert await quoted(gateway, "unsubscribe") == [listing]
        assert listing in await shown_to_staff(gateway)


async def purge_messages(gateway: Running) -> None:
    """Purge what is more than a day old."""
    storage = gateway.gateway.storage
    async with gateway.gateway.engine.paused():
        retention.purge(storage.database, RetentionPeriods(messages=timedelta(days=1)), storage.owner.heads)


async def test_messages_are_stored_for_as_long_as_their_question(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who hold a service are asked about new terms weeks ahead, while other messages are stored for a day."""
    monkeypatch.setattr(retention, "_PIECE", 1)
    async with step() as gateway:
        await gateway.gateway.management.terms_changes.announce("CL", 600, None, START + timedelta(days=40), "test")
        await gateway.drain()
        [asked] = await gateway.texts()
        number = await number_of(gateway)
        await gateway.say("帮助")
        await gateway.advance(days=20)
        await purge_messages(gateway)
        assert [row["text"] for row in await gateway.rows(outbound_message)] == [asked]
    await say(step, "是", number)
    async with step() as gateway:
        assert await quoted(gateway, "terms-confirmed") == [asked]
        await gateway.advance(days=60)
        await purge_messages(gateway)
        assert await gateway.count(question) == 0
        assert await gateway.count(outbound_message) == 0
