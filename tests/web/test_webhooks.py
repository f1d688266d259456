"""The webhooks of the generic provider (http-api.md, webhooks)."""

import asyncio
import json

import pytest

from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.reports import delivery_report
from tests.outage import away
from tests.running import ALICE, START
from tests.web.calls import Web, assert_problem, message

pytestmark = pytest.mark.anyio
_KIB = 1024


# ---- one message


async def test_a_message_is_accepted_with_our_id_and_stored(web: Web) -> None:
    answer = await web.inbound(message())

    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    [row] = await web.running.rows(inbound_message)
    assert answer.json() == {"id": row["id"], "status": "accepted"}
    assert (row["msisdn"], row["dialled"], row["text"], row["provider"]) == (ALICE, "10086", "0000", "generic")


async def test_the_same_message_again_is_a_duplicate_with_the_first_id(web: Web) -> None:
    first = (await web.inbound(message())).json()["id"]
    answer = await web.inbound(message())

    assert (answer.status_code, answer.json()) == (200, {"id": first, "status": "duplicate"})
    assert await web.running.count(inbound_message) == 1


async def test_a_message_is_answered(web: Web) -> None:
    await web.inbound(message())
    await web.running.drain()
    assert len(await web.running.received()) == 2


async def test_a_thousand_copies_posted_at_once_are_one_message(web: Web) -> None:
    answers = await asyncio.gather(*(web.inbound(message()) for _ in range(1000)))
    await web.running.drain()

    assert sorted(answer.status_code for answer in answers) == [200] * 999 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await web.running.received()) == 2


async def test_unknown_fields_are_ignored(web: Web) -> None:
    answer = await web.inbound(message(operator="x", nested={"a": [1, None]}))
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "at", ["2026-03-02T10:00:00+08:00", "2026-03-02T02:00:00Z", "2026-03-02T10:00:00", "2026-03-02 10:00:00.000"]
)
async def test_received_at_may_come_with_an_offset_or_as_beijing_time(web: Web, at: str) -> None:
    assert (await web.inbound(message(received_at=at))).status_code == 202
    [row] = await web.running.rows(inbound_message)
    assert row["received_at"] == START


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "1969-12-31T00:00:00Z", None])
async def test_an_impossible_received_at_does_no_harm(web: Web, at: str | None) -> None:
    assert (await web.inbound(message(received_at=at))).status_code == 202
    await web.running.drain()

    assert len(await web.running.received()) == 2
    assert (await web.get("/api/v1/messages")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message_id": "a", "from": "13800138000", "to": "10086"},
        {**message(), "message_id": "x" * 201},
        {**message(), "message_id": True},
        {**message(), "message_id": [1]},
        {**message(), "received_at": "yesterday"},
        {**message(), "from": ""},
        {**message(), "from": None},
        {**message(), "to": 10086.5},
        {**message(), "text": None},
        {**message(), "text": ["0000"]},
        "0000",
        17,
        None,
        True,
    ],
)
async def test_an_invalid_message_is_refused_and_nothing_is_stored(web: Web, body: object) -> None:
    assert_problem(await web.inbound(content=json.dumps(body)), 422)
    assert await web.running.count(inbound_message) == 0


@pytest.mark.parametrize("content", [b"", b" ", b"{", b"[", b"[}", b'{"a": 1}x', b"\x00", b"[" * 5000, b"a=b&c"])
async def test_invalid_json_is_refused(web: Web, content: bytes) -> None:
    assert_problem(await web.inbound(content=content), 422)


async def test_an_error_never_quotes_what_was_sent(web: Web) -> None:
    secret = {
        "message_id": 135790,
        "from": ["13700137000"],
        "to": "",
        "text": {"XGMM": "246813"},
        "received_at": "135790",
    }
    answer = await web.inbound(secret)
    for private in ("135790", "246813", "13700137000"):
        assert private not in answer.text


@pytest.mark.parametrize(
    "text",
    ["\\ud83d", "a\\udc00b", "\\u0000", "0\\u00000", "\\ud83d\\ud83d\\ude00", "␛0", "\\ufeff0000", "\\u202e0000", ""],
)
async def test_any_text_is_stored_answered_and_shown(web: Web, text: str) -> None:
    content = f'{{"message_id": "m", "from": "13800138000", "to": "10086", "text": "{text}"}}'
    assert (await web.inbound(content=content)).status_code == 202
    assert (await web.inbound(content=content)).status_code == 200
    await web.running.drain()

    assert len(await web.running.received()) >= 1
    [mo] = (await web.get("/api/v1/messages", direction="mo")).json()["messages"]
    assert "\x00" not in mo["text"]
    assert (await web.get(f"/api/v1/messages/{mo['id']}")).status_code == 200


async def test_a_text_of_ten_thousand_characters_is_answered(web: Web) -> None:
    assert (await web.inbound(message("字" * 10_000))).status_code == 202
    await web.running.drain()
    [reply] = await web.running.texts()
    assert "未能识别" in reply


@pytest.mark.parametrize("field", ["message_id", "from", "to"])
async def test_control_characters_in_any_field_do_no_harm(web: Web, field: str) -> None:
    answer = await web.inbound({**message(), field: "a\x00b"})
    assert answer.status_code == 202
    await web.running.drain()
    assert (await web.get("/api/v1/messages")).status_code == 200


# ---- an array


async def test_items_of_an_array_are_judged_each_on_its_own(web: Web) -> None:
    array = [message("0000", "a"), {"text": "0000"}, message("0000", "a"), 5, message("帮助", "b")]
    answer = await web.inbound(array)

    assert answer.status_code == 200
    first, invalid, duplicate, number, second = answer.json()
    assert (first["status"], duplicate["status"], second["status"]) == ("accepted", "duplicate", "accepted")
    assert first["id"] == duplicate["id"] != second["id"]
    assert invalid["status"] == number["status"] == "invalid"
    assert "from: " in invalid["detail"]
    assert "id" not in invalid
    await web.running.drain()
    assert len(await web.running.received()) == 3


async def test_an_array_of_five_hundred_is_taken_and_one_more_is_not(web: Web) -> None:
    array = [message("0000", f"m-{place}", **{"from": f"1380090{place:04}"}) for place in range(501)]
    assert_problem(await web.inbound(array), 422)
    assert await web.running.count(inbound_message) == 0
    answer = await web.inbound(array[:500])

    assert answer.status_code == 200
    assert {item["status"] for item in answer.json()} == {"accepted"}
    assert await web.running.count(inbound_message) == 500


async def test_an_array_keeps_its_order(web: Web) -> None:
    await web.inbound([message("0000", "a"), message("1", "b", to="10086977"), message("1", "c", to="10086977")])
    await web.running.drain()

    texts = await web.running.texts()
    assert "彩铃已于" in texts[-2]
    assert "彩铃此前已退订" in texts[-1]


async def test_an_array_may_contain_unusual_texts(web: Web) -> None:
    content = '[{"message_id": "a", "from": "13800138000", "to": "10086", "text": "\\ud83d"}, {"message_id": "b", "from": "13800138000", "to": "10086", "text": "\\u0000"}]'
    answer = await web.inbound(content=content)
    assert [item["status"] for item in answer.json()] == ["accepted", "accepted"]


@pytest.mark.parametrize("content", ["[]", " [ ] "])
async def test_an_empty_array_has_no_results(web: Web, content: str) -> None:
    answer = await web.inbound(content=content)
    assert (answer.status_code, answer.json()) == (200, [])


# ---- sizes


async def test_one_message_may_have_64_kib(web: Web) -> None:
    empty = len(json.dumps(message("")).encode())
    body = json.dumps(message("x" * (64 * _KIB - empty)))
    assert (await web.inbound(content=body)).status_code == 202
    assert_problem(await web.inbound(content=body + " "), 413)


async def test_an_array_may_have_a_mebibyte(web: Web) -> None:
    body = "[" + json.dumps(message("x" * 60_000)) + "]"
    padded = body + " " * (_KIB * _KIB - len(body))
    assert (await web.inbound(content=padded)).status_code == 200
    assert_problem(await web.inbound(content=padded + " "), 413)


async def test_what_is_too_large_is_not_read_to_its_end(web: Web) -> None:
    sent = 0

    async def endless() -> object:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * _KIB * 64

    answer = await web.client.post("/webhooks/generic/inbound", content=endless())  # type: ignore[arg-type]
    assert_problem(answer, 413)
    assert sent < 20


# ---- paths and methods


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/nobody/inbound",
        "/webhooks/generic",
        "/webhooks/generic/other",
        "/webhooks/generic/inbound/more",
        "/webhooks/",
    ],
)
async def test_a_webhook_of_an_unknown_provider_is_not_found(web: Web, path: str) -> None:
    assert_problem(await web.call("POST", path, message()), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_a_webhook_accepts_only_post(web: Web, method: str) -> None:
    answer = await web.call(method, "/webhooks/generic/inbound")
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "POST"


async def test_the_simulator_s_webhook_puts_messages_into_threads(web: Web) -> None:
    assert (await web.inbound(message(), provider="simulator")).status_code == 202
    sent = [item for item in await web.running.thread() if item.direction == "mo"]
    assert [item.text for item in sent] == ["0000"]


# ---- the database is unavailable


async def test_a_message_that_cannot_be_stored_is_to_be_sent_again(web: Web) -> None:
    with away(web.running.gateway.storage.database):
        answer = await web.inbound(message("x" * 50_000))
        assert_problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert_problem(await web.inbound([message("x" * 50_000)]), 503)
    assert (await web.inbound(message("x" * 50_000))).status_code == 202


# ---- delivery reports


async def accepted_message(web: Web) -> str:
    """Send a message that the network accepts without a report; return the network's id."""
    await web.running.reports("none")
    await web.running.say("帮助")
    [row] = await web.running.rows(outbound_message)
    return str(row["provider_message_id"])


@pytest.mark.parametrize("status", ["delivered", "undelivered", "expired", "rejected", "deleted", "DELIVERED"])
async def test_a_report_changes_the_status_of_its_message(web: Web, status: str) -> None:
    theirs = await accepted_message(web)
    answer = await web.status(
        {"message_id": theirs, "status": status, "error_code": "", "at": "2026-03-02T10:00:05+08:00"}
    )

    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    [shown] = await web.running.received()
    assert shown.status == status.lower()


@pytest.mark.parametrize("status", ["accepted", "unknown"])
async def test_an_inconclusive_report_changes_nothing(web: Web, status: str) -> None:
    theirs = await accepted_message(web)
    assert (await web.status({"message_id": theirs, "status": status})).json() == {"status": "accepted"}
    [shown] = await web.running.received()
    assert shown.status == "accepted"


async def test_repeated_and_late_reports_change_nothing(web: Web) -> None:
    theirs = await accepted_message(web)
    for status in ("delivered", "delivered", "undelivered", "accepted"):
        assert (await web.status({"message_id": theirs, "status": status})).status_code == 200
    [shown] = await web.running.received()
    assert shown.status == "delivered"
    [row] = await web.running.rows(outbound_message)
    detail = (await web.get(f"/api/v1/messages/{row['id']}")).json()
    assert [one["status"] for one in detail["reports"]] == ["delivered", "delivered", "undelivered", "accepted"]


@pytest.mark.parametrize(
    "body",
    [
        {"message_id": "never heard of", "status": "delivered"},
        {"message_id": "never heard of", "status": "vanished"},
        {"message_id": "a\x00b", "status": "delivered"},
        {"message_id": "a", "status": "delivered", "error_code": "\x00"},
        {"message_id": "a", "status": "\x00"},
        {"message_id": "x" * 10_000, "status": "delivered", "error_code": "x" * 10_000},
        {"message_id": "a", "status": "delivered", "at": "0001-01-01T00:00:00+08:00"},
        {"message_id": "a", "status": "delivered", "at": "9999-12-31T23:59:59-08:00"},
        {"message_id": "a", "status": "delivered", "more": {"fields": 1}},
    ],
)
async def test_a_report_of_an_unknown_message_is_ignored(web: Web, body: object) -> None:
    answer = await web.status(body)
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})


async def test_an_unknown_status_of_a_known_message_is_ignored(web: Web) -> None:
    theirs = await accepted_message(web)
    answer = await web.status({"message_id": theirs, "status": "en route"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    [shown] = await web.running.received()
    assert shown.status == "accepted"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"status": "delivered"}', b'{"message_id": "", "status": "delivered"}', b"[{}, 1]"]
)
async def test_a_malformed_report_is_refused(web: Web, content: bytes) -> None:
    assert_problem(await web.status(content=content), 422)


async def test_a_report_is_to_be_sent_again_when_it_cannot_be_stored(web: Web) -> None:
    reports = [
        {"message_id": f"{place}-".ljust(200, "x"), "status": "delivered", "error_code": "y" * 200}
        for place in range(200)
    ]
    with away(web.running.gateway.storage.database):
        answers = await asyncio.gather(*map(web.status, reports))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    for answer in refused:
        assert_problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
    assert await web.running.count(delivery_report) == 200 - len(refused)
