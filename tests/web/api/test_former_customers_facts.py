"""Facts about a number from before its present tenure are refused (safety.md 1)."""

import json
from typing import Any

import pytest

from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.record_tables import RECORD_TABLES
from app.db.subscriptions import subscription
from app.domain.bills import Bill, Spend
from app.domain.charges import Charge, Use
from app.domain.usage import DataUsage
from tests.running import ALICE
from tests.web.calls import ALICE_HOME, PROBLEM, Web

pytestmark = pytest.mark.anyio
NUMBER = {"msisdn": "13800138000"}
BEFORE, AFTER = "2026-03-02T10:59:59+08:00", "2026-03-02T11:00:00+08:00"
SUBSCRIBER = {
    "brand": "easyown", "vip": False, "payment": "prepaid", "balance_fen": 3000, "points": 0, "status": "active",
    "language": "zh",
}  # fmt: skip
IMPORT = {"state": "active", "in_plan": False, "started_at": "2025-12-01T10:00:00+08:00", "channel": "web"}


def use(at: str) -> dict[str, Any]:
    return {**NUMBER, "use_id": "u-1", "service_code": "GS", "channel": "web", "at": at}


def fee(period: str, due_at: str) -> dict[str, Any]:
    given = {"charge_id": "c-1", "service_code": "YYH", "kind": "monthly", "amount_fen": 600}
    return {**NUMBER, **given, "period": period, "due_at": due_at}


def bill(month: str) -> dict[str, Any]:
    return {**NUMBER, "month": month, "items": [{"name": "长途费", "amount_fen": 9999}]}


def spend(month: str, at: str) -> dict[str, Any]:
    return {**NUMBER, "month": month, "amount_fen": 7777, "at": at}


def usage(month: str, at: str) -> dict[str, Any]:
    return {**NUMBER, "month": month, "used_kb": 55, "at": at}


FEBRUARY = "2026-02"
MARCH = "2026-03"
FACTS = [
    ("/usage/per-use", use(BEFORE), use(AFTER)),
    ("/bills", bill(FEBRUARY), bill(MARCH)),
    ("/spend", spend(MARCH, BEFORE), spend(MARCH, AFTER)),
    ("/spend", spend(FEBRUARY, AFTER), spend(MARCH, AFTER)),
    ("/usage/data", usage(MARCH, BEFORE), usage(MARCH, AFTER)),
    ("/usage/data", usage(FEBRUARY, AFTER), usage(MARCH, AFTER)),
    ("/charges", fee(FEBRUARY, "2026-03-10T12:00:00+08:00"), fee(MARCH, "2026-03-10T12:00:00+08:00")),
    ("/charges", fee(MARCH, BEFORE), fee(MARCH, "2026-03-10T12:00:00+08:00")),
]
KINDS = (Use, Bill, Spend, DataUsage, Charge)


async def reassign_number(web: Web) -> None:
    """Give the number to another customer at 11:00, and import 音乐盒 for them."""
    await web.running.advance(hours=1)
    for method, path, body in (
        ("PATCH", ALICE_HOME, {"status": "closed"}),
        ("PUT", ALICE_HOME, SUBSCRIBER),
        ("PUT", f"{ALICE_HOME}/subscriptions/YYH", IMPORT),
        ("PUT", "/api/v1/services/GS", GS),
    ):
        assert (await web.call(method, path, body)).is_success
    await web.running.advance(hours=1)


GS = {
    "name": "故事", "sp_code": "CMCC", "billing": "per_use", "price_fen": 100, "cancel_effect": "immediate",
    "cancellable_by_sms": True, "on_offer": True, "trial_days": 0, "visible": True,
}  # fmt: skip


async def record_count(web: Web) -> int:
    """Return the number of stored uses, bills, spends, readings and charges."""
    counts = [await web.running.count(RECORD_TABLES[kind].table) for kind in KINDS]
    return sum(counts)


@pytest.mark.parametrize(("path", "former", "present"), FACTS)
async def test_a_fact_from_before_the_present_tenure_is_refused(
    web: Web, path: str, former: dict[str, Any], present: dict[str, Any]
) -> None:
    await reassign_number(web)
    before, received = await record_count(web), len(await web.running.received())
    answer = await web.call("POST", f"/api/v1{path}", former)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert "before the present customer got this number" in answer.json()["detail"]
    await web.running.drain()
    assert (await record_count(web), len(await web.running.received())) == (before, received)
    assert (await web.call("POST", f"/api/v1{path}", present)).is_success
    assert await record_count(web) > before


@pytest.mark.parametrize(("path", "former"), [(path, former) for path, former, _ in FACTS[1:6]])
async def test_the_first_tenure_of_a_number_has_no_start(web: Web, path: str, former: dict[str, Any]) -> None:
    assert (await web.call("PATCH", ALICE_HOME, {"points": 1})).is_success
    await web.running.advance(hours=2)
    assert (await web.call("POST", f"/api/v1{path}", former)).is_success


async def test_of_many_readings_only_those_of_the_former_customer_are_refused(web: Web) -> None:
    await reassign_number(web)
    readings = [usage(MARCH, BEFORE), usage(MARCH, AFTER), {**usage(MARCH, BEFORE), "msisdn": "13900139000"}]
    answer = (await web.call("POST", "/api/v1/usage/data", readings)).json()
    assert [one["status"] for one in answer] == ["refused", "accepted", "accepted"]
    assert "before the present customer" in answer[0]["detail"]


@pytest.mark.parametrize(("as_of", "status"), [(BEFORE, 422), (AFTER, 201)])
async def test_data_from_before_the_present_tenure_is_not_imported(web: Web, as_of: str, status: int) -> None:
    await reassign_number(web)
    wanted = {**IMPORT, "as_of": as_of}
    answer = await web.call("PUT", f"{ALICE_HOME}/subscriptions/CL", wanted)
    assert answer.status_code == status
    line = json.dumps({"type": "subscription", **NUMBER, "service_code": "CL", **wanted})
    other = json.dumps({"type": "subscription", "msisdn": "13900139000", "service_code": "CL", **wanted})
    bulk = (await web.call("POST", "/api/v1/imports", content=f"{line}\n{other}\n")).json()
    assert [(one["line"], one["status"]) for one in bulk["errors"]] == ([(1, 422)] if status == 422 else [])
    mine = (subscription.c.msisdn == ALICE, subscription.c.tenure == 2)
    assert await web.running.count(subscription, *mine) == (1 if status == 422 else 2)


async def test_a_former_customers_dead_letter_is_a_conflict(web: Web) -> None:
    await web.running.store(web.running.message("YE"))
    await web.running.drain()
    [row] = await web.running.rows(inbound_message)
    dead = inbound_message.update().values(status="dead")
    await web.running.gateway.storage.database.write(lambda connection: connection.execute(dead))
    await reassign_number(web)
    answer = await web.call("POST", f"/api/v1/dead-letters/{row['id']}/retry")
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    [reply] = await web.running.rows(outbound_message, outbound_message.c.in_reply_to == row["id"])
    again = await web.call("POST", f"/api/v1/messages/{reply['id']}/resend")
    assert (again.status_code, "former customer" in again.json()["detail"]) == (409, True)
