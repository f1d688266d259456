"""A failure affects only the number, campaign or call that it belongs to (safety.md 32)."""

import asyncio
import io
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Update, update

from app.batching import Batcher
from app.db.campaigns import campaign
from app.db.inbox import inbound_message
from app.db.subscribers import subscriber
from app.db.terms import terms_change
from app.domain.messages import MessageClass
from app.services.isolation import Isolation
from app.services.management.campaigns import NewCampaign
from app.services.turns.account_cache import AccountCache
from tests.running import ALICE, BOB, START, Running

pytestmark = pytest.mark.anyio


async def spoil(gateway: Running, change: Update) -> None:
    """Write into a row what no release writes."""

    def write(connection: Connection) -> None:
        assert connection.execute(change).rowcount

    await gateway.gateway.storage.database.write(write)


async def test_a_number_whose_account_cannot_be_read_delays_no_other(gateway: Running, log: io.StringIO) -> None:
    mine = subscriber.c.msisdn == ALICE
    await spoil(gateway, update(subscriber).where(mine).values(brand="no brand at all"))
    gateway.gateway.turning.turns._loader._cache = AccountCache()
    await gateway.store(gateway.message("0000"), gateway.message("YE", sender=BOB))
    await gateway.drain()

    assert len(await gateway.texts(BOB)) == 1
    assert "DEAD" not in log.getvalue()
    assert ALICE not in log.getvalue()
    [waiting] = await gateway.rows(inbound_message, inbound_message.c.status == "pending")
    assert waiting["due_at"] == START + timedelta(hours=1), "it is tried again"


async def test_a_campaign_that_fails_delays_no_other(gateway: Running) -> None:
    campaigns = gateway.gateway.management.campaigns
    async with gateway.gateway.engine.paused():
        bad = await campaigns.start(NewCampaign(MessageClass.CARE, "bad", "test", (ALICE,)))
        good = await campaigns.start(NewCampaign(MessageClass.CARE, "good", "test", (BOB,)))
        await spoil(gateway, update(campaign).where(campaign.c.id == bad).values(brand="no brand at all"))
        while await campaigns.step():
            pass
    assert (await campaigns.one(good)).done_at is not None
    await spoil(gateway, update(campaign).where(campaign.c.id == bad).values(brand=None))
    campaigns._isolation._retry_at.clear()
    await gateway.drain()
    assert (await campaigns.one(bad)).done_at is not None


async def test_an_announcement_that_fails_delays_no_other(gateway: Running) -> None:
    changes, day = gateway.gateway.management.terms_changes, START + timedelta(days=30)
    async with gateway.gateway.engine.paused():
        bad = await changes.announce("SJB", 400, None, day, "test")
        await changes.announce("CL", 600, None, day, "test")
        await spoil(gateway, update(terms_change).where(terms_change.c.id == bad.id).values(cancel_effect="never"))
        while await changes.step():
            pass
        found = {row["service_code"]: row["done_at"] for row in await gateway.rows(terms_change)}
    assert found["CL"] is not None
    assert found["SJB"] is None


async def test_of_calls_that_share_a_batch_only_the_failing_one_fails() -> None:
    tried: list[Sequence[int]] = []

    async def run(items: Sequence[int]) -> Sequence[int]:
        tried.append(items)
        if 3 in items:
            raise ValueError("three")
        if 5 in items:
            raise ConnectionError("everybody's")
        return [10 * item for item in items]

    batcher = Batcher(run, most=10, shared=ConnectionError)
    found = await asyncio.gather(*map(batcher.submit, (1, 2, 3, 4)), return_exceptions=True)
    assert [one for one in found if isinstance(one, int)] == [10, 20, 40]
    assert isinstance(found[2], ValueError)
    tried.clear()
    found = await asyncio.gather(*map(batcher.submit, (4, 5, 6)), return_exceptions=True)
    assert all(isinstance(one, ConnectionError) for one in found)
    assert tried == [[4, 5, 6]], "what is away for all is asked once"


async def test_a_failed_item_is_retried_with_increasing_pauses() -> None:
    isolation, tried = Isolation("test"), list[str]()

    async def step(item_id: str) -> bool:
        tried.append(item_id)
        if item_id == "bad":
            raise RuntimeError(item_id)
        return item_id == "busy"

    assert await isolation.each(["bad", "busy", "idle"], step)
    assert not await isolation.each(["bad", "idle"], step)
    assert tried == ["bad", "busy", "idle", "idle"]
    isolation._retry_at.clear()
    before = isolation._failures["bad"]
    await isolation.each(["bad"], step)
    assert isolation._failures["bad"] == before + 1
