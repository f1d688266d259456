"""Tickets, refunds and spam reports over the management API (http-api.md, management API)."""

import pytest

from tests.running import ALICE, BOB
from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio
TICKETS = "/api/v1/tickets"
SPAM = "/api/v1/spam-reports"


async def complain(web: Web, text: str = "多收费", sender: str = ALICE) -> str:
    """Send a complaint and return the id of its ticket."""
    await web.running.say(f"TS {text}", sender=sender)
    tickets = (await web.get(TICKETS)).json()["tickets"]
    return str(tickets[-1]["id"])


async def resolve(web: Web, ticket_id: str, **body: object) -> tuple[int, dict[str, object]]:
    answer = await web.call("POST", f"{TICKETS}/{ticket_id}/resolve", {"decision": "done", **body})
    return answer.status_code, answer.json()


async def take_fee(web: Web, charge_id: str = "c-1") -> None:
    """Announce a fee and let it be reminded and taken, within six hours."""
    charge = {
        "charge_id": charge_id, "msisdn": ALICE, "service_code": "SJB", "kind": "monthly", "amount_fen": 300,
        "due_at": "2026-03-02T12:00:00+08:00",
    }  # fmt: skip
    assert (await web.call("POST", "/api/v1/charges", charge)).status_code == 202
    await web.running.drain()
    await web.running.advance(hours=6)
    assert (await web.get(f"/api/v1/charges/{charge_id}")).json()["state"] == "charged"


async def test_a_ticket_as_it_is_shown(web: Web) -> None:
    ticket_id = await complain(web, "手机报我没有订过")
    shown = (await web.get(f"{TICKETS}/{ticket_id}")).json()
    assert len(shown.pop("number")) == 8
    assert shown == {
        "id": ticket_id,
        "kind": "complaint",
        "state": "open",
        "msisdn": ALICE,
        "text": "手机报我没有订过",
        "tier": "ordinary",
        "made_at": "2026-03-02T10:00:00+08:00",
        "warned": False,
        "breached": False,
        "first_response_due": "2026-03-04T10:00:00+08:00",
        "due": "2026-03-04T10:00:00+08:00",
        "charge_ids": [],
        "refunds": [],
    }


async def test_lists_by_state_kind_and_breach_and_by_page(web: Web) -> None:
    ids = [await complain(web, text) for text in ("一件", "两件", "三件")]
    await resolve(web, ids[1])

    async def found(**wanted: str) -> list[str]:
        answer = (await web.get(TICKETS, **wanted)).json()
        return [ticket["id"] for ticket in answer["tickets"]]

    assert await found() == ids
    assert await found(state="open") == [ids[0], ids[2]]
    assert await found(state="resolved", kind="complaint") == [ids[1]]
    assert await found(kind="fee_dispute") == []
    assert await found(breached="true") == []
    await web.running.advance(hours=40)
    assert await found(warned="true") == [ids[0], ids[2]]
    await web.running.advance(hours=9)
    assert await found(breached="true") == [ids[0], ids[2]]
    assert await found(breached="false") == [ids[1]]
    number = (await web.get(f"{TICKETS}/{ids[1]}")).json()["number"]
    assert await found(number=number.lower()) == [ids[1]]
    first = (await web.get(TICKETS, limit="2")).json()
    assert [ticket["id"] for ticket in first["tickets"]] == ids[:2]
    rest = (await web.get(TICKETS, limit="2", cursor=first["next_cursor"])).json()
    assert [ticket["id"] for ticket in rest["tickets"]] == ids[2:]
    assert rest["next_cursor"] is None
    for wrong in ({"state": "x"}, {"kind": "x"}, {"breached": "x"}, {"cursor": "x"}, {"limit": "501"}):
        assert_problem(await web.get(TICKETS, **wrong), 422)


async def test_the_earliest_deadline_comes_first_and_by_page(web: Web) -> None:
    ids = []
    for text, vip in (("一件", False), ("两件", True), ("三件", False), ("四件", True)):
        subscriber = {
            "brand": "gotone",
            "vip": vip,
            "payment": "prepaid",
            "balance_fen": 0,
            "points": 0,
            "status": "active",
        }
        assert (await web.call("PUT", f"/api/v1/subscribers/{ALICE}", subscriber)).status_code == 200
        ids.append(await complain(web, text))
    wanted = [ids[1], ids[3], ids[0], ids[2]]
    assert [one["id"] for one in (await web.get(TICKETS, sort="deadline")).json()["tickets"]] == wanted
    found: list[str] = []
    asked = {"sort": "deadline", "state": "open", "limit": "1"}
    while True:
        page = (await web.get(TICKETS, **asked)).json()
        found += [one["id"] for one in page["tickets"]]
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
    assert found == wanted
    for wrong in ({"sort": "id"}, {"sort": "deadline", "cursor": ids[0]}, {"cursor": asked["cursor"]}):
        assert_problem(await web.get(TICKETS, **wrong), 422)


async def test_an_agent_opens_answers_and_resolves(web: Web) -> None:
    opened = await web.call("POST", TICKETS, {"msisdn": "13800138000", "text": "她说密码802357#739184没有用"})
    assert opened.status_code == 201
    ticket = opened.json()
    assert ticket["text"] == "她说密码******#******没有用"
    await web.running.drain()
    assert ticket["number"] in (await web.running.texts())[-1]
    path = f"{TICKETS}/{ticket['id']}"
    answered = await web.call("POST", f"{path}/first-response", {"message": "我们正在核实"})
    assert answered.json()["responded_by"] == "agent:demo"
    code, resolved = await resolve(web, ticket["id"], message="已为您核实")
    assert (code, resolved["state"], resolved["decision"], resolved["resolved_by"]) == (
        200, "resolved", "done", "agent:demo",
    )  # fmt: skip
    await web.running.drain()
    assert ["我们正在核实" in text for text in (await web.running.texts())[-2:]] == [True, False]
    assert "已为您核实" in (await web.running.texts())[-1]
    assert_problem(await web.call("POST", f"{path}/first-response", {"message": "又一次"}), 409)
    assert (await resolve(web, ticket["id"]))[0] == 409


async def test_impossible_decisions_are_refused(web: Web) -> None:
    ticket_id = await complain(web)
    for body in (
        {"decision": "whatever"},
        {"refund": {"policy": "triple"}},
        {"refund": {"policy": "double"}},
        {"refund": {"policy": "double", "charge_id": "no-such"}},
        {"message": ""},
        {"message": "两\n行"},
        {"more": 1},
    ):
        assert (await resolve(web, ticket_id, **body))[0] == 422, body
    assert (await web.get(f"{TICKETS}/{ticket_id}")).json()["state"] == "open"
    for path in ("", "/resolve", "/first-response", "/refund/confirm", "/refund/close"):
        given = {"resolve": {"decision": "done"}, "first-response": {"message": "x"}}.get(path.rpartition("/")[2])
        method = "POST" if path else "GET"
        assert_problem(await web.call(method, f"{TICKETS}/no-such-ticket{path}", given), 404)
    for action in ("confirm", "close"):
        assert_problem(await web.call("POST", f"{TICKETS}/{ticket_id}/refund/{action}"), 409)
    assert_problem(await web.call("POST", TICKETS, {"msisdn": "13711112222", "text": "多收费"}), 404)
    assert_problem(await web.call("POST", TICKETS, {"msisdn": ALICE, "text": "多收费", "charge_id": "no"}), 422)


async def test_a_fee_is_refunded_once(web: Web) -> None:
    await take_fee(web)
    first, second = await complain(web, "手机报我没有订过"), await complain(web, "手机报又说一次")
    principal = {"policy": "principal", "charge_id": "c-1"}
    code, ticket = await resolve(web, first, refund=principal)
    assert code == 200
    [entry] = (await web.get(f"{TICKETS}/{first}")).json()["refunds"]
    assert ticket["refunds"] == [entry]
    assert (entry["part"], entry["amount_fen"], entry["who"], entry["second_half"]) == (
        "principal", 300, "agent:demo", "waiting",
    )  # fmt: skip
    assert entry["decide_by"] == "2026-03-05T16:00:00+08:00"
    assert (await resolve(web, second, refund=principal))[0] == 409
    assert (await resolve(web, second, refund={"policy": "double", "charge_id": "c-1"}))[0] == 409
    confirmed = (await web.call("POST", f"{TICKETS}/{first}/refund/confirm")).json()
    assert [(one["part"], one.get("second_half")) for one in confirmed["refunds"]] == [
        ("principal", "paid"), ("second_half", None),
    ]  # fmt: skip
    assert_problem(await web.call("POST", f"{TICKETS}/{first}/refund/close"), 409)
    await web.running.drain()
    assert "再退还3元" in (await web.running.texts())[-1]
    verified = (await web.get("/api/v1/subscribers/13800138000/evidence/verify")).json()
    assert verified["ok"]


async def test_an_undecided_second_half_is_paid(web: Web) -> None:
    await take_fee(web)
    ticket_id = await complain(web, "手机报我没有订过")
    await resolve(web, ticket_id, refund={"policy": "principal", "charge_id": "c-1"})
    await web.running.advance(days=3)
    refunds = (await web.get(f"{TICKETS}/{ticket_id}")).json()["refunds"]
    assert [entry["part"] for entry in refunds] == ["principal", "second_half"]
    assert refunds[1]["who"] == "timer"


async def test_scopes_of_tickets(web: Web) -> None:
    ticket_id = await complain(web)
    read, care, billing = await web.token("read"), await web.token("care"), await web.token("billing:write")
    listed = (await web.call("GET", TICKETS, token=read)).json()["tickets"]
    assert "text" not in listed[0]
    assert (await web.call("GET", TICKETS, token=care)).json()["tickets"][0]["text"] == "多收费"
    assert_problem(await web.call("GET", TICKETS, token=billing), 403)
    assert_problem(await web.call("GET", f"{TICKETS}/{ticket_id}", token=care, reason=None), 422)
    assert (await web.call("GET", f"{TICKETS}/{ticket_id}", token=care)).status_code == 200
    done = {"decision": "done"}
    assert_problem(await web.call("POST", f"{TICKETS}/{ticket_id}/resolve", done, token=read), 403)
    assert (await web.call("POST", f"{TICKETS}/{ticket_id}/resolve", done, token=care)).status_code == 200


async def test_a_former_customers_tickets_are_for_admin_only(web: Web) -> None:
    ticket_id = await complain(web)
    home = "/api/v1/subscribers/13800138000"
    subscriber = (await web.get(home)).json()
    assert (await web.call("PATCH", home, {"status": "closed"})).status_code == 200
    fields = ("brand", "vip", "payment", "balance_fen", "points", "language")
    again = {"status": "active", **{name: subscriber[name] for name in fields}}
    assert (await web.call("PUT", home, again)).status_code == 201
    care = await web.token("care")
    assert (await web.call("GET", TICKETS, token=care)).json()["tickets"] == []
    assert_problem(await web.call("GET", f"{TICKETS}/{ticket_id}", token=care), 404)
    assert_problem(await web.call("POST", f"{TICKETS}/{ticket_id}/resolve", {"decision": "done"}), 404)
    shown = (await web.get(f"{TICKETS}/{ticket_id}")).json()
    assert (shown["state"], shown["resolved_by"]) == ("resolved", "tenure-ended")
    await web.running.advance(days=5)
    assert not (await web.get(f"{TICKETS}/{ticket_id}")).json()["breached"]


async def test_spam_is_counted_by_number(web: Web) -> None:
    for text, sender in (
        ("13900000001*中奖", ALICE), ("13900000001 中奖", ALICE), ("+8613900000001*中奖", BOB),
        ("106900001234*发票", ALICE), ("没有号码", ALICE),
    ):  # fmt: skip
        assert await web.running.say(text, "10086999", sender=sender)
    rows = [{"number": "+8613900000001", "count": 2}, {"number": "106900001234", "count": 1}]
    assert (await web.get(SPAM)).json() == {"spam_reports": rows, "next_cursor": None}
    assert (await web.get(SPAM, number="13900000001")).json()["spam_reports"] == rows[:1]
    assert (await web.get(SPAM, number="10001")).json()["spam_reports"] == []
    page = (await web.get(SPAM, limit="1")).json()
    assert page["spam_reports"] == rows[:1]
    assert (await web.get(SPAM, cursor=page["next_cursor"])).json()["spam_reports"] == rows[1:]
    assert_problem(await web.get(SPAM, number="abc"), 422)
    assert_problem(await web.call("GET", SPAM, token=await web.token("billing:write")), 403)
