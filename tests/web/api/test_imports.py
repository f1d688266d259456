"""Bulk imports, each line of which is imported on its own (http-api.md, management API)."""

import json
import threading
from collections.abc import Iterator
from typing import get_args

import httpx
import pytest

from app.db import subscribers, subscriptions
from app.services.management.import_lines import ImportLine
from app.services.management.imports import Import
from app.services.management.tokens import Caller, Scope
from app.web.api.import_kinds import KINDS, KindName, parser
from tests.running import ALICE
from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio
IMPORTS = "/api/v1/imports"
NEW = "+8613700137000"


async def post(
    web: Web, content: str | bytes, kind: str = "application/x-ndjson", token: str = "demo", **params: str
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    return await web.client.post(IMPORTS, content=content, headers=headers, params=params)


def subscriber(msisdn: str = NEW, **fields: object) -> dict[str, object]:
    return {
        "type": "subscriber", "msisdn": msisdn, "brand": "gotone", "payment": "postpaid", "balance_fen": 0, "points": 5,
        "status": "active", **fields,
    }  # fmt: skip


def subscription(code: str, msisdn: str = NEW, **fields: object) -> dict[str, object]:
    return {
        "type": "subscription", "msisdn": msisdn, "service_code": code, "state": "active", "in_plan": False,
        "started_at": "2025-06-01T10:00:00+08:00", "channel": "sms", **fields,
    }  # fmt: skip


def lines(*items: object) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


async def test_all_types_in_one_file_are_imported_in_order(web: Web) -> None:
    provider = {
        "type": "service_provider", "sp_code": "QIWEN", "name": "奇闻", "short_name": "奇闻",
        "service_phone": "4001", "own": False,
    }  # fmt: skip
    service = {
        "type": "service", "service_code": "QW", "name": "奇闻快报", "sp_code": "QIWEN", "billing": "monthly",
        "price_fen": 200, "cancel_effect": "immediate", "cancellable_by_sms": True, "on_offer": True,
        "trial_days": 0, "visible": True,
    }  # fmt: skip
    answer = await post(web, lines(provider, service, subscriber(), subscription("QW"), subscription("QW", ALICE)))
    assert answer.status_code == 200
    assert answer.json() == {"lines": 5, "imported": 5, "failed": 0, "errors": [], "kept": {}}
    held = await web.running.rows(subscriptions.subscription, subscriptions.subscription.c.service_code == "QW")
    assert {row["msisdn"] for row in held} == {NEW, ALICE}


async def test_a_bad_line_is_reported_and_the_others_are_imported(web: Web) -> None:
    bad = [
        "no json",
        "[1]",
        json.dumps({"type": "sheep"}),
        json.dumps(subscriber("123")),
        json.dumps(subscriber(brand="unknown-brand")),
        json.dumps(subscriber(unknown=1)),
        json.dumps(subscription("NONE")),
        json.dumps(subscriber("+8613700137999", points="x" * 70_000)),
    ]
    content = "\n".join([json.dumps(subscriber()), *bad, "", json.dumps(subscription("CL"))])
    report = (await post(web, content)).json()
    assert (report["lines"], report["imported"], report["failed"]) == (10, 2, 8)
    assert [error["line"] for error in report["errors"]] == list(range(2, 10))
    statuses = {error["line"]: error["status"] for error in report["errors"]}
    assert statuses[8] == 404
    assert "unknown-brand" not in json.dumps(report)
    assert len(await web.running.rows(subscriptions.subscription, subscriptions.subscription.c.msisdn == NEW)) == 1


async def test_a_file_may_be_sent_again(web: Web) -> None:
    content = lines(subscriber(), subscription("CL"))
    first, second = await post(web, content), await post(web, content)
    assert first.json() == second.json()
    assert len(await web.running.rows(subscriptions.subscription, subscriptions.subscription.c.msisdn == NEW)) == 1


async def test_kept_fields_of_a_line_are_named(web: Web) -> None:
    later = subscription("CL", started_at="2025-07-01T10:00:00+08:00")
    report = (await post(web, lines(subscriber(), later, subscription("CL"), later))).json()
    assert (report["imported"], report["errors"]) == (4, [])
    assert report["kept"] == {"3": ["started_at"]}


async def test_thousands_share_commits(web: Web) -> None:
    numbers = [f"+86137{number:08}" for number in range(2_000)]
    report = (await post(web, lines(*map(subscriber, numbers)))).json()
    assert report == {"lines": 2_000, "imported": 2_000, "failed": 0, "errors": [], "kept": {}}
    assert await web.running.count(subscribers.subscriber) >= 2_000


async def test_two_lines_of_one_customer_are_carried_out_in_order(web: Web) -> None:
    await post(web, lines(subscriber(points=1), subscriber(points=2), subscriber(points=3)))
    [row] = await web.running.rows(subscribers.subscriber, subscribers.subscriber.c.msisdn == NEW)
    assert row["points"] == 3


CSV = """msisdn,brand,payment,balance_fen,points,status,vip,plan.name,plan.data_kb
13700137000,gotone,postpaid,0,5,active,true,"流量, 大",1024
13700137001,gotone,postpaid,0,5,active,,,
13700137002,gotone,postpaid,lots,5,active,,,
13700137003,gotone
13700137004,mzone,prepaid,100,5,active,false,,
"""


async def test_csv_of_one_type(web: Web) -> None:
    report = (await post(web, "\ufeff" + CSV, "text/csv; charset=utf-8", type="subscriber")).json()
    assert (report["lines"], report["imported"]) == (5, 3)
    assert [(error["line"], error["status"]) for error in report["errors"]] == [(4, 422), (5, 422)]
    [row] = await web.running.rows(subscribers.subscriber, subscribers.subscriber.c.msisdn == NEW)
    assert (row["vip"], json.loads(row["plan"])["name"]) == (True, "流量, 大")


@pytest.mark.parametrize("content", ["", "\n", "a,a\n1,2\n", "a,,b\n1,2,3\n"])
async def test_csv_without_a_row_of_names_is_refused(web: Web, content: str) -> None:
    assert "first row" in assert_problem(await post(web, content, "text/csv", type="subscriber"), 422)


async def test_csv_in_another_encoding_is_reported_by_line(web: Web) -> None:
    content = CSV.splitlines()[0].encode() + "\n13700137000,gotone,postpaid,0,5,active,,流量,1\n".encode("gb18030")
    report = (await post(web, content, "text/csv", type="subscriber")).json()
    assert report["errors"] == [
        {"line": 2, "status": 422, "code": "invalid_value", "detail": "The line is not in UTF-8."}
    ]


async def test_invalid_and_unauthorised_imports_are_refused(web: Web) -> None:
    assert_problem(await post(web, CSV, "text/csv"), 422)
    assert_problem(await post(web, "", type="sheep"), 422)
    reader = await web.token("read", "care")
    assert_problem(await post(web, "", token=reader), 403)


async def test_a_file_larger_than_other_bodies_is_taken(web: Web) -> None:
    padding = [subscriber(f"+86137{number:08}") for number in range(600)]
    content = lines(*padding)
    assert len(content) > 64 * 1024
    assert (await post(web, content)).json()["imported"] == 600


async def test_all_problems_are_counted_and_the_first_thousand_named(web: Web) -> None:
    bad = {"{}": 3_000, json.dumps(subscriber(points=-1)): 2_000, json.dumps(subscription("NONE")): 1_500}
    for line, times in bad.items():
        report = (await post(web, f"{line}\n" * times + lines(subscriber()))).json()
        assert (report["lines"], report["imported"], report["failed"]) == (times + 1, 1, times)
        assert [error["line"] for error in report["errors"]] == list(range(1, 1_001))


async def test_lines_are_read_in_a_thread(web: Web) -> None:
    read_in: set[int] = set()

    def lines_read() -> Iterator[ImportLine]:
        for number in range(1_000):
            read_in.add(threading.get_ident())
            yield ImportLine(number + 1, {"type": "sheep"})

    caller = Caller("a test", frozenset(Scope))
    parse = parser(web.running.gateway.management, caller, None, strings=False)
    report = await Import(web.running.gateway.turning.turns, parse).run(lines_read())
    assert report.failed == 1_000
    assert threading.get_ident() not in read_in


@pytest.mark.parametrize(
    "media_type",
    ["text/csv", "TEXT/CSV; header=present", "application/vnd.ms-excel", "application/csv", "text/plain", ""],
)
async def test_csv_has_many_media_types(web: Web, media_type: str) -> None:
    report = (await post(web, CSV, media_type, type="subscriber")).json()
    assert (report["lines"], report["imported"]) == (5, 3)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/jsonl",
        "application/octet-stream",
        "text/plain",
        "",
        "application/json",
        "application/x-www-form-urlencoded",
    ],
)
async def test_json_lines_have_many_media_types(web: Web, media_type: str) -> None:
    assert (await post(web, lines(subscriber()), media_type, type="subscriber")).json()["imported"] == 1


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("multipart/form-data; boundary=x", 415),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 415),
        ("text/csv; charset=klingon", 415),
        ("text/csv; charset=rot13", 415),
        ("text/csv; charset=gbk", 200),
    ],
)
async def test_unsupported_media_types_are_refused(web: Web, media_type: str, status: int) -> None:
    answer = await post(web, CSV.encode("gbk"), media_type, type="subscriber")
    if status == 200:
        assert answer.json()["imported"] == 3
        return
    assert_problem(answer, status)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (CSV.replace(",", ";").encode(), "semicolons"),
        (CSV.replace("brand", "marque").encode(), "column 2"),
        (CSV.replace("brand,", "").encode(), "lacks columns"),
        ((CSV + "13700137005,mzone,prepaid,1,5,active,,流量,1\n").encode("gbk"), "GBK"),
    ],
)
async def test_a_file_in_another_format_is_refused_as_a_whole_with_its_cause(
    web: Web, content: bytes, cause: str
) -> None:
    before = await web.running.count(subscribers.subscriber)
    assert cause in assert_problem(await post(web, content, "text/csv", type="subscriber"), 422)
    assert await web.running.count(subscribers.subscriber) == before


def test_the_document_names_every_type_of_line() -> None:
    assert get_args(KindName) == tuple(KINDS)
