"""Unusual requests of real carriers: types, charsets, missing ids, changed repeats (http-api.md, management API; safety.md 33)."""

import gzip
import json
from collections import Counter
from datetime import timedelta

import pytest

from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.observability import UNUSED, UNUSED_REPORTS, label
from tests.running import ALICE, START
from tests.web.calls import Web, assert_problem, message


def gzipped(body: bytes) -> bytes:
    """Return the body compressed with gzip, without a time, as the bytes become part of the test's id."""
    return gzip.compress(body, mtime=0)


pytestmark = pytest.mark.anyio
_mt = outbound_message
INBOUND = "/webhooks/generic/inbound"


def unused(reason: str) -> float:
    return float(UNUSED.labels(label(reason))._value.get())


def without(name: str, **fields: object) -> dict[str, object]:
    return {key: given for key, given in message(**fields).items() if key != name}  # type: ignore[arg-type]


# ---- bodies


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (json.dumps(message()).encode("utf-8-sig"), {}),
        (gzipped(json.dumps(message()).encode()), {"Content-Encoding": "gzip"}),
        (json.dumps(message(), ensure_ascii=False).encode("gbk"), {"Content-Type": "application/json; charset=gbk"}),
    ],
)
async def test_a_body_is_read_as_its_headers_say(web: Web, content: bytes, headers: dict[str, str]) -> None:
    assert (await web.client.post(INBOUND, content=content, headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ('{"text": "退订"}'.encode("gbk"), {"Content-Type": "application/json"}, 422),
        ('{"text": "退订"}'.encode("gbk"), {"Content-Type": "application/json; charset=big5hkscs"}, 415),
        (b'{"text": "\xff"}', {}, 422),
        (b"\xff\xfe\x00", {}, 415),
        (b"{}", {"Content-Encoding": "br"}, 415),
        (gzipped(b" " * 70_000 + json.dumps(message()).encode()), {"Content-Encoding": "gzip"}, 413),
        (gzipped(b"[" + b" " * 2_000_000 + b"]"), {"Content-Encoding": "gzip"}, 413),
    ],
)
@pytest.mark.parametrize("direction", ["inbound", "status"])
async def test_an_unsupported_body_is_refused_with_its_cause(
    web: Web, content: bytes, headers: dict[str, str], status: int, direction: str
) -> None:
    assert_problem(await web.client.post(f"/webhooks/generic/{direction}", content=content, headers=headers), status)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
async def test_a_long_array_is_recognised_in_every_charset(web: Web, codec: str) -> None:
    content = json.dumps([message("x" * 60_000), message("y" * 20_000, "m-2")]).encode(codec)
    assert (await web.client.post(INBOUND, content=content)).status_code == 200


@pytest.mark.parametrize(
    "items",
    [[{}], [1, "x", None], [{"content": "QXCL", "phone_number": "13800138000"}], [without("text"), without("from")]],
)
async def test_an_array_in_which_nothing_can_be_read_is_refused_with_its_results(web: Web, items: list[object]) -> None:
    answer = await web.inbound(items)
    assert_problem(answer, 422)
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["invalid"] * len(items)
    assert all(result["detail"] for result in results)
    assert await web.running.count(inbound_message) == 0


async def test_unreadable_items_beside_others_are_counted(web: Web) -> None:
    before = unused("unreadable_item")
    assert (await web.inbound([message(), {}, 1])).status_code == 200
    assert unused("unreadable_item") == before + 2


# ---- ids and times


@pytest.mark.parametrize("given", [4711, "4711"], ids=["number", "string"])
async def test_an_id_is_the_same_as_a_number_and_as_a_string(web: Web, given: object) -> None:
    first = (await web.inbound(message(message_id=4711))).json()["id"]  # type: ignore[arg-type]
    answer = await web.inbound(message(message_id=given))  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()) == (200, {"id": first, "status": "duplicate"})


@pytest.mark.parametrize("absent", [{}, {"message_id": None}, {"message_id": ""}])
async def test_a_repeat_without_an_id_is_recognised_by_its_content(web: Web, absent: dict[str, object]) -> None:
    at = "2026-03-02T10:00:00+08:00"
    bare = {**without("message_id", received_at=at), **absent}
    assert (await web.inbound(bare)).status_code == 202
    same = [bare, {**bare, "received_at": "2026-03-02T02:00:00Z"}, {**bare, "more": 1}]
    assert [(await web.inbound(one)).status_code for one in same] == [200] * 3
    others = [
        {**bare, "received_at": "2026-03-02T10:00:01+08:00"},
        {**bare, "text": "1"},
        {**bare, "to": "10086977"},
        {**bare, "from": "13900139000"},
        {**bare, "concat_ref": 1, "concat_total": 2, "concat_part": 1},
    ]
    assert [(await web.inbound(one)).status_code for one in others] == [202] * len(others)


async def test_messages_without_id_and_time_are_never_repeats(web: Web) -> None:
    bare = without("message_id", text="1")
    assert [(await web.inbound(bare)).status_code for _ in range(2)] == [202, 202]


@pytest.mark.parametrize("at", ["2026-13-01T00:00:00", 10**30, "2026-04-02T10:00:00+08:00", "2026-01-02"])
async def test_an_impossible_time_loses_no_message_and_is_counted(web: Web, at: object) -> None:
    before = unused("time_not_believed")
    assert (await web.inbound(message(received_at=at))).status_code == 202
    assert unused("time_not_believed") == before + 1
    [row] = await web.running.rows(inbound_message)
    assert row["sent_at"] == START


# ---- senders


@pytest.mark.parametrize("senders", [("中国移动", "中国电信"), ("a@sms.example", "b@sms.example"), ("\u202a甲", "甲")])
async def test_unreadable_senders_are_stored_as_sent_and_counted(web: Web, senders: tuple[str, str]) -> None:
    before = unused("unreadable_sender")
    for sender in senders:
        assert (await web.inbound(message("0000", "1", **{"from": sender}))).status_code == 202
    await web.running.drain()
    assert unused("unreadable_sender") == before + 2
    found = (await web.get("/api/v1/messages", direction="mo")).json()["messages"]
    assert {one["from"] for one in found} == set(senders)
    assert {one["verdict"] for one in found} == {"unreadable sender"}
    assert await web.running.received() == []


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        ("106900001234", "no subscriber's number"),
        ("10086", "no subscriber's number"),
        ("+14155550100", "prefix not allowed"),
    ],
)
async def test_senders_that_are_no_subscribers_are_counted_by_reason(web: Web, sender: str, reason: str) -> None:
    before = unused(reason)
    assert (await web.inbound(message("0000", "1", **{"from": sender}))).status_code == 202
    assert unused(reason) == before + 1


@pytest.mark.parametrize(("field", "given"), [("from", 13800138000), ("to", 10086)])
async def test_numbers_may_be_integers(web: Web, field: str, given: int) -> None:
    assert (await web.inbound({**message(), field: given})).status_code == 202
    await web.running.drain()
    assert len(await web.running.received()) == 2


# ---- a known id with other content

OTHER = "repeat with other content"
PART = {"concat_ref": 7, "concat_total": 2, "concat_part": 1}


async def test_a_repeat_with_another_text_has_no_effect_and_is_recorded_each_time(web: Web) -> None:
    first = (await web.inbound(message("YE", "1"))).json()["id"]
    before = unused(OTHER)
    await web.running.advance(days=3)
    repeats = ["QXCL", "YE", "QXCL", "XGMM#802357#739184#739184", "XGMM#802357#615283#615283"]
    for text in repeats:
        answer = await web.inbound(message(text, "1"))
        assert (answer.status_code, answer.json()) == (200, {"id": first, "status": "duplicate"})
    array = await web.inbound([message("QXCL", "1"), message("HF", "1"), message("HF", "1")])
    assert {item["id"] for item in array.json()} == {first}
    await web.running.drain()

    assert len(await web.running.received()) == 1
    found = (await web.get("/api/v1/messages", direction="mo", msisdn=ALICE)).json()["messages"]
    kept = Counter((one["text"], one.get("verdict")) for one in found if one["id"] != first)
    assert kept == {("QXCL", OTHER): 3, ("HF", OTHER): 2, ("XGMM#******#******#******", OTHER): 2}
    assert unused(OTHER) == before + kept.total()
    assert "802357" not in json.dumps(found)


@pytest.mark.parametrize(
    ("sent", "changed", "differs"),
    [
        ({}, {"to": "10086901"}, True),
        ({}, {"to": "10086901", "text": "HF"}, True),
        (PART, {"concat_total": 3}, True),
        (PART, {"concat_ref": 8}, True),
        (PART, {"received_at": "2026-03-02T10:00:01+08:00"}, False),
        ({}, {"received_at": "2026-03-02T10:00:01+08:00"}, False),
        ({}, {}, False),
    ],
)
async def test_a_repeat_differs_by_what_was_sent_and_where_to(
    web: Web, sent: dict[str, object], changed: dict[str, object], *, differs: bool
) -> None:
    given = {**message("YE", "1"), **sent}
    first = (await web.inbound(given)).json()["id"]
    before = unused(OTHER)
    for _ in range(2):
        assert (await web.inbound({**given, **changed})).json() == {"id": first, "status": "duplicate"}
    await web.running.drain()

    assert len(await web.running.received()) == (0 if sent else 1)
    found = (await web.get("/api/v1/messages", direction="mo", msisdn=ALICE)).json()["messages"]
    kept = [(one["to"], one["verdict"]) for one in found if one["id"] != first]
    assert kept == [(changed.get("to", "10086"), OTHER)] * (2 if differs else 0)
    assert unused(OTHER) == before + len(kept)


# ---- delivery reports


@pytest.mark.parametrize("theirs", [str, int])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"error_code": 27},
        {"error_code": None, "at": ""},
        {"error_code": "", "at": "20260302100000"},
        {"error_code": 27.0, "at": 1772416800, "reference": 5},
        {"error_code": ["27"], "at": {"never": 1}, "reference": [], "part": "x"},
        {"at": "yesterday", "part": None},
        {"part": 1},
        {"part": "1"},
        {"part": 0},
        {"part": 10**30},
        {"at": "2612-01-01T00:00:00Z", "part": -1, "error_code": True},
    ],
)
async def test_no_other_field_loses_the_status_of_a_report(web: Web, fields: dict[str, object], theirs: type) -> None:
    await web.running.reports("none")
    await web.inbound(message("帮助"))
    await web.running.drain()
    await web.running.gateway.storage.database.write(
        lambda connection: connection.execute(_mt.update().values(provider_message_id="47", segments=1))
    )
    answer = await web.status({"message_id": theirs("47"), "status": "Delivered ", **fields})
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert {row["status"] for row in await web.running.rows(_mt)} == {"delivered"}


@pytest.mark.parametrize("status", ["en route", 7, None, ["delivered"], ""])
async def test_an_unknown_status_is_ignored_and_counted(web: Web, status: object) -> None:
    before = UNUSED_REPORTS.labels("unknown_status")._value.get()
    answer = await web.status({"message_id": 47, "status": status})
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert UNUSED_REPORTS.labels("unknown_status")._value.get() == before + 1


async def test_plausible_times_are_not_counted(web: Web) -> None:
    before = unused("time_not_believed")
    for place, late in enumerate((timedelta(0), timedelta(hours=2), -timedelta(minutes=2))):
        await web.inbound(message("YE", f"m-{place}", received_at=(START - late).isoformat()))
    assert unused("time_not_believed") == before
