"""What the gateway did with a message, put together by one call (http-api.md, simulator)."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from app.commands.registry import Command, Registry
from app.commands.routes import Route, RouteKind
from app.db.evidence import evidence
from app.db.inbox import inbound_message
from app.domain.account import SubscriberStatus
from app.domain.turn import Handled, Turn
from app.domain.values import replace
from app.services.simulator.explanations import TIMERS, VERDICTS, why
from app.settings import Environment, SettingsFile
from tests.running import ALICE, START, options_of, settings_for
from tests.services.trouble import add_trouble
from tests.web.calls import SHANGHAI_START, Web, assert_problem, serving

pytestmark = pytest.mark.anyio
HANDSET = "/simulator/handsets/13800138000"


async def inspect(web: Web, message_id: str, handset: str = HANDSET) -> dict[str, Any]:
    answer = await web.call("GET", f"{handset}/messages/{message_id}", token=None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sent(web: Web, text: str, to: str = "10086", handset: str = HANDSET) -> dict[str, Any]:
    """Send a text from a handset, and return what the gateway did with it until nothing is due."""
    answer = await web.call("POST", f"{handset}/messages", {"to": to, "text": text}, token=None)
    await web.running.drain()
    return await inspect(web, answer.json()["id"], handset)


def only(rows: list[dict[str, Any]], *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


# ---- texts


async def test_a_keyword_is_shown_as_it_was_read_and_with_the_question_that_it_asked(web: Web) -> None:
    found = await sent(web, "“ＯＯＯＯ。”")
    assert (found["received"]["text"], found["read_as"]) == ("“ＯＯＯＯ。”", "0000")
    assert (found["received"]["status"], found["received"]["handled_at"]) == ("handled", SHANGHAI_START)
    assert (found["taken"]["by"], found["taken"]["keyword"], found["taken"]["argument"]) == ("keyword", "0000", "")
    assert found["taken"]["function"] == "app.commands.subscriptions.listing.list_services"
    assert found["taken"]["why"]["en"].startswith("The text is the keyword 0000")
    assert found["verdict"] == {"word": "answered", "en": "answered", "zh": "已回复"}
    [asked] = found["questions"]
    assert (asked["kind"], asked["from"]) == ("choosing-services", "10086977")
    assert asked["expires_at"] == "2026-03-02T12:00:00+08:00"
    assert [(reply["from"], reply["class"], reply["status"]) for reply in found["replies"]] == [
        ("10086977", "reply", "delivered")
    ] * 2
    assert [found[part] for part in ("changes", "evidence", "events", "timers")] == [[], [], [], []]


async def test_a_pick_is_shown_with_everything_that_it_changed(web: Web) -> None:
    listing = await sent(web, "0000")
    found = await sent(web, "1,2", "10086977")
    assert (found["taken"]["by"], found["taken"]["keyword"]) == ("answer", None)
    assert found["taken"]["question"]["id"] == listing["questions"][0]["id"]
    assert found["taken"]["function"] == "app.commands.subscriptions.picking.ListingHandler"
    assert found["verdict"]["word"] == "unsubscribed"
    assert only(found["changes"], "what", "service_code", "service", "before", "after") == [
        ("subscription", "CL", "彩铃", "active", "ended"),
        ("subscription", "SJB", "手机报", "active", "ending"),
    ]
    assert [(one["kind"], one["payload"]["answer"]) for one in found["evidence"]] == [("unsubscribe", "1,2")] * 2
    assert only(found["events"], "receiver", "type") == [
        ("sp:CMCC", "subscription.unsubscribed"),
        ("sp:XINHUA", "subscription.unsubscribed"),
    ]
    assert only(found["timers"], "kind", "due_at", "en") == [
        ("subscription-end", "2026-03-31T23:59:59+08:00", "end the service")
    ]
    [reply] = found["replies"]
    assert (reply["attempts"], reply["failed_attempts"]) == (1, [])
    assert only(reply["reports"], "status", "at") == [("delivered", SHANGHAI_START)]
    assert reply["provider_message_id"] == f"sim-{reply['id']}"


async def test_turns_at_one_instant_are_told_apart(web: Web) -> None:
    """The clock stands still, so that no time tells them apart."""
    first = await sent(web, "KTYYH")
    number = first["questions"][0]["from"]
    await sent(web, "YE")
    yes = await sent(web, "是", number)
    late = await sent(web, "是", number)
    off = await sent(web, "QXYYH")

    assert only(first["changes"], "what", "before", "after") == [("order", None, "awaiting_confirmation")]
    assert only(first["timers"], "kind") == [("order-expiry",)]
    assert only(yes["changes"], "what", "before", "after") == [
        ("subscription", None, "active"),
        ("order", None, "confirmed"),
    ]
    assert only(yes["events"], "type") == [("subscription.ordered",)]
    assert only(off["events"], "type") == [("subscription.unsubscribed",)]
    assert yes["taken"]["question"]["id"] == late["taken"]["question"]["id"] == first["questions"][0]["id"]
    assert [one["taken"]["by"] for one in (first, yes, late, off)] == ["keyword", "answer", "late_answer", "keyword"]
    assert (late["events"], late["changes"], late["verdict"]["word"]) == ([], [], "too late")


async def test_a_question_closed_without_evidence_is_named_by_the_text_that_closed_it(web: Web) -> None:
    await sent(web, "0000")
    everything = await sent(web, "全部", "10086977")
    await sent(web, "YE")
    no = await sent(web, "否", "10086977")
    after = await sent(web, "查1", "10086977")
    assert everything["questions"][0]["kind"] == no["taken"]["question"]["kind"] == "confirming-unsubscribe"
    assert after["taken"]["question"]["kind"] == "choosing-services"


async def test_records_without_evidence_are_shown_as_well(web: Web) -> None:
    found = await sent(web, "10655123 中奖", "10086999")
    assert (found["taken"]["by"], found["evidence"]) == ("number", [])
    assert only(found["changes"], "what") == [("spam_report",)]


async def test_a_new_subscriber_is_a_change(sqlite_url: str) -> None:
    file = SettingsFile(auto_create_subscribers=True)
    async with serving(settings_for(sqlite_url, file=file)) as web:
        found = await sent(web, "YE", handset="/simulator/handsets/13700137000")
    assert only(found["changes"], "what", "id", "after") == [("subscriber", "+8613700137000", "active")]


async def test_a_password_stays_masked_everywhere(web: Web) -> None:
    found = await sent(web, "XGMM#654321#112233#112233")
    shown = json.dumps(found)
    assert found["received"]["text"] == found["read_as"] == "XGMM#******#******#******"
    assert "654321" not in shown
    assert "112233" not in shown


# ---- texts that were not carried out


async def test_what_was_not_understood_says_so(web: Web) -> None:
    helped = await sent(web, "hello")
    await sent(web, "0000")
    repeated = await sent(web, "hello", "10086977")
    assert (helped["taken"]["by"], helped["verdict"]["zh"]) == ("help", "未能识别")
    assert (repeated["taken"]["by"], repeated["taken"]["question"]["from"]) == ("repeated_question", "10086977")


async def test_a_text_that_is_held_back_says_until_when(web: Web) -> None:
    for _ in range(30):
        await web.running.store(web.running.message("YE"))
    await web.running.drain()
    dropped = await sent(web, "YE")
    kept = await sent(web, "QXCL")
    assert (dropped["taken"]["by"], dropped["verdict"]["word"]) == ("over_rate", "dropped: too many")
    assert (kept["taken"]["by"], kept["received"]["due_at"]) == ("kept", "2026-03-02T10:01:00+08:00")
    assert kept["replies"] == []
    await web.running.advance(minutes=1)
    done = await inspect(web, kept["id"])
    assert (done["taken"]["by"], done["verdict"]["word"]) == ("keyword", "unsubscribed")
    assert only(done["changes"], "service_code", "after") == [("CL", "ended")]


async def test_a_loop_is_silent_and_says_why(web: Web) -> None:
    found = [await sent(web, "blah") for _ in range(6)]
    assert [one["taken"]["by"] for one in found] == ["help"] * 5 + ["loop"]
    assert found[-1]["replies"] == []


async def test_a_stranger_is_told_once(web: Web) -> None:
    handset = "/simulator/handsets/13700137000"
    first, second = [await sent(web, "0000", handset=handset) for _ in range(2)]
    assert [one["taken"]["by"] for one in (first, second)] == ["not_a_customer"] * 2
    assert [len(one["replies"]) for one in (first, second)] == [1, 0]


async def test_a_sender_that_is_not_answered_says_so(web: Web) -> None:
    found = await sent(web, "0000", handset="/simulator/handsets/12345")
    assert (found["taken"]["by"], found["received"]["status"]) == ("unanswerable", "ignored")
    assert found["verdict"]["zh"] == "不是客户号码"


async def test_a_former_customer_s_text_is_recorded_only(web: Web) -> None:
    await web.running.subscriber(ALICE, status=SubscriberStatus.CLOSED)
    await web.running.advance(hours=1)
    await web.running.subscriber(ALICE)
    await web.running.store(web.running.message("0000", received_at=START))
    await web.running.drain()
    [row] = await web.running.rows(inbound_message)
    found = await inspect(web, row["id"])
    assert (found["taken"]["by"], found["received"]["status"]) == ("former_customer", "ignored")


async def test_a_dead_letter_shows_where_it_failed_and_what_followed(web: Web) -> None:
    add_trouble(web.running.gateway.turning.registry)
    found = await sent(web, "BOOM13712345678PRIVATE")
    assert (found["taken"]["by"], found["received"]["tries"]) == ("dead", 3)
    assert "RuntimeError" in found["received"]["trace"]
    assert only(found["changes"], "what", "after") == [("ticket", "open")]
    [reply] = found["replies"]
    assert reply["status"] == "delivered"
    assert (await inspect(web, reply["id"]))["received"]["id"] == found["id"]


async def test_parts_name_what_became_of_them(web: Web) -> None:
    first, second = await web.running.store(*web.running.parts(["TS 乱", "扣费"]))
    await web.running.drain()
    assert [(await inspect(web, one.id))["taken"]["by"] for one in (first, second)] == ["part", "part"]
    [whole] = [row for row in await web.running.rows(inbound_message) if row["part"] == 0]
    found = await inspect(web, whole["id"])
    assert (found["taken"]["keyword"], found["verdict"]["word"]) == ("TS", "complaint")
    alone = await web.running.store(*web.running.parts(["TS 乱", "扣费"], ref="8")[:1])
    await web.running.drain()
    assert (await inspect(web, alone[0].id))["taken"]["by"] == "waiting"


# ---- what was sent


async def test_failed_attempts_and_the_next_one_are_shown(web: Web) -> None:
    await web.running.faults("throttle", count=1)
    found = await sent(web, "YE")
    [reply] = found["replies"]
    assert (reply["status"], reply["attempts"]) == ("queued", 1)
    assert only(reply["failed_attempts"], "number", "result", "error_code") == [
        (1, "refused for now", "simulated: throttled")
    ]
    assert reply["next_attempt_at"] > SHANGHAI_START
    await web.running.advance(minutes=1)
    [again] = (await inspect(web, found["id"]))["replies"]
    assert (again["status"], again["attempts"], again["next_attempt_at"]) == ("delivered", 2, None)


async def test_a_received_message_is_shown_with_the_text_that_it_answers(web: Web) -> None:
    text = await sent(web, "YE")
    reply = await inspect(web, text["replies"][0]["id"])
    assert reply.pop("direction") == "mt"
    assert {**text, "id": reply["id"]} == {**reply, "direction": "mo"}


async def test_a_message_that_nobody_asked_for_names_what_made_it(web: Web) -> None:
    fee = {
        "charge_id": "c-1", "msisdn": "13800138000", "service_code": "SJB", "kind": "monthly", "amount_fen": 300,
        "due_at": "2026-03-05T12:00:00+08:00",
    }  # fmt: skip
    assert (await web.call("POST", "/api/v1/charges", fee)).status_code == 202
    await web.running.drain()
    await sent(web, "QXCL")
    reminder, _ = await web.running.received()
    found = await inspect(web, reminder.id)
    assert (found["received"], found["taken"], found["read_as"], found["who"]) == (None, None, None, "api:demo")
    assert only(found["replies"], "about", "status") == [("charge:c-1/1", "delivered")]
    assert {one["subject"] for one in found["evidence"]} == {"c-1"}
    assert [one["kind"] for one in found["questions"]] == ["doubting-fee"]
    assert ("fee-due",) in only(found["timers"], "kind")


async def test_links_lead_to_calls_that_show_it(web: Web, document: Mapping[str, Any]) -> None:
    await sent(web, "0000")
    found = [
        await sent(web, "1", "10086977"), await sent(web, "TS 乱扣费"), await sent(web, "KTYYH"), await sent(web, "1111")
    ]  # fmt: skip
    operations = {
        f"/docs#/{operation['tags'][0]}/{operation['operationId']}": path
        for path, entry in document["paths"].items()
        for method, operation in entry.items()
        if method == "get"
    }
    links = [link for one in found for link in one["links"]]
    assert {link["shows"] for link in links} == {"received", "changes", "evidence", "questions", "replies", "events"}
    for link in links:
        assert (await web.get(link["path"])).status_code == 200, link
        assert link["reference"] in operations, link


# ---- who may ask


async def test_only_a_message_of_the_handset_is_found(web: Web) -> None:
    other = await sent(web, "YE", handset="/simulator/handsets/13900139000")
    for message_id in (other["id"], "1858489345745354752", "x"):
        assert_problem(await web.get(f"{HANDSET}/messages/{message_id}"), 404)


async def test_the_call_exists_in_demo_and_test_only(unused_sqlite_url: str) -> None:
    file = SettingsFile(providers={"simulator": options_of(kind="simulator")}, default_provider="simulator")
    async with serving(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        assert_problem(await web.get(f"{HANDSET}/messages/1858489345745354752"), 404)


async def test_nothing_is_stored_for_it(web: Web) -> None:
    found = await sent(web, "YE")
    tables = (inbound_message, evidence)
    before = [await web.running.rows(table) for table in tables]
    await inspect(web, found["id"])
    assert [await web.running.rows(table) for table in tables] == before


# ---- the route is what the router did


def watched(registry: Registry) -> list[str]:
    """Return a list to which each command adds its name when it runs."""
    ran: list[str] = []
    stand_ins: dict[int, Command] = {}

    def stand_in(command: Command) -> Command:
        def run(turn: Turn, argument: str) -> Handled:
            ran.append(command.run.__qualname__)
            return command.run(turn, argument)

        run.__module__, run.__qualname__ = command.run.__module__, command.run.__qualname__
        return stand_ins.setdefault(id(command), replace(command, run=run))

    for table in (registry.keywords, registry.prefixes):
        table.update({word: stand_in(command) for word, command in table.items()})
    return ran


DIALOGUE = [
    ("0000", "10086"), ("退订彩铃", "10086"), ("QXCL", "10086"), ("退订彩铃", "10086"), ("TD1", "10086"),
    ("退订不了", "10086"), ("TD9", "10086"), ("取消 2", "10086"), ("QXABC", "10086"), ("退订 手机", "10086"),
    ("是", "10086977"), ("TD", "10086"), ("TD2", "10086977"), ("查2", "10086"), ("1、2", "10086"), ("KTZQ", "10086"),
    ("否", "10086"), ("KTYYH", "10086"), ("是", "10086"), ("1111", "10086"), ("1", "10086"), ("第一个", "10086977"),
    ("取消音乐盒", "10086"), ("STOP ABC", "10086"), ("我要投诉", "10086"), ("乱扣费", "10086"), ("TD", "10086888"),
    ("TDCL", "10086888"), ("YE", "10086888"), ("ZD#202602", "10086"), ("DZXXSF", "10086"), ("KTYLTX", "10086"),
    ("XGMM#123456#111111#111111", "10086"), ("CXTS", "10086"), ("帮助", "10086977"), ("TS", "10086"), ("N", "10086"),
]  # fmt: skip


async def test_the_route_is_what_the_router_did(web: Web) -> None:
    ran = watched(web.running.gateway.turning.registry)
    for text, to in DIALOGUE:
        ran.clear()
        found = await sent(web, text, to)
        taken = found["taken"]
        by_keyword = [taken["function"].rpartition(".")[2]] if taken["by"] == "keyword" else []
        assert by_keyword == ran, (text, to, taken)
        assert found["verdict"]["word"] in VERDICTS, (text, to)
        await web.running.advance(seconds=61)


# ---- words


def test_every_route_is_explained_in_both_languages() -> None:
    for kind in RouteKind:
        words = why(Route(kind, "QX", "CL"), dialled="10086", asked_from="10086977")
        assert words.en
        assert words.zh
        assert "{" not in words.en + words.zh


async def test_every_kind_of_timer_has_words(web: Web) -> None:
    assert web.running.gateway.turning.registry.timers.keys() == TIMERS.keys()
