"""SPs, services, subscribers, subscriptions and evidence (http-api.md, management API; safety.md 1-3, 8, 9, 28, 29)."""

import asyncio
import json

import pytest

from app.db import evidence
from tests.running import ALICE, START
from tests.web.api.test_auth import SERVICE, SP, SUBSCRIBER, SUBSCRIPTION
from tests.web.calls import ALICE_HOME, SHANGHAI_START, Web, assert_problem

pytestmark = pytest.mark.anyio
NEW = "/api/v1/subscribers/13700137000"


async def put(web: Web, path: str, body: object, status: int = 200) -> str:
    """Send a PUT and assert its status; return the detail if it is a problem."""
    answer = await web.call("PUT", f"/api/v1{path}", body)
    if status == 200:
        assert answer.status_code in (200, 201), answer.text
        return ""
    return assert_problem(answer, status)


async def subscriptions(web: Web, home: str = ALICE_HOME) -> dict[str, dict[str, object]]:
    found = (await web.get(f"{home}/subscriptions")).json()["subscriptions"]
    return {one["service_code"]: one for one in found}


# ---- bodies


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/service-providers/NEW", SP),
        ("/services/NEW", {**SERVICE, "order_keyword": "NEW"}),
        ("/subscribers/13700137000", SUBSCRIBER),
        ("/subscribers/13800138000/subscriptions/YYH", SUBSCRIPTION),
    ],
)
async def test_unknown_missing_and_wrong_fields_are_refused_by_name_and_without_their_values(
    web: Web, path: str, body: dict[str, object]
) -> None:
    await put(web, path, body)
    answer = await web.call("PUT", f"/api/v1{path}", {**body, "surprise": "135790"})
    assert_problem(answer, 422)
    assert answer.json()["errors"] == [{"field": "body.surprise", "problem": "Extra inputs are not permitted"}]
    for field in body:
        wrong = await web.call("PUT", f"/api/v1{path}", {**body, field: {"deep": "135790"}})
        assert_problem(wrong, 422)
        assert f"body.{field}" in wrong.text
        assert "135790" not in wrong.text
    assert_problem(await web.call("PUT", f"/api/v1{path}", {}), 422)
    for content in ("", "{", "[]", "null", "[" * 5000, b"\xff"):
        assert (await web.call("PUT", f"/api/v1{path}", content=content)).status_code in (400, 422)


@pytest.mark.parametrize("given", ["13800138000", "+8613800138000", "8613800138000", "008613800138000"])
async def test_a_number_is_accepted_in_every_usual_form_and_shown_in_one(web: Web, given: str) -> None:
    assert (await web.get(f"/api/v1/subscribers/{given}")).json()["msisdn"] == ALICE


@pytest.mark.parametrize(
    "given", ["10086", "12345", "abc", "02112345678", "1380013800", "%00", "'", "99999999999999999999"]
)
async def test_an_invalid_mobile_number_is_refused(web: Web, given: str) -> None:
    assert_problem(await web.call("PUT", f"/api/v1/subscribers/{given}", SUBSCRIBER), 422)
    assert_problem(await web.get(f"/api/v1/subscribers/{given}"), 422)


@pytest.mark.parametrize("code", ["%00", "a b", "x" * 65, "中", "a'b"])
async def test_an_invalid_code_is_refused(web: Web, code: str) -> None:
    assert_problem(await web.call("PUT", f"/api/v1/service-providers/{code}", SP), 422)
    assert_problem(await web.call("PUT", f"/api/v1/services/{code}", SERVICE), 422)
    assert (await web.call("PUT", f"{ALICE_HOME}/subscriptions/{code}", SUBSCRIPTION)).status_code in (404, 422)
    assert (await web.call("DELETE", f"{ALICE_HOME}/subscriptions/{code}")).status_code in (404, 422)


FALSE = ["a\x00b", "手机；报", "免　费", "www.example.com", "a\u202eb", "㍿" * 20]


@pytest.mark.parametrize("words", FALSE)
async def test_misleading_names_are_refused_by_every_call(web: Web, words: str) -> None:
    for field in ("name", "cancel_how", "cancel_warning"):
        body = {**SERVICE, field: words}
        assert field in await put(web, "/services/CL", body, 422)
        line = json.dumps({"type": "service", "service_code": "CL", **body})
        report = (await web.call("POST", "/api/v1/imports", content=line)).json()
        assert (report["imported"], [fault["status"] for fault in report["errors"]]) == (0, [422])
        assert field in report["errors"][0]["detail"]
    for field in ("name", "short_name"):
        assert field in await put(web, "/service-providers/CMCC", {**SP, field: words}, 422)


@pytest.mark.parametrize("name", ["全部", "会员0.", "5元包", "是", "TD"])
async def test_a_name_that_would_be_taken_for_something_else_is_refused(web: Web, name: str) -> None:
    assert "name" in await put(web, "/services/CL", {**SERVICE, "name": name}, 422)
    assert "name" in await put(web, "/service-providers/CMCC", {**SP, "name": name}, 422)
    assert "short_name" in await put(web, "/service-providers/CMCC", {**SP, "short_name": name}, 422)


async def test_no_service_is_named_like_the_order_of_another(web: Web) -> None:
    await put(web, "/services/NEW", {**SERVICE, "name": "QXSJB", "order_keyword": None}, 409)
    await put(web, "/services/NEW", {**SERVICE, "name": "QXNEWS", "order_keyword": None})
    assert "NEW" in await put(web, "/services/CL", {**SERVICE, "order_keyword": "NEWS"}, 409)


async def test_control_characters_in_other_fields_do_no_harm(web: Web) -> None:
    for field in ("service_phone", "webhook_url", "webhook_secret"):
        answer = await web.call("PUT", "/api/v1/service-providers/NEW", {**SP, field: "a\x00b"})
        assert answer.status_code in (200, 422)
    answer = await web.call("PATCH", ALICE_HOME, {"plan": {"name": "a\x00b", "data_kb": 1}})
    assert answer.status_code in (200, 422)
    assert (await web.get(ALICE_HOME)).status_code == 200


# ---- SPs and services


async def test_a_service_needs_its_sp(web: Web) -> None:
    assert "sp_code" in await put(web, "/services/NEW", {**SERVICE, "sp_code": "NOBODY", "order_keyword": "NEW"}, 422)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("12345", 422),
        ("A", 422),
        ("ABCDEFGHIJKLM", 422),
        ("铃", 422),
        ("A B", 422),
        ("YLTX", 409),
        ("ALL", 409),
        ("SJB", 409),
        ("sjb", 409),
    ],
)
async def test_an_order_keyword_is_short_plain_and_nobody_else_s(web: Web, word: str, status: int) -> None:
    assert "order_keyword" in await put(web, "/services/CL", {**SERVICE, "order_keyword": word}, status)


async def test_two_services_never_get_one_keyword_also_at_the_same_time(web: Web) -> None:
    answers = await asyncio.gather(
        *(web.call("PUT", f"/api/v1/services/N{number}", {**SERVICE, "order_keyword": "NEW"}) for number in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_a_new_keyword_works_at_once(web: Web) -> None:
    await put(web, "/services/CL", {**SERVICE, "order_keyword": "LINGYIN"})
    [done] = await web.running.say("QXLINGYIN")
    assert "彩铃已于" in done


async def test_sp_and_billing_of_a_service_with_subscribers_cannot_change(web: Web) -> None:
    await put(web, "/services/CL", {**SERVICE, "sp_code": "MOJI"}, 409)
    await put(web, "/services/CL", {**SERVICE, "billing": "per_use"}, 409)
    await put(web, "/services/YYH", {**SERVICE, "sp_code": "MOJI", "order_keyword": "YYH"})
    await put(web, "/services/CL", {**SERVICE, "price_fen": 9900})
    listing, _ = await web.running.say("0000")
    assert "彩铃5元/月" in listing


async def test_an_sp_with_subscribers_cannot_become_the_operator(web: Web) -> None:
    await put(web, "/service-providers/NEW", SP)
    await put(web, "/service-providers/NEW", {**SP, "own": True})
    assert "own" in await put(web, "/service-providers/XINHUA", {**SP, "own": True}, 409)
    await put(web, "/service-providers/CMCC", {**SP, "short_name": "移动"})
    listing, _ = await web.running.say("0000")
    assert "彩铃(移动)5元/月" in listing
    assert "手机报(新华)3元/月" in listing


async def test_present_subscribers_can_still_leave_by_sms_but_later_ones_cannot(web: Web) -> None:
    closed = {**SERVICE, "cancellable_by_sms": False, "cancel_how": "请到营业厅办理"}
    for change in (closed, {**closed, "price_fen": 600}, SERVICE, closed):
        await put(web, "/services/CL", change)
        listing, _ = await web.running.say("0000")
        assert "1、彩铃5元/月" in listing
    [done] = await web.running.say("QXCL")
    assert "彩铃已于" in done
    await web.call("PUT", NEW, SUBSCRIBER)
    await put(web, "/subscribers/13700137000/subscriptions/CL", SUBSCRIPTION)
    [listing] = await web.running.say("0000", sender="+8613700137000")
    assert "不可短信退订：彩铃" in listing
    await put(web, "/subscribers/13700137000/subscriptions/CL", {**SUBSCRIPTION, "channel": "app"})
    [listing] = await web.running.say("0000", sender="+8613700137000")
    assert "不可短信退订：彩铃" in listing


@pytest.mark.parametrize("price", [-1, 1.5, "500", True, 10**13, None])
async def test_amounts_are_whole_fen(web: Web, price: object) -> None:
    await put(web, "/services/CL", {**SERVICE, "price_fen": price}, 422)


async def test_a_free_service_costs_nothing_whichever_way_its_price_comes(web: Web) -> None:
    free = {**SERVICE, "name": "天气提示", "billing": "free", "order_keyword": None, "price_fen": 0}
    priced, day = {**free, "price_fen": 1}, "2026-05-01T00:00:00"
    assert "price_fen: a free service costs nothing" in await put(web, "/services/MF", priced, 422)
    await put(web, "/services/MF", free)
    assert "costs nothing" in await put(web, "/services/MF", priced, 422)
    body = {**SUBSCRIPTION, "price_fen": 1}
    assert "costs nothing" in await put(web, "/subscribers/13800138000/subscriptions/MF", body, 422)
    terms = await web.call("POST", "/api/v1/services/MF/terms", {"price_fen": 1, "takes_effect_at": day})
    assert "costs nothing" in assert_problem(terms, 422)
    line = json.dumps({**priced, "type": "service", "service_code": "MF"})
    [fault] = (await web.call("POST", "/api/v1/imports", content=line)).json()["errors"]
    assert (fault["status"], "costs nothing" in fault["detail"]) == (422, True)
    await put(web, "/subscribers/13800138000/subscriptions/MF", {**body, "price_fen": 0})
    await put(web, "/services/MF2", {**priced, "name": "天气提示二", "billing": "monthly"})


# ---- subscribers


async def test_a_subscriber_is_created_read_and_changed(web: Web) -> None:
    body = {
        **SUBSCRIBER,
        "vip": True,
        "language": "en",
        "plan": {"name": "流量套餐", "data_kb": 1024, "overage_fen_per_mb": 29},
    }
    made = await web.call("PUT", NEW, body)
    found = (await web.get(NEW)).json()
    preferences = found["preferences"]
    assert (made.status_code, {**made.json(), "preferences": preferences}) == (201, found)
    assert {key: found[key] for key in body} == body
    assert (found["tenure"], found["created_at"], found["has_service_password"]) == (1, SHANGHAI_START, False)

    assert (await web.call("PATCH", NEW, {"points": 7, "plan": None})).status_code == 200
    changed = (await web.get(NEW)).json()
    # Without a plan, usage is reported twice a month unless the subscriber turned that off (flows.md 9).
    assert found["preferences"]["data_alerts"] is False
    assert changed == {**found, "points": 7, "plan": None, "preferences": {"fee_summary": False, "data_alerts": True}}


async def test_a_put_replaces_what_it_does_not_name(web: Web) -> None:
    await web.call("PUT", NEW, {**SUBSCRIBER, "vip": True, "plan": {"name": "x", "data_kb": 1}})
    await web.call("PUT", NEW, SUBSCRIBER)
    found = (await web.get(NEW)).json()
    assert (found["vip"], found["plan"]) == (False, None)


async def test_an_unknown_subscriber_is_not_found(web: Web) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/subscriptions"),
        ("GET", "/evidence"),
        ("GET", "/evidence/verify"),
        ("DELETE", "/subscriptions/CL"),
    ):
        assert_problem(await web.call(method, NEW + path), 404)
    assert_problem(await web.call("PATCH", NEW, {"points": 1}), 404)
    assert_problem(await web.call("PUT", f"{NEW}/subscriptions/CL", SUBSCRIPTION), 404)


async def test_a_first_password_is_set_and_notified_but_never_shown(web: Web) -> None:
    assert (await web.call("PATCH", ALICE_HOME, {"service_password": "135790"})).status_code == 200
    await web.running.drain()
    assert "服务密码" in (await web.running.texts())[-1]
    answer = await web.get(ALICE_HOME)
    assert answer.json()["has_service_password"] is True
    assert "135790" not in answer.text
    assert "argon2" not in answer.text
    assert_problem(await web.call("PATCH", ALICE_HOME, {"service_password": "246813"}), 409)
    evidence = await web.get(f"{ALICE_HOME}/evidence")
    assert "135790" not in evidence.text
    assert [one["kind"] for one in evidence.json()["evidence"]][-1] == "password-set"


@pytest.mark.parametrize("password", ["12345", "1234567", "abcdef", "１３５７９０", "13579 ", 135790, ""])
async def test_a_password_has_six_digits_and_is_not_quoted_back(web: Web, password: object) -> None:
    answer = await web.call("PATCH", ALICE_HOME, {"service_password": password})
    assert_problem(answer, 422)
    if password:
        assert str(password) not in answer.text


@pytest.mark.parametrize(
    "password", ["111111", "000000", "123456", "654321", "138000", "380013", "861380", "890123", "135790"]
)
async def test_a_password_that_is_too_easy_is_refused(web: Web, password: str) -> None:
    easy = password not in ("890123", "135790")
    line = {"type": "subscriber", "msisdn": "13800138000", **SUBSCRIBER, "service_password": password}
    for call in (
        await web.call("PATCH", ALICE_HOME, {"service_password": password}),
        await web.call("PUT", ALICE_HOME, {**SUBSCRIBER, "service_password": password}),
    ):
        assert (call.status_code == 422) is easy
        assert password not in call.text
    imported = await web.call("POST", "/api/v1/imports", content=json.dumps(line))
    assert imported.json()["imported"] == 0, "too easy, or there is one already"
    assert (await web.get(ALICE_HOME)).json()["has_service_password"] is not easy
    if easy:
        await web.call("PATCH", ALICE_HOME, {"service_password": "246802"})
        await web.running.drain()
        assert "过于简单" in (await web.running.say(f"XGMM#246802#{password}#{password}"))[-1]


async def test_closing_and_reopening_gives_a_new_and_empty_tenure(web: Web) -> None:
    await web.call("PATCH", ALICE_HOME, {"status": "closed"})
    closed = (await web.get(ALICE_HOME)).json()
    assert (closed["status"], closed["closed_at"]) == ("closed", SHANGHAI_START)
    assert_problem(await web.call("PATCH", ALICE_HOME, {"points": 1}), 409)
    assert_problem(await web.call("PUT", f"{ALICE_HOME}/subscriptions/CL", SUBSCRIPTION), 404)
    await web.call("PUT", ALICE_HOME, SUBSCRIBER)
    assert (await web.get(ALICE_HOME)).json()["tenure"] == 2
    assert await subscriptions(web) == {}
    assert (await web.get(f"{ALICE_HOME}/evidence")).json() == {"evidence": [], "next_cursor": None}


async def test_texts_of_a_former_tenure_are_not_shown_for_the_next_customer(web: Web) -> None:
    await web.running.say("0000")
    await web.call("PATCH", ALICE_HOME, {"status": "closed"})
    await web.call("PUT", ALICE_HOME, SUBSCRIBER)
    await web.running.say("帮助")
    found = (await web.get("/api/v1/messages", msisdn="13800138000")).json()["messages"]
    assert [message["text"] for message in found if message["direction"] == "mo"] == ["帮助"]


# ---- subscriptions


async def test_an_existing_subscription_is_imported_and_shown(web: Web) -> None:
    body = {**SUBSCRIPTION, "contract_until": "2027-01-01T00:00:00+08:00", "price_fen": 400}
    assert (await web.call("PUT", f"{ALICE_HOME}/subscriptions/YYH", body)).status_code == 201
    found = (await subscriptions(web))["YYH"]
    assert {key: found[key] for key in body} == body
    assert found["sp_code"] == "CMCC"
    last = (await web.get(f"{ALICE_HOME}/evidence")).json()["evidence"][-1]
    assert (last["kind"], last["payload"]["who"], last["payload"]["service_code"]) == ("import", "api:demo", "YYH")


async def test_importing_the_same_twice_changes_nothing(web: Web) -> None:
    for _ in range(2):
        await web.call("PUT", f"{ALICE_HOME}/subscriptions/YYH", SUBSCRIPTION)
    assert len((await web.get(f"{ALICE_HOME}/evidence")).json()["evidence"]) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"state": "ended"},
        {"state": "ending"},
        {"state": "trial"},
        {"started_at": "0001-01-01T00:00:00"},
        {"started_at": "9999-12-31T23:59:59-08:00"},
        {"started_at": 5e12},
        {"channel": "pigeon"},
        {"price_fen": -1},
        {"in_plan": "perhaps"},
    ],
)
async def test_an_impossible_subscription_is_not_imported(web: Web, change: dict[str, object]) -> None:
    assert_problem(await web.call("PUT", f"{ALICE_HOME}/subscriptions/YYH", {**SUBSCRIPTION, **change}), 422)
    assert (await web.get(f"{ALICE_HOME}/subscriptions")).status_code == 200


async def test_fields_that_are_not_imported_are_named(web: Web) -> None:
    path = f"{ALICE_HOME}/subscriptions/YYH"
    assert (await web.call("PUT", path, SUBSCRIPTION)).json()["kept"] == []
    earlier = {**SUBSCRIPTION, "started_at": "2024-01-01T10:00:00+08:00", "price_fen": 100}
    assert (await web.call("PUT", path, earlier)).json()["kept"] == ["started_at"]
    found = (await subscriptions(web))["YYH"]
    assert (found["started_at"], found["price_fen"]) == (SUBSCRIPTION["started_at"], 100)


async def test_an_import_without_a_required_as_of_is_refused(web: Web) -> None:
    await web.running.say("QXCL")
    assert "as_of" in assert_problem(await web.call("PUT", f"{ALICE_HOME}/subscriptions/CL", SUBSCRIPTION), 422)


async def test_an_import_never_revives_nor_worsens_anything(web: Web) -> None:
    await web.running.say("QXCL")
    await web.running.say("QXSJB")
    home = f"{ALICE_HOME}/subscriptions"
    assert_problem(await web.call("PUT", f"{home}/CL", {**SUBSCRIPTION, "as_of": "2026-03-01T00:00:00"}), 409)
    assert_problem(await web.call("PUT", f"{home}/SJB", SUBSCRIPTION), 409)
    assert_problem(await web.call("PUT", f"{home}/TQ", SUBSCRIPTION), 409)
    assert_problem(await web.call("PUT", f"{home}/LD", SUBSCRIPTION), 409)
    states = await subscriptions(web)
    assert {code: one["state"] for code, one in states.items()} == {
        "CL": "ended", "SJB": "ending", "TQ": "trial", "LD": "active", "KD": "active",
    }  # fmt: skip


async def test_an_unknown_service_cannot_be_imported(web: Web) -> None:
    assert_problem(await web.call("PUT", f"{ALICE_HOME}/subscriptions/NOTHING", SUBSCRIPTION), 404)


async def test_an_agent_ends_a_service_with_a_reason_and_the_customer_is_notified(web: Web) -> None:
    path = f"{ALICE_HOME}/subscriptions/SJB"
    for reason in (None, " "):
        assert "X-Reason" in assert_problem(await web.call("DELETE", path, reason=reason), 422)
    token = await web.token("care")
    assert (await web.call("DELETE", path, token=token, reason="asked by phone")).status_code == 200
    await web.running.drain()

    found = (await subscriptions(web))["SJB"]
    assert (found["state"], found["ends_at"]) == ("ending", "2026-03-31T23:59:59+08:00")
    assert "客服人员已为您办理退订" in (await web.running.texts())[-1]
    last = (await web.get(f"{ALICE_HOME}/evidence")).json()["evidence"][-1]
    assert (last["payload"]["who"], last["payload"]["reason"]) == ("agent:care", "asked by phone")
    assert_problem(await web.call("DELETE", f"{ALICE_HOME}/subscriptions/YYH"), 404)


async def test_an_agent_s_unsubscribe_twice_is_one(web: Web) -> None:
    for _ in range(2):
        assert (await web.call("DELETE", f"{ALICE_HOME}/subscriptions/SJB")).status_code == 200
    assert await web.running.count(evidence.evidence, evidence.evidence.c.kind == "unsubscribe") == 1


async def test_a_service_under_contract_is_not_ended_by_an_agent(web: Web) -> None:
    body = {**SUBSCRIPTION, "contract_until": "2027-01-01T00:00:00+08:00"}
    await web.call("PUT", f"{ALICE_HOME}/subscriptions/YYH", body)
    assert_problem(await web.call("DELETE", f"{ALICE_HOME}/subscriptions/YYH"), 409)


# ---- evidence


async def test_evidence_is_read_in_pages(web: Web) -> None:
    first = (await web.get(f"{ALICE_HOME}/evidence", limit="2")).json()
    assert [one["seq"] for one in first["evidence"]] == [1, 2]
    second = (await web.get(f"{ALICE_HOME}/evidence", limit="3", cursor=first["next_cursor"])).json()
    assert [one["seq"] for one in second["evidence"]] == [3, 4, 5]
    assert second["next_cursor"] is None
    assert second["evidence"][0]["previous_hash"] == first["evidence"][1]["hash"]
    for wrong in ("x", "-1", "1.5", "9" * 30):
        assert_problem(await web.get(f"{ALICE_HOME}/evidence", cursor=wrong), 422)


async def test_a_chain_verifies_and_tampering_is_named(web: Web) -> None:
    whole = {"ok": True, "records": 5, "first_bad": None, "fault": None}
    assert (await web.get(f"{ALICE_HOME}/evidence/verify")).json() == whole
    table = evidence.evidence
    change = table.update().where(table.c.seq == 3).values(payload='{"service_code":"KD"}')
    await web.running.gateway.storage.database.write(lambda connection: connection.execute(change))
    answer = (await web.get(f"{ALICE_HOME}/evidence/verify")).json()
    assert (answer["ok"], answer["first_bad"], answer["fault"]) == (False, 3, "changed")


async def test_times_are_shown_with_the_offset_of_shanghai(web: Web) -> None:
    found = (await web.get(f"{ALICE_HOME}/evidence")).json()["evidence"][0]
    assert found["at"] == SHANGHAI_START
    assert START.isoformat() != SHANGHAI_START
