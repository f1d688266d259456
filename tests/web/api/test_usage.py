"""Readings, bills, spend and suspensions over the management API (http-api.md, management API; flows.md 9, 10, 16)."""

from typing import Any

import pytest

from app.db.record_tables import RECORD_TABLES
from app.domain.usage import DataUsage
from tests.running import ALICE, BOB
from tests.web.calls import ALICE_HOME, Web, assert_problem

pytestmark = pytest.mark.anyio
READING = {"msisdn": "13800138000", "month": "2026-03", "used_kb": 54_784, "at": "2026-03-02T10:00:00+08:00"}
TAKEN = {"msisdn": ALICE, "month": "2026-03", "status": "accepted"}


async def post(web: Web, path: str, body: object) -> Any:  # noqa: ANN401  any JSON
    answer = await web.call("POST", f"/api/v1{path}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def reply_to(web: Web, text: str) -> str:
    (reply,) = await web.running.say(text)
    return reply


# ---- readings


async def test_a_reading_is_stored_and_an_older_one_ignored(web: Web) -> None:
    assert await post(web, "/usage/data", READING) == TAKEN
    older = READING | {"used_kb": 1, "at": "2026-03-02T09:59:59.999999+08:00"}
    assert await post(web, "/usage/data", older) == TAKEN | {"status": "ignored"}
    assert await post(web, "/usage/data", READING) == TAKEN
    assert "53.50MB" in await reply_to(web, "CXYL")


async def test_each_reading_of_an_array_is_checked_alone_and_answered_in_order(web: Web) -> None:
    ahead = {"at": "2026-03-03T10:00:01+08:00"}
    given = [
        READING | {"at": "2026-03-02T10:00:00+08:00", "used_kb": 60_000},
        READING | {"msisdn": "+8613700137000"},
        READING | {"msisdn": "13900139000", "month": "2026-02"},
        READING | {"at": "2026-03-02T09:00:00+08:00"},
        READING | ahead,
    ]
    found = await post(web, "/usage/data", given)
    assert [(one["msisdn"], one["month"], one["status"]) for one in found] == [
        (ALICE, "2026-03", "accepted"),
        ("+8613700137000", "2026-03", "refused"),
        (BOB, "2026-02", "accepted"),
        (ALICE, "2026-03", "ignored"),
        (ALICE, "2026-03", "refused"),
    ]
    assert [one.get("detail") is None for one in found] == [True, False, True, True, False]
    for refused in (READING | ahead, READING | {"msisdn": "13700137000"}):
        assert_problem(await web.call("POST", "/api/v1/usage/data", refused), 422)


async def test_a_thousand_readings_at_once(web: Web) -> None:
    numbers = [f"+861370013{number:04}" for number in range(200)]
    await web.running.subscribers(numbers)
    given = [
        READING | {"msisdn": numbers[place % 200], "used_kb": place, "at": f"2026-03-02T09:00:{place // 200:02}+08:00"}
        for place in range(1000)
    ]
    found = await post(web, "/usage/data", given)
    assert [one["status"] for one in found] == ["accepted"] * 1000
    table = RECORD_TABLES[DataUsage].table
    kept = {row["msisdn"]: row["used_kb"] for row in await web.running.rows(table, table.c.msisdn.in_(numbers))}
    assert kept == {msisdn: 800 + place for place, msisdn in enumerate(numbers)}
    assert_problem(await web.call("POST", "/api/v1/usage/data", [*given, READING]), 422)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"month": "2026-13"}, "month"),
        ({"month": "202603"}, "month"),
        ({"month": 202603}, "month"),
        ({"used_kb": -1}, "used_kb"),
        ({"used_kb": 1.5}, "used_kb"),
        ({"used_kb": "1"}, "used_kb"),
        ({"at": "soon"}, "at"),
        ({"at": None}, "at"),
        ({"at": "2026-02-28T23:59:59+08:00"}, ""),
        ({"msisdn": "10086"}, "msisdn"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_an_invalid_field_is_named(web: Web, wrong: dict[str, object], field: str) -> None:
    for body in (READING | wrong, [READING, READING | wrong]):
        answer = await web.call("POST", "/api/v1/usage/data", body)
        assert_problem(answer, 422)
        assert [error["field"].endswith(field) for error in answer.json()["errors"]] == [True]
    nothings: tuple[object, ...] = ([], {}, "x", None)
    for empty in nothings:
        assert_problem(await web.call("POST", "/api/v1/usage/data", empty), 422)


async def test_preferences_show_whether_data_alerts_are_on(web: Web) -> None:
    async def alerts() -> bool:
        return bool((await web.get(ALICE_HOME)).json()["preferences"]["data_alerts"])

    assert not await alerts()
    await reply_to(web, "KTYLTX")
    assert await alerts()
    assert (await web.get("/api/v1/subscribers/13900139000")).json()["preferences"]["data_alerts"]


# ---- bills and spend


async def test_bill_and_spend_are_what_billing_sent(web: Web) -> None:
    items = [{"name": "套餐月费", "amount_fen": 5800}, {"name": "优惠", "amount_fen": -800}]
    bill = {"msisdn": "008613800138000", "month": "2026-02", "items": items}
    assert await post(web, "/bills", bill) == {**bill, "msisdn": ALICE}
    assert "合计50元：套餐月费58元；优惠-8元" in await reply_to(web, "ZD")
    spend = {"msisdn": "13800138000", "month": "2026-03", "amount_fen": 4210, "at": "2026-03-02T09:00:00"}
    recorded = await post(web, "/spend", spend)
    assert recorded == {**spend, "msisdn": ALICE, "at": "2026-03-02T09:00:00+08:00"}
    assert "截至03月02日09时00分" in await reply_to(web, "HF")
    for path, wrong in (
        ("/bills", bill | {"msisdn": "13700137000"}),
        ("/bills", bill | {"items": [{"name": "一\n二", "amount_fen": 1}]}),
        ("/bills", bill | {"items": [{"name": "月费", "amount_fen": 1.5}]}),
        ("/bills", bill | {"month": "2026-2"}),
        ("/spend", spend | {"msisdn": "13700137000"}),
        ("/spend", spend | {"amount_fen": -1}),
        ("/spend", spend | {"at": "2026-03-03T10:00:01+08:00"}),
    ):
        assert_problem(await web.call("POST", f"/api/v1{path}", wrong), 422)


# ---- suspensions


async def test_a_suspension_is_announced_moved_and_called_off(web: Web) -> None:
    path, stop = f"{ALICE_HOME}/suspension", {"at": "2026-03-06T15:00:00"}
    assert await post(web, "/subscribers/13800138000/suspension", stop) == {
        "msisdn": ALICE,
        "at": "2026-03-06T15:00:00+08:00",
    }
    await web.running.drain()
    assert "2026年03月06日15时00分停机" in (await web.running.texts())[-1]
    assert (await web.call("DELETE", path)).status_code == 200
    assert_problem(await web.call("DELETE", path), 404)
    await web.running.advance_to("2026-03-07 00:00")
    assert len(await web.running.texts()) == 1
    assert_problem(await web.call("POST", path, {"at": "2026-03-06T15:00:00"}), 422)
    assert_problem(
        await web.call("POST", "/api/v1/subscribers/13700137000/suspension", {"at": "2027-01-01T00:00:00"}), 404
    )


async def test_a_notice_held_overnight_is_superseded_after_payment(web: Web) -> None:
    await web.running.advance_to("2026-03-02 23:00")
    await post(web, "/subscribers/13800138000/suspension", {"at": "2026-03-06T15:00:00"})
    assert (await web.call("PATCH", ALICE_HOME, {"status": "active"})).status_code == 200
    await web.running.advance_to("2026-03-06 16:00")
    assert await web.running.texts() == []
