"""Tokens, scopes and the record of accesses (http-api.md, management API)."""

import io
import re

import pytest

from app.db.access import access_record
from app.db.tokens import api_token
from app.services.management.tokens import DEMO_TOKENS
from app.settings import Environment, SettingsFile
from tests.running import ALICE, options_of, settings_for
from tests.web.calls import ALICE_HOME, SHANGHAI_START, Web, assert_problem, serving

pytestmark = pytest.mark.anyio
NO_ID = "1000000000000000000"
SP = {"name": "新华", "short_name": "新华", "service_phone": "1", "own": False}
SERVICE = {
    "name": "彩铃", "sp_code": "CMCC", "billing": "monthly", "price_fen": 500, "cancel_effect": "immediate",
    "cancellable_by_sms": True, "order_keyword": "CL", "on_offer": True, "trial_days": 0, "visible": True,
}  # fmt: skip
SUBSCRIBER = {"brand": "easyown", "payment": "prepaid", "balance_fen": 1, "points": 1, "status": "active"}
SUBSCRIPTION = {"state": "active", "in_plan": False, "started_at": "2026-01-01T00:00:00+08:00", "channel": "web"}
OF_MARCH = {"msisdn": "13800138000", "month": "2026-03", "at": SHANGHAI_START}
READING, SPEND = OF_MARCH | {"used_kb": 1}, OF_MARCH | {"amount_fen": 1}
BILL = {"msisdn": "13800138000", "month": "2026-02", "items": [{"name": "套餐月费", "amount_fen": 5800}]}
ORDER = {"msisdn": "13800138000", "service_code": "YYH", "channel": "web"}
TERMS = {"price_fen": 900, "takes_effect_at": "2026-05-01T00:00:00+08:00"}
CHARGE = {
    "charge_id": "c-none", "msisdn": "13800138000", "service_code": "NONE", "kind": "monthly", "amount_fen": 1,
    "due_at": "2026-03-06T15:00:00+08:00",
}  # fmt: skip
USE = {
    "use_id": "u-none", "msisdn": "13800138000", "service_code": "NONE", "channel": "web", "at": SHANGHAI_START,
}  # fmt: skip
CAMPAIGN = {"class": "care", "text": "x", "msisdns": ["13900139000"]}
# Every route of the management API: method, path, body, the scopes of which one is enough, and the status with it.
ROUTES: list[tuple[str, str, object, set[str], int]] = [
    ("PUT", "/api/v1/service-providers/NEW", SP, {"directory:write"}, 201),
    ("GET", "/api/v1/service-providers", None, {"read", "care", "directory:write", "billing:write"}, 200),
    ("GET", "/api/v1/service-providers/CMCC", None, {"read", "care", "directory:write", "billing:write"}, 200),
    ("GET", "/api/v1/services", None, {"read", "care", "directory:write", "billing:write"}, 200),
    ("GET", "/api/v1/services/CL", None, {"read", "care", "directory:write", "billing:write"}, 200),
    ("GET", "/api/v1/subscribers", None, {"read", "care"}, 200),
    ("GET", "/api/v1/tokens", None, set(), 200),
    ("GET", "/api/v1/providers", None, {"read"}, 200),
    ("PUT", "/api/v1/services/CL", SERVICE, {"directory:write"}, 200),
    ("PUT", "/api/v1/subscribers/13700137000", SUBSCRIBER, {"directory:write"}, 201),
    ("PATCH", ALICE_HOME, {"points": 5}, {"directory:write"}, 200),
    ("GET", ALICE_HOME, None, {"care"}, 200),
    ("PUT", f"{ALICE_HOME}/subscriptions/YYH", SUBSCRIPTION, {"directory:write"}, 201),
    ("GET", f"{ALICE_HOME}/subscriptions", None, {"care"}, 200),
    ("DELETE", f"{ALICE_HOME}/subscriptions/CL", None, {"care"}, 200),
    ("GET", f"{ALICE_HOME}/evidence", None, {"care"}, 200),
    ("GET", f"{ALICE_HOME}/evidence/verify", None, {"care"}, 200),
    ("POST", "/api/v1/usage/data", READING, {"billing:write"}, 200),
    ("POST", "/api/v1/bills", BILL, {"billing:write"}, 200),
    ("POST", "/api/v1/spend", SPEND, {"billing:write"}, 200),
    ("POST", f"{ALICE_HOME}/suspension", {"at": "2026-03-06T15:00:00+08:00"}, {"billing:write"}, 200),
    ("GET", "/api/v1/subscribers/13900139000/suspension", None, {"billing:write", "care"}, 404),
    ("DELETE", f"{ALICE_HOME}/suspension", None, {"billing:write"}, 200),
    ("GET", "/api/v1/messages", None, {"read", "care"}, 200),
    ("GET", f"/api/v1/messages/{NO_ID}", None, {"read", "care"}, 404),
    ("GET", "/api/v1/dead-letters", None, {"care"}, 200),
    ("POST", f"/api/v1/dead-letters/{NO_ID}/retry", None, {"care"}, 404),
    ("POST", f"/api/v1/messages/{NO_ID}/resend", None, {"care"}, 404),
    ("POST", f"{ALICE_HOME}/tenures/7/erasure", None, set(), 404),
    ("POST", "/api/v1/orders", ORDER, {"billing:write"}, 202),
    ("POST", "/api/v1/orders", ORDER | {"channel": "agent"}, {"care"}, 202),
    ("GET", "/api/v1/orders", None, {"billing:write", "care", "read"}, 200),
    ("GET", f"/api/v1/orders/{NO_ID}", None, {"billing:write", "care", "read"}, 404),
    ("POST", "/api/v1/services/NONE/terms", TERMS, {"directory:write"}, 404),
    ("POST", "/api/v1/charges", CHARGE, {"billing:write"}, 422),
    ("GET", "/api/v1/charges", None, {"billing:write", "read", "care"}, 200),
    ("GET", "/api/v1/charges/none", None, {"billing:write", "read", "care"}, 404),
    ("POST", "/api/v1/usage/per-use", USE, {"billing:write"}, 422),
    ("POST", "/api/v1/imports", None, {"directory:write"}, 200),
    ("GET", "/api/v1/events", None, {"read", "billing:write"}, 200),
    ("GET", "/api/v1/events?receiver=billing", None, {"read", "billing:write"}, 200),
    ("POST", f"/api/v1/events/{NO_ID}/retry", None, {"care"}, 404),
    ("POST", "/api/v1/campaigns", CAMPAIGN, set(), 202),
    ("GET", "/api/v1/campaigns", None, {"read", "care"}, 200),
    ("GET", f"/api/v1/campaigns/{NO_ID}", None, {"read", "care"}, 404),
    ("PUT", f"{ALICE_HOME}/consents/marketing", {"source": "form"}, {"directory:write", "care"}, 201),
    ("GET", f"{ALICE_HOME}/consents/marketing", None, {"care"}, 200),
    ("DELETE", f"{ALICE_HOME}/consents/marketing", None, {"directory:write", "care"}, 200),
    ("GET", "/api/v1/tickets", None, {"read", "care"}, 200),
    ("POST", "/api/v1/tickets", {"msisdn": "13900139000", "text": "x"}, {"care"}, 201),
    ("GET", f"/api/v1/tickets/{NO_ID}", None, {"read", "care"}, 404),
    ("POST", f"/api/v1/tickets/{NO_ID}/first-response", {"message": "x"}, {"care"}, 404),
    ("POST", f"/api/v1/tickets/{NO_ID}/resolve", {"decision": "done"}, {"care"}, 404),
    ("POST", f"/api/v1/tickets/{NO_ID}/refund/confirm", None, {"care"}, 404),
    ("POST", f"/api/v1/tickets/{NO_ID}/refund/close", None, {"care"}, 404),
    ("GET", f"{ALICE_HOME}/charges", None, {"care"}, 200),
    ("GET", f"{ALICE_HOME}/orders", None, {"care"}, 200),
    ("GET", f"{ALICE_HOME}/refunds", None, {"care"}, 200),
    ("GET", f"{ALICE_HOME}/tickets", None, {"care"}, 200),
    ("GET", f"{ALICE_HOME}/questions", None, {"care"}, 200),
    ("GET", f"{ALICE_HOME}/access-records", None, {"care"}, 200),
    ("GET", "/api/v1/access-records", None, set(), 200),
    ("GET", "/api/v1/spam-reports", None, {"read", "care"}, 200),
    ("GET", "/api/v1/reports/service-providers?from=2026-03-01&to=2026-03-02", None, {"read"}, 200),
]
SCOPES = ("directory:write", "billing:write", "care", "read", "admin")


async def test_the_table_of_this_test_has_every_route(web: Web) -> None:
    paths = (await web.get("/openapi.json")).json()["paths"]
    there = {
        (method.upper(), path)
        for path, operations in paths.items()
        for method in operations
        if path.startswith("/api/")
    }
    patterns = {(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for method, path in there}
    covered = {
        (method, pattern.pattern)
        for called, path, *_ in ROUTES
        for method, pattern in patterns
        if method == called and pattern.fullmatch(path.partition("?")[0])
    }
    assert {(method, pattern.pattern) for method, pattern in patterns} - covered == set()


async def test_no_route_answers_without_a_token_or_with_an_unknown_one(web: Web) -> None:
    for method, path, body, _, _ in ROUTES:
        for token in (None, "guessed", "", "smsgw_", "Demo", "x" * 10_000):
            answer = await web.call(method, path, body, token=token)
            assert_problem(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert await web.running.count(access_record) == 0


@pytest.mark.parametrize(
    "header", ["demo", "Basic ZGVtbzpkZW1v", "Bearer", "Bearer  ", "bearer", "Token demo", "Bearer demo, Bearer demo"]
)
async def test_another_authorization_header_is_no_token(web: Web, header: str) -> None:
    answer = await web.client.get("/api/v1/messages", headers={"Authorization": header})
    assert_problem(answer, 401)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_token_opens_what_its_scope_says_and_nothing_else(web: Web, scope: str) -> None:
    token = await web.token(scope)
    for method, path, body, enough, status in ROUTES:
        answer = await web.call(method, path, body, token=token)
        if scope in enough or scope == "admin":
            assert answer.status_code == status, f"{method} {path}: {answer.text}"
        else:
            assert_problem(answer, 403)


async def test_scopes_are_checked_before_bodies(web: Web) -> None:
    token = await web.token("read")
    assert_problem(await web.call("PUT", "/api/v1/services/CL", {"nonsense": 1}, token=token), 403)
    assert_problem(await web.call("PUT", "/api/v1/services/CL", {"nonsense": 1}, token=None), 401)


async def test_a_revoked_token_opens_nothing(web: Web) -> None:
    token = await web.token("admin")
    assert (await web.call("GET", "/api/v1/messages", token=token)).status_code == 200
    web.running.gateway.management.tokens.revoke("admin")
    assert_problem(await web.call("GET", "/api/v1/messages", token=token), 401)


async def test_only_the_hash_of_a_token_is_stored(web: Web) -> None:
    token = await web.token("read")
    [row] = await web.running.rows(api_token)
    assert token not in str(dict(row))
    assert len(token) > 40


@pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != "admin"])
async def test_the_demo_s_token_of_a_scope_is_refused_what_such_a_token_is_refused(web: Web, scope: str) -> None:
    [demo] = [token for token, its in DEMO_TOKENS.items() if its == scope]
    own = await web.token(scope)
    for path in [path for method, path, *_ in ROUTES if method == "GET"]:
        by_demo, by_own = [await web.call("GET", path, token=token, reason=None) for token in (demo, own)]
        assert by_demo.status_code == by_own.status_code, path


async def test_the_care_token_of_the_demo_needs_a_reason(web: Web) -> None:
    assert_problem(await web.call("GET", ALICE_HOME, token="demo-care", reason=None), 422)
    assert (await web.call("GET", ALICE_HOME, token="demo-care")).status_code == 200
    assert (await web.get(f"{ALICE_HOME}/access-records")).json()["access_records"][-1]["by"] == "demo-care"


async def test_the_demo_tokens_are_not_accepted_in_dev(unused_sqlite_url: str, log: io.StringIO) -> None:
    file = SettingsFile(providers={"simulator": options_of(kind="simulator")}, default_provider="simulator")
    async with serving(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        for token in DEMO_TOKENS:
            assert_problem(await web.call("GET", "/api/v1/messages", token=token), 401)
        assert "never expose" not in log.getvalue()


async def test_in_demo_and_test_the_log_warns_of_the_demo_token(web: Web, log: io.StringIO) -> None:
    assert "never expose" in log.getvalue()


# ---- access records


async def test_every_access_to_a_customer_is_recorded_with_its_reason(web: Web) -> None:
    token = await web.token("care")
    for path in ("", "/subscriptions", "/evidence", "/evidence/verify"):
        await web.call("GET", ALICE_HOME + path, token=token, reason="ticket 17")
    await web.call("GET", "/api/v1/messages", token=token, reason="ticket 17", params={"msisdn": "13800138000"})

    records = await web.running.rows(access_record)
    assert [record["what"] for record in records] == ["subscriber", "subscriptions", "evidence", "evidence", "messages"]
    assert {(record["who"], record["msisdn"], record["reason"]) for record in records} == {("care", ALICE, "ticket 17")}


async def test_an_agent_must_give_a_reason(web: Web) -> None:
    token = await web.token("care")
    for path in ("", "/subscriptions", "/evidence", "/evidence/verify"):
        for reason in (None, "", "  "):
            assert "X-Reason" in assert_problem(
                await web.call("GET", ALICE_HOME + path, token=token, reason=reason), 422
            )
    assert await web.running.count(access_record) == 0


async def test_a_reason_may_be_in_chinese(web: Web) -> None:
    headers = {b"Authorization": b"Bearer demo", b"X-Reason": "客户来电投诉".encode()}
    assert (await web.client.get(ALICE_HOME, headers=headers)).status_code == 200
    [record] = await web.running.rows(access_record)
    assert record["reason"] == "客户来电投诉"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("%E5%AE%A2%E6%88%B7%E6%9D%A5%E7%94%B5%E6%8A%95%E8%AF%89", "客户来电投诉"),
        ("the%20bill%20of%20May", "the bill of May"),
        ("100% sure of it", "100% sure of it"),
        ("%FF%FE is no text", "%FF%FE is no text"),
        ("%58GMM%23802357%23739184%23739184", "XGMM#******#******#******"),
    ],
)
async def test_a_reason_may_be_percent_encoded(web: Web, sent: str, kept: str) -> None:
    """``fetch`` and ``httpx`` refuse a header that is not Latin-1. A password is masked in this form, too."""
    headers = {"Authorization": "Bearer demo", "X-Reason": sent}
    assert (await web.client.get(ALICE_HOME, headers=headers)).status_code == 200
    [record] = await web.running.rows(access_record)
    assert record["reason"] == kept


async def test_a_reason_with_what_no_database_stores_is_escaped(web: Web) -> None:
    headers = {b"Authorization": b"Bearer demo", b"X-Reason": b"a complaint\x00"}
    assert (await web.client.get(ALICE_HOME, headers=headers)).status_code == 200
    [record] = await web.running.rows(access_record)
    assert record["reason"] == "a complaint␛0"


async def test_an_access_to_an_unknown_number_is_recorded_too(web: Web) -> None:
    assert_problem(await web.get("/api/v1/subscribers/13700137000"), 404)
    assert await web.running.count(access_record) == 1
