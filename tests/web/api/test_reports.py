"""The report on the quality of SPs (mission.md, M18)."""

import csv
import io
from typing import Any

import pytest

from app.db.sp_quality import SpQuality
from app.services.management.quality import as_csv
from tests.running import ALICE, BOB
from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio
REPORT = "/api/v1/reports/service-providers"
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


async def rows(web: Web, **days: str) -> dict[str, dict[str, Any]]:
    answer = await web.get(REPORT, **(days or MARCH))
    assert answer.status_code == 200, answer.text
    return {row["sp_code"]: row for row in answer.json()["service_providers"]}


async def place_and_answer(web: Web, answer: str | None, msisdn: str) -> None:
    """Order a service of TITAN and answer the question, or let it expire if ``answer`` is None."""
    await web.running.say("KTZQ", sender=msisdn)
    asked = (await web.running.received(msisdn))[-1]
    if answer is None:
        await web.running.advance(hours=25)
    else:
        await web.running.say(answer, asked.service_number, sender=msisdn)


async def test_orders_are_counted_by_their_outcome(web: Web) -> None:
    await place_and_answer(web, "是", ALICE)
    await place_and_answer(web, "不要", BOB)
    await place_and_answer(web, None, BOB)
    refused = {"msisdn": ALICE, "service_code": "ZQ", "channel": "web"}
    assert (await web.call("POST", "/api/v1/orders", refused)).json()["state"] == "refused"
    titan = (await rows(web))["TITAN"]
    assert [titan[word] for word in ("orders", "confirmations", "declines", "expiries")] == [3, 1, 1, 1]
    assert (await rows(web))["XINHUA"]["orders"] == 0
    assert titan["short_name"] == "体坛"


async def test_unsubscribes_and_the_share_within_72_hours(web: Web) -> None:
    await web.running.say("QXSJB")
    await place_and_answer(web, "是", ALICE)
    await web.running.say("QXZQ")
    found = await rows(web)
    assert (found["XINHUA"]["unsubscribes"], found["XINHUA"]["within_72h_share"]) == (1, 0.0)
    assert (found["TITAN"]["unsubscribes"], found["TITAN"]["within_72h_share"]) == (1, 1.0)
    assert (found["MOJI"]["unsubscribes"], found["MOJI"]["within_72h_share"]) == (0, None)


async def take_charge(web: Web, charge_id: str, due_at: str) -> None:
    body = {
        "charge_id": charge_id, "msisdn": ALICE, "service_code": "SJB", "kind": "monthly", "amount_fen": 300,
        "due_at": due_at,
    }  # fmt: skip
    assert (await web.call("POST", "/api/v1/charges", body)).status_code == 202
    await web.running.drain()


async def test_disputes_complaints_and_refunds_belong_to_the_sp_of_the_fee(web: Web) -> None:
    await take_charge(web, "c-1", "2026-03-04T12:00:00+08:00")
    await web.running.say("否", "10086901")
    [ticket] = (await web.get("/api/v1/tickets", kind="fee_dispute")).json()["tickets"]
    await web.call("POST", f"/api/v1/tickets/{ticket['id']}/resolve", {"decision": "upheld"})
    await web.running.advance_to("2026-03-04 13:00")
    complaint = {"msisdn": ALICE, "text": "多收费", "charge_id": "c-1"}
    opened = await web.call("POST", "/api/v1/tickets", complaint)
    assert opened.status_code in (200, 201, 202), opened.text
    refund = {"decision": "done", "refund": {"policy": "double", "charge_id": "c-1"}}
    resolved = await web.call("POST", f"/api/v1/tickets/{opened.json()['id']}/resolve", refund)
    assert resolved.status_code == 200, resolved.text

    row = (await rows(web))["XINHUA"]
    assert {word: row[word] for word in ("disputes", "upheld", "refunds", "complaints")} == {
        "disputes": 1, "upheld": 1, "refunds": 1, "complaints": 1,
    }  # fmt: skip


async def test_days_are_days_in_shanghai(web: Web) -> None:
    await web.running.advance_to("2026-03-31 23:59:59")
    await web.running.say("QXSJB")
    await web.running.advance(seconds=1)
    await web.running.say("QXTQ")
    march, april = await rows(web), await rows(web, **{"from": "2026-04-01", "to": "2026-04-01"})
    assert (march["XINHUA"]["unsubscribes"], april["XINHUA"]["unsubscribes"]) == (1, 0)
    assert march["MOJI"]["unsubscribes"] == 0


async def test_csv_is_chosen_by_the_accept_header_or_the_format(web: Web) -> None:
    await web.running.say("QXSJB")
    by_name = await web.get(REPORT, **MARCH, format="csv")
    headers = {"Authorization": "Bearer demo", "Accept": "text/csv"}
    by_header = await web.client.get(REPORT, params=MARCH, headers=headers)
    assert by_name.headers["content-type"] == "text/csv; charset=utf-8"
    assert by_name.text == by_header.text
    table = {row["sp_code"]: row for row in csv.DictReader(io.StringIO(by_name.text))}
    as_json = await rows(web)
    assert table.keys() == as_json.keys()
    assert table["XINHUA"] == {key: "" if held is None else str(held) for key, held in as_json["XINHUA"].items()}
    json_wins = await web.client.get(REPORT, params=MARCH | {"format": "json"}, headers=headers)
    assert json_wins.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["=1+1", "+86", "-2", "@sum", "\tx"])
def test_a_cell_like_a_formula_is_escaped(name: str) -> None:
    [_, row] = csv.reader(io.StringIO(as_csv([SpQuality("-A", name)])))
    assert row[:2] == ["'-A", f"'{name}"]


@pytest.mark.parametrize(
    "days",
    [
        {}, {"from": "2026-03-01"}, {"from": "2026-03-02", "to": "2026-03-01"}, {"from": "yesterday", "to": "today"},
        {"from": "2026-02-29", "to": "2026-03-01"}, {"from": "0001-01-01", "to": "9999-12-31"},
    ],
)  # fmt: skip
async def test_invalid_days_are_refused(web: Web, days: dict[str, str]) -> None:
    assert_problem(await web.get(REPORT, **days), 422)


async def test_it_needs_the_scope_read(web: Web) -> None:
    assert_problem(await web.call("GET", REPORT, params=MARCH, token=await web.token("care")), 403)
    assert (await web.call("GET", REPORT, params=MARCH, token=await web.token("read"))).status_code == 200
