"""The threads of several handsets in one order, and the questions that are open (testkit 12 and 14)."""

import pytest

from app.settings import Environment, SettingsFile
from tests.running import ALICE, BOB, options_of, settings_for
from tests.web.calls import Web, assert_problem, serving

pytestmark = pytest.mark.anyio


async def threads(web: Web, query: str = "") -> list[dict[str, object]]:
    answer = await web.call("GET", f"/simulator/threads{query}", token=None)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["messages"]
    return found


async def questions(web: Web, query: str = "") -> list[dict[str, object]]:
    answer = await web.call("GET", f"/simulator/questions{query}", token=None)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["questions"]
    return found


async def talk(web: Web) -> None:
    for sender, text, to in ((ALICE, "0000", "10086"), (BOB, "帮助", "10086"), (ALICE, "1", "10086977")):
        await web.running.say(text, to, sender=sender)


async def test_all_threads_come_in_one_order_with_what_each_message_is(web: Web) -> None:
    await talk(web)
    found = await threads(web)
    assert [(one["handset"], one["direction"], one["kind"]) for one in found] == [
        ("13800138000", "mo", None),
        ("13800138000", "mt", "choosing-services"),
        ("13800138000", "mt", "choosing-services"),
        ("13900139000", "mo", None),
        ("13900139000", "mt", "reply"),
        ("13800138000", "mo", None),
        ("13800138000", "mt", "result"),
    ]
    own = (await web.get("/simulator/handsets/13800138000/messages")).json()["messages"]
    more = {"handset": "13800138000"}
    bare = [{key: given for key, given in one.items() if key not in ("kind", "code")} for one in found]
    assert [{"in_reply_to": None, **one} | more for one in own] == [
        one for one in bare if one["handset"] == "13800138000"
    ]


async def test_threads_are_read_by_handset_and_behind_a_message(web: Web) -> None:
    await talk(web)
    whole = await threads(web)
    assert await threads(web, "?handset=13900139000") == whole[3:5]
    assert await threads(web, "?handset=13900139000&handset=%2B8613800138000") == whole
    assert await threads(web, f"?after={whole[2]['id']}") == whole[3:]
    assert await threads(web, f"?handset=13900139000&after={whole[3]['id']}") == whole[4:5]
    assert await threads(web, f"?handset=13900139000&after={whole[5]['id']}") == []
    assert await threads(web, "?limit=2") == whole[:2]
    assert await threads(web, "?handset=nobody") == []
    assert await threads(web, "?after=1000000000000000000") == []


async def test_open_questions_say_where_and_until_when_to_answer(web: Web) -> None:
    assert await questions(web) == []
    await web.running.say("0000")
    listing = {
        "handset": "13800138000", "kind": "choosing-services", "number": "10086977",
        "until": "2026-03-02T12:00:00+08:00", "code": None,
    }  # fmt: skip
    assert await questions(web) == [listing]
    assert await questions(web, "?handset=13800138000") == [listing]
    assert await questions(web, "?handset=13900139000") == []
    await web.running.advance(hours=2)
    assert await questions(web) == [listing], "to its last instant"
    await web.running.advance(seconds=1)
    assert await questions(web) == []


async def test_a_question_that_wants_a_code_names_it(web: Web) -> None:
    charge = {
        "charge_id": "c-1", "msisdn": ALICE, "service_code": "SJB", "kind": "monthly", "amount_fen": 300,
        "due_at": "2026-03-05T10:00:00+08:00",
    }  # fmt: skip
    assert (await web.call("POST", "/api/v1/charges", charge)).status_code == 202
    await web.call("POST", "/simulator/drain")
    reminder = next(one for one in await threads(web) if one["kind"] == "doubting-fee")
    [asked] = await questions(web)
    assert asked["kind"] == "doubting-fee"
    assert str(asked["code"]).isdigit()
    assert reminder["code"] == asked["code"]
    assert str(asked["code"]) in str(reminder["text"])


@pytest.mark.parametrize("query", ["?limit=0", "?limit=5001", "?after=x", "?" + "&".join(["handset=1"] * 501)])
async def test_a_wrong_query_is_refused(web: Web, query: str) -> None:
    assert_problem(await web.call("GET", f"/simulator/threads{query}"), 422)


@pytest.mark.parametrize("path", ["threads", "questions"])
async def test_in_dev_there_are_none(unused_sqlite_url: str, path: str) -> None:
    file = SettingsFile(providers={"simulator": options_of(kind="simulator")}, default_provider="simulator")
    async with serving(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        assert_problem(await web.get(f"/simulator/{path}"), 404)
