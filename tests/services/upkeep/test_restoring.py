"""What a restored database does by itself, and what not."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db.campaigns import campaign_recipient
from app.db.outbox import outbox
from app.db.record_tables import RECORD_TABLES
from app.db.restoring import OnItsWay, hold_what_was_on_its_way
from app.db.session import Database, normalise_url
from app.db.state import current_state, freeze_clock
from app.db.timers import timer
from app.domain.messages import MessageClass
from app.domain.tickets import Ticket
from app.domain.turn import HELD_MESSAGE
from app.services.management.campaigns import NewCampaign
from app.settings import Settings
from tests.running import ALICE, BOB, running

pytestmark = pytest.mark.anyio


def restored(settings: Settings, hours_later: int = 0) -> OnItsWay:
    """Restore a database whose gateway has stopped."""
    database = Database(normalise_url(settings.database_url))
    try:
        now = database.read_now(current_state).now + timedelta(hours=hours_later)
        database.write_now(lambda connection: freeze_clock(connection, now))
        return database.write_now(lambda connection: hold_what_was_on_its_way(connection, now))
    finally:
        database.close()


def attempts(settings: Settings) -> list[int]:
    database = Database(normalise_url(settings.database_url))
    try:
        return database.read_now(lambda connection: list(connection.execute(select(outbox.c.attempts)).scalars()))
    finally:
        database.close()


async def test_where_the_carrier_knows_the_reference_a_message_that_waited_goes_again(settings: Settings) -> None:
    async with running(settings) as gateway:
        await gateway.faults("throttle")
        await gateway.store(gateway.message("YE"))
        await gateway.drain()
        assert await gateway.count(outbox) == 1
    assert restored(settings).messages == 1
    assert restored(settings).messages == 1
    # One attempt was refused, one may have been made since the backup. So no other carrier may get it.
    assert attempts(settings) == [2]
    async with running(settings) as gateway:
        await gateway.faults("ok")
        await gateway.advance(minutes=6)
        assert len(await gateway.texts()) == 1


async def test_held_messages_become_tickets_and_campaigns_come_to_nobody_else(settings: Settings) -> None:
    async with running(settings) as gateway:
        await gateway.advance_to("2026-03-02 23:00")
        campaigns = gateway.gateway.management.campaigns
        await campaigns.start(NewCampaign(MessageClass.CARE, "祝您节日快乐", "test", (ALICE,)))
        await gateway.drain()
        assert await gateway.count(timer, timer.c.kind == HELD_MESSAGE) == 1
        await gateway.gateway.engine.stop()
        unfinished = await campaigns.start(NewCampaign(MessageClass.CARE, "祝您好", "test", (ALICE, BOB)))
    assert restored(settings) == OnItsWay(messages=0, held=0, recipients=2)
    assert restored(settings, hours_later=12) == OnItsWay(messages=0, held=1, recipients=0)
    async with running(settings) as gateway:
        await gateway.advance(minutes=1)
        assert await gateway.texts() == await gateway.texts(BOB) == []
        progress = await gateway.gateway.management.campaigns.one(unfinished)
        assert (progress.waiting, progress.skipped) == (0, {"restored": 2})
        assert progress.done_at is not None
        assert await gateway.count(campaign_recipient, campaign_recipient.c.campaign_id == unfinished) == 2
        [ticket] = await gateway.rows(RECORD_TABLES[Ticket].table)
        assert ticket["kind"] == "unanswered"
