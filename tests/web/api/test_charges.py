"""Charges and uses over the management API (http-api.md, management API; safety.md 10-12, 18)."""

import asyncio
import re

import pytest

from app.db.events import event
from app.db.record_tables import RECORD_TABLES
from app.domain.charges import Charge
from tests.web.calls import Web, assert_problem, message

pytestmark = pytest.mark.anyio
CHARGES = "/api/v1/charges"
USES = "/api/v1/usage/per-use"
FEE = {
    "charge_id": "c-1",
    "msisdn": "13800138000",
    "service_code": "SJB",
    "kind": "monthly",
    "amount_fen": 300,
    "due_at": "2026-03-05T12:00:00+08:00",
}
USE = {
    "use_id": "u-1",
    "msisdn": "13800138000",
    "service_code": "GS",
    "channel": "web",
    "at": "2026-03-02T10:00:00+08:00",
}


async def received_messages(web: Web, number: str = "13800138000") -> list[dict[str, str]]:
    """Return the messages on a handset after everything due is done."""
    await web.call("POST", "/simulator/drain", {})
    messages = (await web.get(f"/simulator/handsets/{number}/messages")).json()["messages"]
    return [item for item in messages if item["direction"] == "mt"]


async def charge_state(web: Web, charge_id: str = "c-1") -> dict[str, object]:
    found: dict[str, object] = (await web.get(f"{CHARGES}/{charge_id}")).json()
    return found


async def test_a_fee_from_its_announcement_to_its_end(web: Web) -> None:
    answer = await web.call("POST", CHARGES, FEE)
    assert answer.status_code == 202
    assert answer.json() == {
        **FEE,
        "msisdn": "+8613800138000",
        "period": "2026-03",
        "state": "announced",
        "asked_due_at": FEE["due_at"],
        "announced_at": "2026-03-02T10:00:00+08:00",
    }
    (reminder,) = await received_messages(web)
    assert reminder["from"] == "10086901"
    reminded = await charge_state(web)
    assert (reminded["state"], reminded["window_ends_at"]) == ("reminded", "2026-03-02T11:00:00+08:00")
    await web.running.advance_to("2026-03-05 12:00")
    charged = await charge_state(web)
    assert (charged["state"], charged["settled_at"]) == ("charged", FEE["due_at"])
    events = await web.running.rows(event, event.c.receiver == "billing")
    assert [told["type"] for told in events] == ["charge.charged"]


async def test_the_answer_says_when_an_early_fee_is_due(web: Web) -> None:
    await web.call("PUT", "/api/v1/subscribers/13900139000/subscriptions/CL", {
        "state": "active", "in_plan": False, "started_at": "2026-03-02T09:00:00+08:00", "channel": "web",
    })  # fmt: skip
    for charge_id, of, due_at in (
        ("c-1", {}, "2026-03-02T11:05:01+08:00"),
        ("c-2", {"msisdn": "13900139000", "service_code": "CL"}, "2026-03-05T09:00:01+08:00"),
    ):
        early = {"charge_id": charge_id, "due_at": "2026-03-02T10:30:00+08:00", **of}
        answer = (await web.call("POST", CHARGES, FEE | early)).json()
        assert (answer["due_at"], answer["asked_due_at"]) == (due_at, early["due_at"])


async def test_concurrent_fees_of_a_month_are_one(web: Web) -> None:
    answers = await asyncio.gather(*(web.call("POST", CHARGES, FEE | {"charge_id": f"c-{n}"}) for n in range(10)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9
    assert len(await received_messages(web)) == 1


async def test_a_fee_that_was_taken_long_ago_is_not_taken_again(web: Web) -> None:
    await web.call("POST", CHARGES, FEE)
    assert len(await received_messages(web)) == 1
    await web.running.advance_to("2027-06-01 12:00")
    assert (await charge_state(web))["state"] == "charged"
    again = FEE | {"charge_id": "c-2", "period": "2026-03", "due_at": "2027-06-03T12:00:00+08:00"}
    assert_problem(await web.call("POST", CHARGES, again), 409)


async def test_a_dispute_by_its_code(web: Web) -> None:
    await web.call("POST", CHARGES, FEE)
    (reminder,) = await received_messages(web)
    (code,) = re.findall(r"(?<!\d)\d{4}(?!\d)", reminder["text"])
    await web.inbound(message(code, to="10086901"))
    await received_messages(web)
    disputed = await charge_state(web)
    assert disputed["state"] == "disputed"
    (ticket,) = (await web.get("/api/v1/tickets", kind="fee_dispute")).json()["tickets"]
    assert disputed["ticket_id"] == ticket["id"]


async def test_an_identical_announcement_is_the_same_charge_and_another_a_conflict(web: Web) -> None:
    assert [(await web.call("POST", CHARGES, FEE)).status_code for _ in range(2)] == [202, 200]
    for change in ({"amount_fen": 200}, {"msisdn": "13900139000"}, {"due_at": "2026-03-06T12:00:00+08:00"}):
        assert_problem(await web.call("POST", CHARGES, FEE | change), 409)
    assert len(await received_messages(web)) == 1


async def test_identical_concurrent_announcements_are_one_charge(web: Web) -> None:
    answers = await asyncio.gather(*(web.call("POST", CHARGES, FEE) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len(await received_messages(web)) == 1


async def test_a_former_customers_charge_is_not_announced_to_the_next(web: Web) -> None:
    await web.call("POST", CHARGES, FEE)
    await web.call("PATCH", "/api/v1/subscribers/13800138000", {"status": "closed"})
    assert (await charge_state(web))["state"] == "cancelled"
    new = {"brand": "gotone", "payment": "postpaid", "balance_fen": 0, "points": 0, "status": "active"}
    await web.call("PUT", "/api/v1/subscribers/13800138000", new)
    again = await web.call("POST", CHARGES, FEE)
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")
    assert_problem(await web.call("POST", CHARGES, FEE | {"charge_id": "c-2"}), 422)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "yearly"}, {"amount_fen": -1}, {"amount_fen": 2.5}, {"amount_fen": "300"}, {"due_at": "soon"},
        {"period": "2026-13"}, {"period": "March"}, {"charge_id": ""}, {"charge_id": "a b"}, {"charge_id": "x" * 65},
        {"msisdn": "10086"}, {"channel": "pigeon"}, {"surprise": 1}, {"amount_fen": 301}, {"service_code": "NONE"},
        {"msisdn": "13700137000"}, {"period": "2020-01"},
    ],
)  # fmt: skip
async def test_what_is_wrong_or_without_consent_is_refused(web: Web, change: dict[str, object]) -> None:
    assert_problem(await web.call("POST", CHARGES, FEE | change), 422)
    assert await web.running.count(RECORD_TABLES[Charge].table) == 0
    assert await received_messages(web) == []


async def test_a_refusal_is_recorded(web: Web) -> None:
    await web.call("POST", CHARGES, FEE | {"amount_fen": 301})
    chain = (await web.get("/api/v1/subscribers/13800138000/evidence")).json()["evidence"]
    assert chain[-1]["kind"] == "fee-refused"
    assert (await web.get("/api/v1/subscribers/13800138000/evidence/verify")).json()["ok"]


async def test_a_use_creates_its_charge(web: Web) -> None:
    answer = await web.call("POST", USES, USE)
    assert answer.status_code == 202
    charge = answer.json()["charge"]
    assert (charge["charge_id"], charge["amount_fen"], charge["due_at"]) == (
        "use-u-1",
        250,
        "2026-03-03T10:00:00+08:00",
    )
    assert (await web.call("POST", USES, USE)).status_code == 200
    assert_problem(await web.call("POST", USES, USE | {"channel": "wap"}), 409)
    assert_problem(await web.call("POST", USES, USE | {"msisdn": "13900139000"}), 409)
    assert len(await received_messages(web)) == 1
    assert (await charge_state(web, "use-u-1"))["state"] == "reminded"


async def test_a_use_reported_after_a_price_increase_costs_the_old_price(web: Web) -> None:
    for hour, fen in ((11, 900), (12, 900), (13, 400)):
        await web.running.advance_to(f"2026-03-02 {hour}:00")
        service = {"name": "故事点播", "sp_code": "XINHUA", "billing": "per_use", "price_fen": fen}
        ways = {"cancel_effect": "immediate", "cancellable_by_sms": True, "on_offer": False, "trial_days": 0}
        answer = await web.call("PUT", "/api/v1/services/GS", {**service, **ways, "visible": True})
        assert answer.status_code == 200, answer.text
    for at, fen in (("10:59:59", 250), ("11:00:00", 900), ("12:59:59", 900), ("13:00:00", 400)):
        used = USE | {"use_id": at, "at": f"2026-03-02T{at}+08:00"}
        assert (await web.call("POST", USES, used)).json()["charge"]["amount_fen"] == fen


@pytest.mark.parametrize("change", [{"channel": "agent"}, {"at": "2026-03-02T11:00:00+08:00"}, {"service_code": "CL"}])
async def test_an_invalid_use_is_refused(web: Web, change: dict[str, object]) -> None:
    assert_problem(await web.call("POST", USES, USE | change), 422)


async def test_a_use_cannot_take_the_id_of_another_customers_charge(web: Web) -> None:
    await web.call("POST", CHARGES, FEE | {"charge_id": "use-u-1"})
    assert_problem(await web.call("POST", USES, USE | {"msisdn": "13900139000"}), 409)


async def test_pages_of_charges(web: Web) -> None:
    for number in range(5):
        period = f"2025-{number + 8:02}"
        answer = await web.call("POST", CHARGES, FEE | {"charge_id": f"c-{number}", "period": period})
        assert answer.status_code == 202, answer.text
    await web.call("POST", USES, USE | {"msisdn": "13900139000"})
    first = (await web.get(CHARGES, limit="4")).json()
    second = (await web.get(CHARGES, limit="4", cursor=first["next_cursor"])).json()
    assert [item["charge_id"] for item in first["charges"] + second["charges"]] == [
        "c-0", "c-1", "c-2", "c-3", "c-4", "use-u-1",
    ]  # fmt: skip
    assert second["next_cursor"] is None
    assert len((await web.get(CHARGES, msisdn="13900139000")).json()["charges"]) == 1
    assert len((await web.get(CHARGES, service_code="SJB")).json()["charges"]) == 5
    assert (await web.get(CHARGES, state="charged")).json() == {"charges": [], "next_cursor": None}
    assert_problem(await web.get(CHARGES, state="gone"), 422)
    assert_problem(await web.get(f"{CHARGES}/none"), 404)


async def test_scopes_of_charges(web: Web) -> None:
    billing, reader, agent = [await web.token(scope) for scope in ("billing:write", "read", "care")]
    for token in (reader, agent, await web.token("directory:write")):
        assert_problem(await web.call("POST", CHARGES, FEE, token=token), 403)
        assert_problem(await web.call("POST", USES, USE, token=token), 403)
    assert (await web.call("POST", CHARGES, FEE, token=billing)).status_code == 202
    assert (await web.call("GET", f"{CHARGES}/c-1", token=billing, reason=None)).status_code == 200
    assert_problem(await web.call("GET", f"{CHARGES}/c-1", token=agent, reason=None), 422)
    assert (await web.call("GET", f"{CHARGES}/c-1", token=agent)).status_code == 200
    assert (await web.call("GET", CHARGES, token=reader, reason=None)).status_code == 200


async def test_the_window_moves_with_an_unclear_no_in_the_database_too(web: Web) -> None:
    await web.call("POST", CHARGES, FEE | {"due_at": "2026-03-02T11:00:00+08:00"})
    await web.call("POST", CHARGES, FEE | {"charge_id": "c-2", "service_code": "CL", "amount_fen": 500})
    await received_messages(web)
    await web.running.advance(minutes=50)
    await web.inbound(message("否", to="10086901"))
    assert "天" not in (await received_messages(web))[-1]["text"]
    await web.running.advance(minutes=59)
    assert (await charge_state(web))["state"] == "reminded"
    code = re.findall(r"(?<!\d)\d{4}(?!\d)", (await received_messages(web))[0]["text"])[0]
    await web.inbound(message(code, "m-2", to="10086901"))
    await received_messages(web)
    assert ((await charge_state(web))["state"], (await charge_state(web, "c-2"))["state"]) == ("disputed", "reminded")


@pytest.mark.parametrize("mode", ["reject", "error"])
async def test_nobody_is_charged_without_an_accepted_reminder(web: Web, mode: str) -> None:
    await web.running.faults(mode)
    await web.call("POST", CHARGES, FEE | {"due_at": "2026-03-02T12:00:00+08:00"})
    await web.running.advance_to("2026-03-03 23:30")
    assert (await charge_state(web))["state"] == "announced"
    await web.running.faults("ok")
    await web.running.advance_to("2026-03-04 06:59")
    assert await received_messages(web) == []
    await web.running.advance_to("2026-03-04 07:30")
    assert len(await received_messages(web)) == 1
    await web.running.advance_to("2026-03-04 09:00")
    assert (await charge_state(web))["state"] == "charged"


async def test_a_held_reminder_of_an_ended_service_is_recorded_as_not_sent(web: Web) -> None:
    await web.running.advance_to("2026-03-02 23:00")
    due = {"due_at": "2026-03-06T12:00:00+08:00"}
    await web.call("POST", CHARGES, FEE | due | {"service_code": "CL", "amount_fen": 500})
    await web.inbound(message("QXCL"))
    await received_messages(web)
    await web.running.advance_to("2026-03-03 09:00")
    found = (await web.get("/api/v1/messages", msisdn="13800138000", direction="mt")).json()["messages"]
    assert sorted(item["status"] for item in found) == ["delivered", "superseded"]
    assert (await charge_state(web))["state"] == "waived"
