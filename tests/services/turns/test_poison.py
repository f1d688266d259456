"""A message whose handling raises affects no other message (delivery.md 5)."""

import asyncio
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from app.db.evidence import evidence
from app.db.inbox import inbound_message
from app.db.record_tables import RECORD_TABLES
from app.db.subscribers import subscriber
from app.db.subscriptions import subscription
from app.db.timers import timer
from app.domain.tickets import Ticket
from app.domain.turn import Call
from tests.running import ALICE, BOB, START, Running, running, settings_for
from tests.services.trouble import SECRET_TEXT, add_trouble

pytestmark = pytest.mark.anyio
_inbound = inbound_message


class _UnknownCall(Call[None]):
    """A management call that no command takes."""


async def test_a_poison_message_is_tried_three_times_and_answered_once(gateway: Running) -> None:
    add_trouble(gateway.gateway.turning.registry)
    replies = await gateway.say(SECRET_TEXT)

    [row] = await gateway.rows(_inbound)
    assert (row["status"], row["tries"]) == ("dead", 3)
    assert [text for text in replies if "暂时未能处理" in text] == replies
    assert len(replies) == 1


async def test_a_poison_message_opens_a_ticket(gateway: Running) -> None:
    add_trouble(gateway.gateway.turning.registry)
    await gateway.say(SECRET_TEXT)
    await gateway.say(SECRET_TEXT, sender=BOB)

    tickets = await gateway.rows(RECORD_TABLES[Ticket].table)
    assert {(row["msisdn"], row["kind"], row["state"]) for row in tickets} == {
        (ALICE, "dead_letter", "open"),
        (BOB, "dead_letter", "open"),
    }
    [message] = await gateway.rows(_inbound, _inbound.c.msisdn == ALICE)
    [opened] = await gateway.rows(evidence, (evidence.c.kind == "ticket-opened") & (evidence.c.msisdn == ALICE))
    assert json.loads(opened["payload"])["who"] == f"mo:{message['id']}"


async def test_a_yes_to_10086_after_its_apology_is_no_answer_to_an_order(gateway: Running) -> None:
    add_trouble(gateway.gateway.turning.registry)
    await gateway.say("KTYYH")
    await gateway.say(SECRET_TEXT)
    [where] = await gateway.say("是")
    assert "请回复至10086204" in where
    assert "YYH" not in await gateway.states()


async def test_a_message_sees_records_that_an_earlier_one_of_its_batch_made(gateway: Running) -> None:
    """The records that a turn makes are in the database only after the batch."""
    async with gateway.gateway.engine.paused():
        await gateway.store(gateway.message("0000"), gateway.message("TS 慢"), gateway.message("CXTS"))
    await gateway.drain()

    [ticket] = await gateway.rows(RECORD_TABLES[Ticket].table)
    assert ticket["number"] in (await gateway.texts())[-1]


async def test_messages_behind_a_poison_one_go_on_in_order(gateway: Running) -> None:
    add_trouble(gateway.gateway.turning.registry)
    await gateway.store(
        gateway.message("0000"),
        gateway.message(SECRET_TEXT),
        gateway.message("1", "10086977"),
        gateway.message("0000", sender=BOB),
    )
    await gateway.drain()

    listing, in_plan, sorry, ended = await gateway.texts()
    assert "彩铃5元/月" in listing
    assert "来电提醒" in in_plan
    assert "暂时未能处理" in sorry
    assert "彩铃已于" in ended
    assert len(await gateway.received(BOB)) == 1


async def test_the_trace_says_where_and_tells_nothing_of_the_customer(gateway: Running, log: io.StringIO) -> None:
    add_trouble(gateway.gateway.turning.registry)
    await gateway.say(SECRET_TEXT)

    [row] = await gateway.rows(_inbound)
    assert "RuntimeError" in row["trace"]
    assert "boom" in row["trace"]
    assert "a turn failed" in log.getvalue()
    for private in ("138001", "13712345678", "PRIVATE"):
        assert private not in row["trace"]
        assert private not in log.getvalue()


async def test_a_dead_letter_runs_again_by_its_own_time_and_by_what_was_shown_then(gateway: Running) -> None:
    fuse = add_trouble(gateway.gateway.turning.registry)
    await gateway.say(SECRET_TEXT)
    [row] = await gateway.rows(_inbound)
    await gateway.advance(hours=3)
    fuse.burns = False

    assert await gateway.gateway.management.messages.retry(row["id"])
    await gateway.drain()

    [row] = await gateway.rows(_inbound)
    assert (row["status"], row["verdict"], row["trace"], row["sent_at"]) == ("handled", "went well", None, START)


async def test_a_retried_pick_means_the_listing_that_was_open_when_it_was_sent(gateway: Running) -> None:
    fuse = add_trouble(gateway.gateway.turning.registry)
    await gateway.say("0000")
    gateway.gateway.turning.registry.keywords["1"] = gateway.gateway.turning.registry.keywords["BOOM13712345678PRIVATE"]
    await gateway.say("1", "10086977")
    [dead] = await gateway.rows(_inbound, _inbound.c.status == "dead")
    del gateway.gateway.turning.registry.keywords["1"]
    fuse.burns = False
    await gateway.advance(hours=3)

    await gateway.gateway.management.messages.retry(dead["id"])
    await gateway.drain()

    assert (await gateway.states())["CL"] == "ended"


async def test_retry_takes_dead_letters_only(gateway: Running) -> None:
    await gateway.say("0000")
    [row] = await gateway.rows(_inbound)

    assert not await gateway.gateway.management.messages.retry(row["id"])
    assert not await gateway.gateway.management.messages.retry("1801439850948198400")


async def test_a_message_whose_rows_cannot_be_written_affects_no_other_number(gateway: Running) -> None:
    add_trouble(gateway.gateway.turning.registry)
    others = [f"+86138003{number:05}" for number in range(20)]
    await gateway.subscribers(others)
    messages = [gateway.message("0000", sender=number) for number in others]
    messages.insert(10, gateway.message("SPOIL", sender=BOB))
    messages.append(gateway.message("0000", sender=BOB))
    async with gateway.gateway.engine.paused():
        await asyncio.gather(*map(gateway.store, messages))
    await gateway.drain()

    assert [len(await gateway.received(number)) for number in others] == [1] * 20
    [spoilt] = await gateway.rows(_inbound, _inbound.c.text == "SPOIL")
    assert (spoilt["status"], spoilt["tries"]) == ("dead", 3)
    assert "IntegrityError" in spoilt["trace"]
    assert BOB[3:] not in spoilt["trace"]
    sorry, listing = await gateway.texts(BOB)
    assert "暂时未能处理" in sorry
    assert "没有正在使用的增值业务" in listing
    assert await gateway.count(subscription, subscription.c.msisdn == BOB) == 0


async def test_messages_of_an_unreadable_account_become_dead_letters_that_can_be_retried(gateway: Running) -> None:
    mine = subscription.c.msisdn == ALICE

    async def states_are(states: dict[str, str]) -> None:
        def work(connection: Connection) -> None:
            for id_, state in states.items():
                connection.execute(update(subscription).where(subscription.c.id == id_).values(state=state))

        await gateway.gateway.storage.database.write(work)

    right = {row["id"]: row["state"] for row in await gateway.rows(subscription, mine)}
    await states_are(dict.fromkeys(right, "broken"))
    await gateway.store(gateway.message("QXCL"))
    assert len(await gateway.say("0000", sender=BOB)) == 1
    await gateway.advance(hours=3)

    [dead] = await gateway.rows(_inbound, _inbound.c.status == "dead")
    assert (dead["text"], dead["tries"]) == ("QXCL", 3)
    await states_are(right)
    assert await gateway.gateway.management.messages.retry(dead["id"])
    await gateway.drain()
    assert (await gateway.states())["CL"] == "ended"


async def test_the_log_of_an_unwritable_batch_tells_nothing_of_what_was_to_be_written(
    postgresql_url: str, log: io.StringIO
) -> None:
    async with running(settings_for(postgresql_url)) as gateway:
        add_trouble(gateway.gateway.turning.registry)
        await gateway.say("CLUTTER")

        [dead] = await gateway.rows(_inbound)
        assert dead["status"] == "dead"
        assert "a batch could not be written" in log.getvalue()
        assert "DataError" in log.getvalue()
        for private in ("PRIVATE", "13800138000"):
            assert private not in log.getvalue()
            assert private not in dead["trace"]


async def test_a_timer_that_raises_is_postponed_an_hour_and_delays_no_message(gateway: Running) -> None:
    fuse = add_trouble(gateway.gateway.turning.registry)
    await gateway.say("LATER")
    assert len(await gateway.say("0000")) == 2

    [row] = await gateway.rows(timer, timer.c.kind == "burning")
    assert row["due_at"] == START + timedelta(hours=1)
    fuse.burns = False
    await gateway.advance(hours=1)
    assert await gateway.count(timer, timer.c.kind == "burning") == 0


async def test_a_call_that_raises_fails_alone(gateway: Running) -> None:
    with pytest.raises(LookupError):
        await gateway.gateway.turning.turns.carry_out(ALICE, _UnknownCall())
    results = await asyncio.gather(
        gateway.gateway.turning.turns.carry_out(ALICE, _UnknownCall()),
        gateway.subscriber("+8613800300001"),
        return_exceptions=True,
    )

    assert isinstance(results[0], LookupError)
    assert results[1] is None
    assert await gateway.count(subscriber) == 3
