"""Messages, their attempts and reports, and dead letters (http-api.md, management API)."""

import httpx
import pytest

from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.domain.account import SubscriberStatus
from tests.running import ALICE, BOB
from tests.services.trouble import SECRET_TEXT, add_trouble
from tests.web.calls import SHANGHAI_START, Web, assert_problem

pytestmark = pytest.mark.anyio
MESSAGES = "/api/v1/messages"


async def messages(web: Web, **params: str) -> list[dict[str, object]]:
    answer = await web.get(MESSAGES, **params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["messages"]
    return found


async def test_messages_are_listed_newest_first_with_all_fields(web: Web) -> None:
    await web.running.say("帮助")
    mt, mo = await messages(web)

    assert {key: mo[key] for key in ("direction", "from", "to", "text", "status", "at", "provider")} == {
        "direction": "mo", "from": ALICE, "to": "10086", "text": "帮助", "status": "handled", "at": SHANGHAI_START,
        "provider": "simulator",
    }  # fmt: skip
    assert {key: mt[key] for key in ("direction", "from", "to", "class", "status", "encoding", "attempts", "in_reply_to")} == {
        "direction": "mt", "from": "10086", "to": ALICE, "class": "reply", "status": "delivered", "encoding": "ucs2",
        "attempts": 1, "in_reply_to": mo["id"],
    }  # fmt: skip
    assert mt["provider_message_id"]
    assert (mt["handed_over_at"], mt["valid_until"]) == (SHANGHAI_START, "2026-03-02T10:10:00+08:00")


async def test_a_list_is_filtered_by_number_direction_and_status(web: Web) -> None:
    await web.running.say("0000")
    await web.running.faults("reject")
    await web.running.say("帮助", sender=BOB)

    assert len(await messages(web)) == 5
    assert {message["msisdn"] for message in await messages(web, msisdn="13900139000")} == {BOB}
    assert [message["direction"] for message in await messages(web, direction="mo")] == ["mo", "mo"]
    [failed] = await messages(web, status="failed")
    assert (failed["to"], failed["error_code"]) == (BOB, "simulated: rejected")
    assert await messages(web, msisdn="13900139000", direction="mt", status="delivered") == []


async def test_a_list_is_read_in_pages(web: Web) -> None:
    for _ in range(3):
        await web.running.say("帮助")
    whole = await messages(web)
    read: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        page = (await web.get(MESSAGES, limit="4", **({"cursor": cursor} if cursor else {}))).json()
        read += page["messages"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert read == whole
    assert len(whole) == 6


@pytest.mark.parametrize(
    ("parameter", "wrong"),
    [
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "x"),
        ("direction", "up"),
        ("msisdn", "10086"),
        ("cursor", "x"),
        ("cursor", "\x00"),
    ],
)
async def test_an_invalid_filter_is_refused(web: Web, parameter: str, wrong: str) -> None:
    assert_problem(await web.get(MESSAGES, **{parameter: wrong}), 422)


@pytest.mark.parametrize("status", ["\x00", "'", "nothing", ""])
async def test_an_unused_status_finds_nothing(web: Web, status: str) -> None:
    answer = await web.get(MESSAGES, status=status)
    assert answer.status_code in (200, 422)


async def test_one_message_is_shown_with_its_attempts_and_reports(web: Web) -> None:
    await web.running.faults("error", count=2)
    await web.running.say("帮助")
    await web.running.advance(minutes=1)
    mt = (await messages(web, direction="mt"))[0]
    await web.status({"message_id": mt["provider_message_id"], "status": "undelivered", "error_code": "27"})

    detail = (await web.get(f"{MESSAGES}/{mt['id']}")).json()
    assert (detail["attempts"], detail["status"]) == (3, "delivered")
    assert [(one["number"], one["result"], one["error_code"]) for one in detail["failed_attempts"]] == [
        (1, "refused for now", "simulated: error"),
        (2, "refused for now", "simulated: error"),
    ]
    assert [(one["status"], one.get("error_code")) for one in detail["reports"]] == [
        ("delivered", None),
        ("undelivered", "27"),
    ]
    mo = (await messages(web, direction="mo"))[0]
    assert (await web.get(f"{MESSAGES}/{mo['id']}")).json()["failed_attempts"] == []


@pytest.mark.parametrize("wrong", ["1000000000000000000", "9999999999999999999", "-1", "x", "%00", "'", "1e999"])
async def test_an_unknown_message_is_not_found(web: Web, wrong: str) -> None:
    assert_problem(await web.get(f"{MESSAGES}/{wrong}"), 404)
    assert_problem(await web.call("POST", f"/api/v1/dead-letters/{wrong}/retry"), 404)


# ---- dead letters


async def test_a_dead_letter_is_listed_with_its_trace_and_can_be_retried(web: Web) -> None:
    fuse = add_trouble(web.running.gateway.turning.registry)
    await web.running.say("帮助")
    await web.running.say(SECRET_TEXT)
    [letter] = (await web.get("/api/v1/dead-letters")).json()["dead_letters"]
    assert (letter["status"], letter["text"]) == ("dead", SECRET_TEXT)
    assert "RuntimeError" in letter["trace"]

    fuse.burns = False
    answer = await web.call("POST", f"/api/v1/dead-letters/{letter['id']}/retry")
    assert (answer.status_code, answer.json()) == (202, {"id": letter["id"], "status": "pending"})
    await web.running.drain()
    assert (await web.get("/api/v1/dead-letters")).json() == {"dead_letters": [], "next_cursor": None}
    assert_problem(await web.call("POST", f"/api/v1/dead-letters/{letter['id']}/retry"), 404)
    assert (await web.get(f"{MESSAGES}/{letter['id']}")).json()["verdict"] == "went well"


async def test_dead_letters_are_read_in_pages(web: Web) -> None:
    add_trouble(web.running.gateway.turning.registry)
    for _ in range(3):
        await web.running.say(SECRET_TEXT)
    first = (await web.get("/api/v1/dead-letters", limit="2")).json()
    second = (await web.get("/api/v1/dead-letters", limit="2", cursor=first["next_cursor"])).json()
    assert (len(first["dead_letters"]), len(second["dead_letters"]), second["next_cursor"]) == (2, 1, None)
    assert await web.running.count(inbound_message, inbound_message.c.status == "dead") == 3


# ---- sending again


async def resend(web: Web, message_id: str) -> httpx.Response:
    return await web.call("POST", f"/api/v1/messages/{message_id}/resend")


async def test_a_message_is_sent_again_with_the_same_words(web: Web) -> None:
    [first] = await web.running.say("帮助")
    [sent] = await web.running.rows(outbound_message)
    assert (await resend(web, sent["id"])).status_code == 202
    await web.running.drain()
    assert await web.running.texts() == [first, first]


async def test_a_listing_that_was_sent_again_is_answered_as_the_first_one(web: Web) -> None:
    await web.running.say("0000")
    await web.running.advance(minutes=90)
    [sent, *_] = await web.running.rows(outbound_message)
    assert (await resend(web, sent["id"])).status_code == 202
    await web.running.drain()
    await web.running.say("1", "10086977")
    assert (await web.running.states())["CL"] == "ended"


async def test_an_outdated_message_is_not_sent_again(web: Web) -> None:
    await web.running.say("0000")
    await web.running.say("帮助")
    sent = await web.running.rows(outbound_message)
    await web.running.advance(hours=2.5)
    for row in sent:
        assert "time is over" in assert_problem(await resend(web, row["id"]), 409)


async def test_messages_to_a_former_customer_are_not_sent_again(web: Web) -> None:
    await web.running.say("帮助")
    [sent] = await web.running.rows(outbound_message)
    for status in ("closed", "active"):
        await web.running.subscriber(ALICE, status=SubscriberStatus(status))
    assert "another holder" in assert_problem(await resend(web, sent["id"]), 409)


async def test_only_messages_to_customers_that_are_not_on_their_way_are_sent_again(web: Web) -> None:
    await web.running.faults("throttle")
    await web.running.store(web.running.message("帮助"))
    await web.running.gateway.engine.settle()
    [waiting] = await web.running.rows(outbound_message)
    assert "on its way" in assert_problem(await resend(web, waiting["id"]), 409)
    [mo] = await web.running.rows(inbound_message)
    assert_problem(await resend(web, mo["id"]), 404)
    assert_problem(await resend(web, "1858489345745354752"), 404)
