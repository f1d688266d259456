"""Every error answer has a code that keeps its meaning, and says nothing of the libraries beneath (http-api.md)."""

import pytest

from app.domain.refusals import RefusalReason
from app.settings import Environment
from app.web.problem_codes import MEANINGS, Code
from tests.running import settings_for
from tests.services.carriers import use
from tests.web.calls import Web, assert_problem, message, serving

pytestmark = pytest.mark.anyio
ORDER = {"msisdn": "13800138000", "service_code": "SJB", "channel": "web"}


def test_every_reason_and_code_has_a_meaning_and_they_differ() -> None:
    assert MEANINGS.keys() == {*Code, *RefusalReason}
    assert len({str(code) for code in MEANINGS}) == len(Code) + len(RefusalReason)


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/api/v1/nothing", None, "no_such_path"),
        ("GET", "/api/v1/subscribers/13711112222", None, "unknown_subscriber"),
        ("GET", "/api/v1/orders/1", None, "not_found"),
        ("POST", "/api/v1/messages", None, "method_not_allowed"),
        ("POST", "/api/v1/orders", {**ORDER, "msisdn": "13711112222"}, "invalid_msisdn"),
        ("POST", "/api/v1/orders", {"channel": "telepathy"}, "invalid_fields"),
        ("POST", "/webhooks/nobody/inbound", {}, "unknown_provider"),
        ("POST", "/webhooks/generic/inbound", {}, "invalid_fields"),
        ("DELETE", "/api/v1/subscribers/13800138000/subscriptions/NONE", None, "not_subscribed"),
        ("PUT", "/simulator/clock", {"now": "soon"}, "invalid_fields"),
    ],
)
async def test_a_problem_has_a_code(web: Web, method: str, path: str, body: object, code: str) -> None:
    answer = await web.call(method, path, body)
    assert_problem(answer, MEANINGS[Code(code) if code in [*Code] else RefusalReason(code)].status)
    assert answer.json()["code"] == code


@pytest.mark.parametrize("body", ["hello", "<order/>", b"\xff\xfe{}", "  msisdn=1"])
async def test_what_is_no_json_is_a_400(web: Web, body: str | bytes) -> None:
    answer = await web.call("POST", "/api/v1/orders", content=body)
    assert assert_problem(answer, 400) == "The body is not JSON in UTF-8."
    assert answer.json()["code"] == "not_json"


async def test_json_that_breaks_is_a_422_that_says_where(web: Web) -> None:
    answer = await web.call("POST", "/api/v1/orders", content='{"msisdn": 2.5x}')
    assert_problem(answer, 422)
    assert answer.json()["code"] == "unreadable"
    assert [error["field"] for error in answer.json()["errors"]] == ["body.14"]


async def test_problems_of_fields_are_in_plain_words(web: Web) -> None:
    """``Value error, is not a mobile number`` said how the check is built."""
    answer = await web.call("POST", "/api/v1/orders", {**ORDER, "msisdn": "12"})
    assert_problem(answer, 422)
    [error] = answer.json()["errors"]
    assert error["field"] == "body.msisdn"
    assert error["problem"].startswith("is not a mobile number")


async def test_a_webhook_names_wrong_fields_as_the_api_does(web: Web) -> None:
    answer = await web.inbound({"from": "13800138000", "to": "10086"})
    assert assert_problem(answer, 422) == "text: Field required"
    assert answer.json()["errors"] == [{"field": "text", "problem": "Field required"}]
    assert answer.json()["code"] == "invalid_fields"


async def test_a_webhook_still_answers_422_to_what_is_no_json(web: Web) -> None:
    answer = await web.inbound(content="hello")
    assert_problem(answer, 422)


async def test_a_handset_s_text_names_wrong_fields(web: Web) -> None:
    answer = await web.call("POST", "/simulator/handsets/13800138000/messages", {"to": "10086"})
    assert_problem(answer, 422)
    assert answer.json()["errors"] == [{"field": "text", "problem": "Field required"}]


async def test_production_says_where_the_calls_are_described(
    unused_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = use(monkeypatch, unused_sqlite_url).file
    async with serving(settings_for(unused_sqlite_url, Environment.PRODUCTION, file)) as web:
        for path in ("/", "/nosuch"):
            assert "/docs" in assert_problem(await web.get(path), 404)


async def test_a_405_allows_head_where_there_is_get(web: Web) -> None:
    answer = await web.call("POST", "/api/v1/subscribers/13800138000")
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, PATCH, PUT"


async def test_a_file_takes_no_writes_and_says_so(web: Web) -> None:
    answer = await web.call("POST", "/static/docs.js", {})
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"


async def test_a_webhook_s_message_is_no_problem(web: Web) -> None:
    assert (await web.inbound(message())).status_code == 202
