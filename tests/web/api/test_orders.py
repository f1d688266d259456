"""Orders and new terms over the management API (flows.md 6, 17; safety.md 3, 23)."""

import re

import pytest

from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio
NOBODY = "13711112222"
ORDERS = "/api/v1/orders"
ALICE = "13800138000"
BOB = "13900139000"


def order(service_code: str = "YYH", channel: str = "web", **fields: object) -> dict[str, object]:
    return {"msisdn": ALICE, "service_code": service_code, "channel": channel, **fields}


async def received_messages(web: Web, number: str = ALICE) -> list[dict[str, str]]:
    """Return the messages on a handset after everything due is done."""
    await web.call("POST", "/simulator/drain", {})
    messages = (await web.get(f"/simulator/handsets/{number}/messages")).json()["messages"]
    return [item for item in messages if item["direction"] == "mt"]


async def send_text(web: Web, text: str, to: str, number: str = ALICE) -> str:
    """Send a text from a handset and return the last message on it."""
    await web.call("POST", f"/simulator/handsets/{number}/messages", {"to": to, "text": text})
    return (await received_messages(web, number))[-1]["text"]


async def state_of(web: Web, service_code: str, number: str = ALICE) -> dict[str, object]:
    found = (await web.get(f"/api/v1/subscribers/{number}/subscriptions")).json()["subscriptions"]
    return next((item for item in reversed(found) if item["service_code"] == service_code), {})


@pytest.mark.parametrize("channel", ["web", "wap", "app", "agent", "sp", "sms"])
async def test_an_order_of_every_channel_needs_the_customer_s_own_yes(web: Web, channel: str) -> None:
    answer = await web.call("POST", ORDERS, order(channel=channel))
    assert answer.status_code == 202
    placed = answer.json()
    assert placed["state"] == "awaiting_confirmation"
    assert placed["expires_at"] == "2026-03-03T10:00:00+08:00"
    (asked,) = await received_messages(web)
    assert re.fullmatch(r"10086204\d\d", asked["from"])
    assert await state_of(web, "YYH") == {}
    assert "成功订购音乐盒" in await send_text(web, "是", asked["from"])
    assert (await web.get(f"{ORDERS}/{placed['order_id']}")).json()["state"] == "confirmed"
    held = await state_of(web, "YYH")
    assert (held["state"], held["channel"], held["price_fen"]) == ("active", channel, 600)


async def test_a_refused_order_has_a_reason_and_the_customer_is_not_notified(web: Web) -> None:
    await web.call("PATCH", f"/api/v1/subscribers/{ALICE}", {"balance_fen": 1000})
    before = len(await received_messages(web))
    for service_code, reason in (
        ("CL", "already_subscribed"),
        ("NONE", "unknown_service"),
        ("KD", "already_subscribed"),
    ):
        answer = await web.call("POST", ORDERS, order(service_code))
        assert answer.status_code == 202
        assert (answer.json()["state"], answer.json()["reason"]) == ("refused", reason)
    await web.call("PATCH", f"/api/v1/subscribers/{ALICE}", {"balance_fen": 599})
    poor = (await web.call("POST", ORDERS, order())).json()
    assert (poor["state"], poor["reason"]) == ("refused", "balance_too_low")
    await web.call("PATCH", f"/api/v1/subscribers/{ALICE}", {"status": "suspended"})
    assert (await web.call("POST", ORDERS, order())).json()["reason"] == "suspended"
    asked = [item for item in (await received_messages(web))[before:] if item["from"].startswith("10086204")]
    assert asked == []
    assert (await web.get(f"{ORDERS}/{poor['order_id']}")).json()["reason"] == "balance_too_low"


async def test_the_same_key_is_the_same_order(web: Web) -> None:
    first = await web.call("POST", ORDERS, order(idempotency_key="shop-1"))
    again = await web.call("POST", ORDERS, order(idempotency_key="shop-1"))
    assert again.status_code == 202
    assert again.json() == first.json()
    assert len(await received_messages(web)) == 1
    assert "idempotency_key" in assert_problem(
        await web.call("POST", ORDERS, order("ZQ", idempotency_key="shop-1")), 409
    )
    other = await web.call("POST", ORDERS, {**order("ZQ", idempotency_key="shop-1"), "msisdn": BOB})
    assert other.json()["order_id"] != first.json()["order_id"]


async def test_unknown_subscribers_and_invalid_orders_are_refused(web: Web) -> None:
    assert_problem(await web.call("POST", ORDERS, {**order(), "msisdn": NOBODY}), 422)
    await web.call("PATCH", f"/api/v1/subscribers/{BOB}", {"status": "closed"})
    assert_problem(await web.call("POST", ORDERS, {**order(), "msisdn": BOB}), 422)
    for body in (order(channel="telepathy"), {**order(), "colour": "red"}, {**order(), "msisdn": "12"}, order("音乐")):
        assert_problem(await web.call("POST", ORDERS, body), 422)
    for unknown in ("x", "1858489345896349696", "%00"):
        assert_problem(await web.get(f"{ORDERS}/{unknown}"), 404)


async def test_scopes_of_orders(web: Web) -> None:
    billing, care, read = await web.token("billing:write"), await web.token("care"), await web.token("read")
    assert_problem(await web.call("POST", ORDERS, order(), token=read), 403)
    assert_problem(await web.call("POST", ORDERS, order(), token=care), 403)
    assert_problem(await web.call("POST", ORDERS, order(channel="agent"), token=billing), 403)
    placed = (await web.call("POST", ORDERS, order(channel="agent"), token=care)).json()
    path = f"{ORDERS}/{placed['order_id']}"
    assert_problem(await web.call("GET", path, token=care, reason=None), 422)
    assert (await web.call("GET", path, token=care)).status_code == 200
    assert (await web.call("GET", path, token=billing, reason=None)).status_code == 200
    assert (await web.call("GET", ORDERS, token=read, reason=None)).status_code == 200


async def test_orders_are_listed_page_by_page(web: Web) -> None:
    for service_code in ("YYH", "ZQ", "CL"):
        await web.call("POST", ORDERS, order(service_code))
    await web.call("POST", ORDERS, {**order(), "msisdn": BOB})
    seen, cursor = [], ""
    while True:
        page = (await web.get(ORDERS, limit="3", **({"cursor": cursor} if cursor else {}))).json()
        seen += [(item["msisdn"], item["service_code"], item["state"]) for item in page["orders"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [
        (f"+86{ALICE}", "YYH", "awaiting_confirmation"),
        (f"+86{ALICE}", "ZQ", "awaiting_confirmation"),
        (f"+86{ALICE}", "CL", "refused"),
        (f"+86{BOB}", "YYH", "awaiting_confirmation"),
    ]
    refused = (await web.get(ORDERS, msisdn=ALICE, state="refused", service_code="CL")).json()
    assert [item["reason"] for item in refused["orders"]] == ["already_subscribed"]


async def test_a_question_that_the_network_refuses_closes_its_order(web: Web) -> None:
    await web.call("PUT", "/simulator/faults", {"mode": "error", "rate": 1})
    placed = (await web.call("POST", ORDERS, order())).json()
    await web.call("POST", "/simulator/clock/advance", {"seconds": 70 * 60})
    found = (await web.get(f"{ORDERS}/{placed['order_id']}")).json()
    assert found["state"] == "undeliverable"
    await web.call("PUT", "/simulator/faults", {"mode": "ok", "rate": 1})
    await send_text(web, "是", "10086")
    assert await state_of(web, "YYH") == {}
    assert "确认订购" in await send_text(web, "KTYYH", "10086")


async def test_a_question_that_is_reported_undelivered_closes_its_order(web: Web) -> None:
    await web.call("PUT", "/simulator/delivery", {"report": "undelivered"})
    placed = (await web.call("POST", ORDERS, order())).json()
    await received_messages(web)
    assert (await web.get(f"{ORDERS}/{placed['order_id']}")).json()["state"] == "undeliverable"


async def test_the_window_runs_from_the_hand_over(web: Web) -> None:
    await web.call("PUT", "/simulator/faults", {"mode": "error", "rate": 1})
    placed = (await web.call("POST", ORDERS, order())).json()
    await web.call("POST", "/simulator/clock/advance", {"seconds": 20 * 60})
    await web.call("PUT", "/simulator/faults", {"mode": "ok", "rate": 1})
    await web.call("POST", "/simulator/clock/advance", {"seconds": 20 * 60})
    (asked,) = await received_messages(web)
    await web.call("POST", "/simulator/clock/advance", {"to": "2026-03-03T10:15:00+08:00"})
    assert (await web.get(f"{ORDERS}/{placed['order_id']}")).json()["state"] == "awaiting_confirmation"
    assert "成功订购音乐盒" in await send_text(web, "是", asked["from"])


async def test_closing_a_tenure_withdraws_its_orders(web: Web) -> None:
    placed = (await web.call("POST", ORDERS, order())).json()
    await received_messages(web)
    await web.call("PATCH", f"/api/v1/subscribers/{ALICE}", {"status": "closed"})
    found = (await web.get(f"{ORDERS}/{placed['order_id']}")).json()
    assert (found["state"], found["reason"]) == ("expired", "number_given_up")


async def test_a_new_tenure_begins_a_chain_of_its_own(web: Web) -> None:
    body = {"brand": "easyown", "payment": "prepaid", "balance_fen": 0, "points": 0}
    await web.call("PATCH", f"/api/v1/subscribers/{ALICE}", {"status": "closed"})
    await web.call("PUT", f"/api/v1/subscribers/{ALICE}", {**body, "status": "active"})
    assert (await web.get(f"/api/v1/subscribers/{ALICE}/evidence/verify")).json()["ok"]


async def test_an_sp_may_want_a_code(web: Web) -> None:
    sp = {"name": "体坛传媒", "short_name": "体坛", "service_phone": "4008100003", "own": False}
    assert (await web.call("PUT", "/api/v1/service-providers/TITAN", {**sp, "confirm_mode": "code"})).status_code == 200
    asked = await send_text(web, "KTZQ", "10086")
    code = asked.partition("回复验证码")[2][:4]
    assert 1000 <= int(code) <= 9999
    assert "成功订购足球快讯" in await send_text(web, code, "10086")
    assert (await state_of(web, "ZQ"))["state"] == "trial"
    assert "“是”" in await send_text(web, "KTYYH", "10086")


async def test_the_evidence_holds_question_and_answer(web: Web) -> None:
    await send_text(web, "KTZQ", "10086")
    await send_text(web, "1", (await received_messages(web))[-1]["from"])
    evidence = (await web.get(f"/api/v1/subscribers/{ALICE}/evidence")).json()["evidence"]
    (confirmed,) = [item for item in evidence if item["kind"] == "order-confirmed"]
    assert confirmed["payload"]["answer"] == "1"
    assert "体坛的足球快讯业务，8元/月" in confirmed["payload"]["asked"]
    assert (await web.get(f"/api/v1/subscribers/{ALICE}/evidence/verify")).json()["ok"]


# ---- new terms


def terms(price_fen: int = 700, day: str = "2026-04-01T00:00:00+08:00", **fields: object) -> dict[str, object]:
    return {"price_fen": price_fen, "takes_effect_at": day, **fields}


async def test_worse_terms_need_a_yes_of_each_holder(web: Web) -> None:
    bobs = {"state": "active", "in_plan": False, "started_at": "2025-06-01T10:00:00+08:00", "channel": "web"}
    await web.call("PUT", f"/api/v1/subscribers/{BOB}/subscriptions/CL", bobs)
    assert (await web.call("POST", "/api/v1/services/CL/terms", terms())).status_code == 202
    asked = (await received_messages(web))[-1]
    assert re.fullmatch(r"10086204\d\d", asked["from"])
    assert "现5元/月，调整后7元/月" in asked["text"]
    await received_messages(web, BOB)
    assert "同意" in await send_text(web, "是", asked["from"])
    assert "停止" in await send_text(web, "不要", (await received_messages(web, BOB))[-1]["from"], BOB)
    assert (await state_of(web, "CL"))["price_fen"] == 500
    assert (await state_of(web, "CL", BOB))["state"] == "active"
    await web.call("POST", "/simulator/clock/advance", {"to": "2026-04-01T00:00:02+08:00"})
    alice, bob = await state_of(web, "CL"), await state_of(web, "CL", BOB)
    assert (alice["state"], alice["price_fen"]) == ("active", 700)
    assert (bob["state"], bob["price_fen"], bob["ends_at"]) == ("ended", 500, "2026-04-01T00:00:00+08:00")


async def test_terms_that_are_no_worse_take_effect_without_a_question(web: Web) -> None:
    await web.call("POST", "/api/v1/services/CL/terms", terms(400))
    assert await received_messages(web) == []
    await web.call("POST", "/simulator/clock/advance", {"to": "2026-04-01T00:00:02+08:00"})
    assert (await state_of(web, "CL"))["price_fen"] == 400


async def test_an_announcement_must_be_early_enough_and_the_only_one(web: Web) -> None:
    assert_problem(await web.call("POST", "/api/v1/services/NONE/terms", terms()), 404)
    assert_problem(await web.call("POST", "/api/v1/services/CL/terms", terms(day="2026-03-03T09:59:59+08:00")), 422)
    assert (await web.call("POST", "/api/v1/services/CL/terms", terms())).status_code == 202
    assert_problem(await web.call("POST", "/api/v1/services/CL/terms", terms(800)), 409)
    read = await web.token("read")
    assert_problem(await web.call("POST", "/api/v1/services/SJB/terms", terms(), token=read), 403)
