"""A message is identified by provider, provider's id and sender, and counts once (delivery.md 2)."""

import asyncio

import pytest

from app.db.evidence import evidence
from app.db.inbox import inbound_message
from tests.running import ALICE, BOB, Running

pytestmark = pytest.mark.anyio


async def test_a_thousand_copies_at_once_have_one_effect_and_one_reply(gateway: Running) -> None:
    await gateway.say("0000")
    before = len(await gateway.received())

    stored = await asyncio.gather(
        *(gateway.store(gateway.message("1", "10086977", message_id="same")) for _ in range(1000))
    )
    await gateway.drain()

    assert [item.new for [item] in stored].count(True) == 1
    assert len({item.id for [item] in stored}) == 1
    assert len(await gateway.received()) == before + 1
    assert (await gateway.states())["CL"] == "ended"
    assert await gateway.count(evidence, evidence.c.kind == "unsubscribe") == 1


async def test_a_repeat_gets_the_first_id_also_after_it_was_answered(gateway: Running) -> None:
    [first] = await gateway.store(gateway.message("0000", message_id="same"))
    await gateway.drain()
    [again] = await gateway.store(gateway.message("0000", message_id="same"))
    await gateway.drain()

    assert (again.id, again.new) == (first.id, False)
    assert len(await gateway.received()) == 2


async def test_a_repeat_inside_of_one_array_counts_once(gateway: Running) -> None:
    stored = await gateway.store(
        gateway.message("0000", message_id="a"),
        gateway.message("0000", message_id="a"),
        gateway.message("帮助", message_id="b"),
    )
    await gateway.drain()

    assert [item.new for item in stored] == [True, False, True]
    assert stored[0].id == stored[1].id != stored[2].id
    assert await gateway.count(inbound_message) == 2


async def test_one_id_of_two_senders_or_of_two_providers_is_two_messages(gateway: Running) -> None:
    stored = await gateway.store(
        gateway.message("0000", message_id="a"),
        gateway.message("0000", message_id="a", sender=BOB),
        gateway.message("0000", message_id="a", provider="generic"),
    )
    assert all(item.new for item in stored)


async def test_the_forms_of_a_number_are_one_sender(gateway: Running) -> None:
    forms = [ALICE, "13800138000", "8613800138000", "008613800138000"]
    stored = [await gateway.store(gateway.message("0000", message_id="a", sender=form)) for form in forms]

    assert len({item.id for [item] in stored}) == 1


async def test_the_same_answer_sent_again_is_not_taken_for_a_repeat(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.say("1", "10086977")
    [again] = await gateway.say("1", "10086977")

    assert "此前已退订" in again
