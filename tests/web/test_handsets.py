"""The number of a handset, and what is on its way to it (http-api.md, simulator)."""

from typing import Any

import pytest

from tests.running import ALICE
from tests.web.calls import SHANGHAI_START, Web, assert_problem

pytestmark = pytest.mark.anyio
HANDSET = "/simulator/handsets/13800138000"
_FAILURES_TO_OPEN = 10


async def outbox(web: Web) -> list[dict[str, Any]]:
    answer = await web.get(f"{HANDSET}/outbox")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


@pytest.mark.parametrize(
    ("given", "number"),
    [("13800138000", ALICE), ("008613800138000", ALICE), ("+85251234567", "+85251234567")],
)
async def test_a_mobile_number_is_a_handset_s(web: Web, given: str, number: str) -> None:
    answer = await web.get(f"/simulator/handsets/{given}")
    assert (answer.status_code, answer.json()) == (200, {"msisdn": number})


@pytest.mark.parametrize("given", ["12345", "10086", "nobody", "01088888888", "1380013800", "%00"])
async def test_any_other_number_is_refused(web: Web, given: str) -> None:
    assert_problem(await web.get(f"/simulator/handsets/{given}"), 422)


async def test_nothing_is_on_its_way_when_all_was_taken(web: Web) -> None:
    await web.running.say("0000")
    assert await outbox(web) == []


@pytest.mark.parametrize(("mode", "reason"), [("throttle", "simulated: throttled"), ("error", "simulated: error")])
async def test_a_message_refused_for_now_waits_for_its_next_attempt(web: Web, mode: str, reason: str) -> None:
    await web.running.faults(mode)
    await web.running.say("0000")
    first, second = await outbox(web)
    assert first == {
        "id": first["id"], "from": "10086977", "status": "queued", "attempts": 1, "waits_for": "attempt",
        "next_attempt_at": first["next_attempt_at"], "reason": reason, "shown": False, "made_at": SHANGHAI_START,
        "in_reply_to": (await web.running.thread())[0].id,
    }  # fmt: skip
    assert SHANGHAI_START < first["next_attempt_at"] <= "2026-03-02T10:00:04+08:00"
    assert (second["attempts"], second["waits_for"], second["in_reply_to"]) == (0, "earlier", first["in_reply_to"])
    assert "text" not in first

    await web.running.faults("ok")
    await web.running.advance(seconds=10)
    assert await outbox(web) == []


async def test_a_message_whose_answer_was_lost_is_shown(web: Web) -> None:
    await web.running.faults("timeout", count=1)
    await web.running.say("帮助")
    [waiting] = await outbox(web)
    assert (waiting["shown"], waiting["reason"]) == (True, "simulated: answer lost")
    assert waiting["id"] in [message.id for message in await web.running.received()]


async def test_a_message_refused_for_good_was_given_up(web: Web) -> None:
    await web.running.faults("reject")
    await web.running.say("帮助")
    [given_up] = await outbox(web)
    assert (given_up["status"], given_up["attempts"], given_up["reason"]) == ("failed", 1, "simulated: rejected")
    assert not {"waits_for", "next_attempt_at"} & given_up.keys()


async def test_a_message_that_expired_was_given_up_unless_it_was_delivered_late(web: Web) -> None:
    await web.running.faults("error")
    await web.running.say("帮助")
    await web.running.advance(minutes=11)
    [given_up] = await outbox(web)
    assert given_up["status"] == "expired"
    await web.running.faults("ok")
    await web.running.reports("expired")
    await web.running.say("帮助")
    assert (await web.running.received())[-1].status == "expired"
    assert await outbox(web) == [given_up]


async def test_while_the_network_fails_all_the_time_messages_wait_for_the_end_of_the_pause(web: Web) -> None:
    await web.running.faults("error")
    numbers = [f"+861380013{place:04}" for place in range(8100, 8100 + _FAILURES_TO_OPEN)]
    await web.running.store(*(web.running.message("帮助", sender=number) for number in numbers))
    await web.running.drain()
    await web.running.say("帮助")
    [waiting] = await outbox(web)
    assert (waiting["attempts"], waiting["waits_for"]) == (0, "pause")
    assert waiting["next_attempt_at"] > SHANGHAI_START


async def test_every_handset_has_its_own(web: Web) -> None:
    await web.running.faults("reject")
    await web.running.say("帮助", sender="+8613900139000")
    assert await outbox(web) == []
    assert (await web.get("/simulator/handsets/nobody/outbox")).json() == {"messages": []}
