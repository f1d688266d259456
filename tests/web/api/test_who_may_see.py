"""Who may see which rows of customers, over all routes, scopes and reasons (http-api.md, management API; safety.md 1)."""

from typing import NamedTuple

import httpx
import pytest

from app.db.access import access_record
from app.services.management.tokens import Scope
from app.web.access import Sees
from tests.running import ALICE, BOB
from tests.web.calls import Web, assert_problem
from tests.web.customers import (
    HOME,
    NUMBERS,
    TEXTS,
    ReadCall,
    access_rules,
    api_routes,
    create_customer_data,
    read_calls,
)

pytestmark = pytest.mark.anyio
WHY = "case 7731"
# Contain no customer's number.
NO_CUSTOMERS = {
    "/reports/service-providers",
    "/service-providers",
    "/service-providers/{sp_code}",
    "/services",
    "/services/{service_code}",
    "/tokens",
    "/providers",
}


# Of these a customer has one at most.
ONE_OF_EACH = {"/subscribers/{msisdn}/suspension", "/subscribers/{msisdn}/consents/marketing"}


class Visibility(NamedTuple):
    """The result of a call: its status, whether texts and whole numbers are shown, and whether access is recorded."""

    status: int
    texts: bool = False
    numbers: bool = False
    recorded: bool = False


REFUSED, HIDDEN, ALL = Visibility(422), Visibility(200), Visibility(200, texts=True, numbers=True, recorded=True)
# For each scope: calls about one customer without and with a reason, lists over many without and with a reason.
RULE: dict[str, tuple[Visibility, Visibility, Visibility, Visibility]] = {
    "care": (REFUSED, ALL, HIDDEN, ALL),
    "admin": (ALL, ALL, HIDDEN, ALL),
    "billing:write": (
        Visibility(200, numbers=True, recorded=True),
        Visibility(200, numbers=True, recorded=True),
        HIDDEN,
        HIDDEN,
    ),
    "read": (REFUSED, Visibility(200, recorded=True), HIDDEN, HIDDEN),
    "directory:write": (Visibility(403),) * 4,
}
# Actions for one customer: the path, the body and the name in the access record.
ACTS: dict[str, tuple[object, str]] = {
    "/messages/{message_id}/resend": (None, "resend"),
    "/dead-letters/{message_id}/retry": (None, "retry"),
    "/events/{event_id}/retry": (None, "retry"),
    "/orders": ({"msisdn": ALICE, "service_code": "ZQ", "channel": "agent"}, "order"),
    "/tickets": ({"msisdn": ALICE, "text": "x"}, "complaint"),
    "/tickets/{ticket_id}/first-response": ({"message": "x"}, "first-response"),
    "/tickets/{ticket_id}/resolve": ({"decision": "done"}, "resolve"),
    "/tickets/{ticket_id}/refund/confirm": (None, "refund"),
    "/tickets/{ticket_id}/refund/close": (None, "refund"),
}


# ---- what routes declare


def test_every_route_declares_one_rule() -> None:
    assert {route.path for route in api_routes() if len(access_rules(route)) != 1} == set()


def test_every_read_and_lookup_by_id_declares_sees() -> None:
    for route in api_routes():
        names_a_row = route.methods == {"GET"} or "_id}" in route.path
        if names_a_row and route.path not in NO_CUSTOMERS:
            assert isinstance(access_rules(route)[0], Sees), f"{route.path} shows rows of customers: declare it by Sees"


def test_every_action_is_in_the_table_of_this_test() -> None:
    assert {
        route.path
        for route in api_routes()
        if route.methods != {"GET"} and isinstance(rule := access_rules(route)[0], Sees) and acts_for(rule)
    } == set(ACTS)


def acts_for(rule: Sees) -> bool:
    """Return False for systems that write customers' data and see no more of it than that."""
    return rule.scopes != {Scope.DIRECTORY_WRITE, Scope.ADMIN}


# ---- reads


async def send(web: Web, read_call: ReadCall, token: str, reason: str | None) -> httpx.Response:
    return await web.call("GET", read_call.path, token=token, reason=reason, params=dict(read_call.query))


def texts_and_numbers_in(answer: httpx.Response) -> tuple[bool, bool]:
    """Return whether an answer contains somebody's text, and whether it contains a whole number."""
    return any(text in answer.text for text in TEXTS), any(number in answer.text for number in NUMBERS)


def customers_in(answer: httpx.Response) -> set[str]:
    """Return the numbers of the customers in a list."""
    rows = next((value for value in answer.json().values() if isinstance(value, list)), [])
    return {msisdn for row in rows if (msisdn := row.get("msisdn") or row.get("data", row).get("msisdn"))} | {
        row["number"] for row in rows if row.keys() == {"number", "count"}
    }


@pytest.mark.parametrize("scope", RULE)
async def test_every_read_shows_what_scope_and_reason_allow_and_is_recorded(web: Web, scope: str) -> None:
    created, token = await create_customer_data(web), await web.token(scope)
    for read_call in read_calls(created):
        texts, numbers = texts_and_numbers_in(await send(web, read_call, "demo", WHY))
        for reason in (None, "no  no", WHY):
            before = await web.running.count(access_record)
            answer = await send(web, read_call, token, reason)
            opened = scope == "admin" or scope in read_call.rule.scopes
            expected = RULE[scope][(not read_call.one_customer) * 2 + (reason == WHY)] if opened else Visibility(403)
            context = f"{read_call.name} by {scope}, because of {reason}"
            if read_call.name == "/events" and scope == "billing:write":
                expected = Visibility(200, numbers=True)  # as its receiver
                numbers = BOB in answer.text or ALICE in answer.text
            assert answer.status_code == expected.status, f"{context}: {answer.text}"
            assert texts_and_numbers_in(answer) == (texts and expected.texts, numbers and expected.numbers), (
                f"{context}: {answer.text}"
            )
            added = await web.running.count(access_record) - before
            assert added == (expected.recorded and (1 if read_call.one_customer else len(customers_in(answer)))), (
                context
            )


async def test_the_data_of_these_tests_has_texts_and_numbers_wherever_possible(web: Web) -> None:
    created = await create_customer_data(web)
    found = {
        read_call.name: texts_and_numbers_in(await send(web, read_call, "demo", WHY))
        for read_call in read_calls(created)
    }
    assert {name for name, (texts, _) in found.items() if not texts} == {
        "/charges", "/charges?msisdn", "/charges/{charge_id}", "/orders", "/orders?msisdn", "/orders/{order_id}",
        "/events", "/spam-reports", "/spam-reports?number", "/subscribers/{msisdn}",
        "/subscribers/{msisdn}/subscriptions", "/subscribers/{msisdn}/charges", "/subscribers/{msisdn}/orders",
        "/subscribers/{msisdn}/refunds", "/subscribers/{msisdn}/evidence/verify", "/subscribers",
        "/subscribers/{msisdn}/suspension",
    }  # fmt: skip
    assert {name for name, (_, numbers) in found.items() if not numbers} == {
        "/campaigns", "/campaigns/{campaign_id}", "/subscribers/{msisdn}/subscriptions",
        "/subscribers/{msisdn}/refunds", "/subscribers/{msisdn}/questions", "/subscribers/{msisdn}/evidence/verify",
    }  # fmt: skip


async def test_masked_numbers_differ_and_ids_stay_whole(web: Web) -> None:
    created = await create_customer_data(web)
    listed = (await web.call("GET", "/api/v1/messages", reason=None)).json()["messages"]
    whole = (await web.call("GET", "/api/v1/messages")).json()["messages"]
    assert {item["msisdn"] for item in listed} == {"+86138****8000", "+86139****9000"}
    assert [item["id"] for item in listed] == [item["id"] for item in whole]
    assert created.ids["message_id"] in {item["id"] for item in listed}
    assert {item["from"] for item in listed if item["direction"] == "mt"} >= {"10086"}
    assert all("text" not in item for item in listed)


# ---- actions


@pytest.mark.parametrize("scope", RULE)
async def test_every_action_for_a_customer_records_who_and_why(web: Web, scope: str) -> None:
    created, token = await create_customer_data(web), await web.token(scope)
    for path, (body, what) in ACTS.items():
        for reason in (None, "no  no", WHY):
            before = await web.running.count(access_record)
            called = "/api/v1" + path.format_map(created.ids)
            answer = await web.call("POST", called, body, token=token, reason=reason)
            added = await web.running.count(access_record) - before
            if scope not in ("care", "admin"):
                assert (answer.status_code, added) == (403, 0), path
            elif scope == "care" and reason != WHY:
                assert "X-Reason" in assert_problem(answer, 422)
                assert added == 0, path
            else:
                assert added == 1, f"{path}: {answer.text}"
                newest = max(await web.running.rows(access_record), key=lambda row: row["id"])
                said = WHY if reason == WHY else None
                assert (newest["who"], newest["msisdn"], newest["what"], newest["reason"]) == (scope, ALICE, what, said)


async def test_an_order_of_another_channel_records_no_access(web: Web) -> None:
    order = {"msisdn": ALICE, "service_code": "YYH", "channel": "web"}
    answer = await web.call("POST", "/api/v1/orders", order, token=await web.token("billing:write"), reason=None)
    assert (answer.status_code, answer.json()["msisdn"]) == (202, ALICE)
    assert await web.running.count(access_record) == 0


@pytest.mark.parametrize("reason", [None, ".", "a    b", "abcd", "no  no", "\u2800" * 9])
async def test_a_required_reason_has_at_least_five_visible_characters(web: Web, reason: str | None) -> None:
    for method, path in (("DELETE", f"{HOME}/subscriptions/CL"), ("POST", f"{HOME}/tenures/1/erasure")):
        assert "X-Reason" in assert_problem(await web.call(method, path, reason=reason), 422)
    assert (await web.running.states())["CL"] == "active"


# ---- former tenures


async def give_away(web: Web) -> None:
    """Give Alice's number to another customer."""
    kept = (await web.get(HOME)).json()
    fields = ("brand", "payment", "balance_fen", "points")
    await web.running.advance(hours=1)
    for status in ("closed", "active"):
        await web.call("PUT", HOME, {"status": status, **{name: kept[name] for name in fields}})


@pytest.mark.parametrize("scope", ["care", "billing:write", "read"])
async def test_former_tenures_are_for_admin_in_every_call(web: Web, scope: str) -> None:
    created, token = await create_customer_data(web), await web.token(scope)
    await give_away(web)
    customer_ids = {
        name: value for name, value in created.ids.items() if name.endswith("_id") and name != "campaign_id"
    }
    before = await web.running.count(access_record)
    for read_call in read_calls(created):
        answer = await send(web, read_call, token, WHY)
        if scope not in read_call.rule.scopes:
            continue
        by_id = any(f"{{{name}}}" in read_call.name for name in customer_ids) or read_call.name in ONE_OF_EACH
        assert answer.status_code == (404 if by_id else 200), f"{read_call.name}: {answer.text}"
        if (
            read_call.name != "/events" or scope != "billing:write"
        ):  # billing reads all its events, also those about former customers
            assert not [name for name, value in customer_ids.items() if f'"{value}"' in answer.text], read_call.name
        if read_call.takes_tenure:
            params = {**dict(read_call.query), "tenure": "1"}
            assert_problem(await web.call("GET", read_call.path, token=token, params=params), 403)
    rows = await web.running.rows(access_record)
    assert {row["tenure"] for row in rows if row["who"] == scope and row["msisdn"] == ALICE} <= {2}
    assert len(rows) > before


async def test_nobody_but_admin_acts_on_a_former_tenure(web: Web) -> None:
    created, token = await create_customer_data(web), await web.token("care")
    await give_away(web)
    before = await web.running.count(access_record)
    for path, (body, _) in ACTS.items():
        if "_id}" in path:
            answer = await web.call("POST", "/api/v1" + path.format_map(created.ids), body, token=token)
            assert_problem(answer, 404)
    assert await web.running.count(access_record) == before


async def test_admin_sees_former_tenures_and_the_record_says_which(web: Web) -> None:
    created = await create_customer_data(web)
    await give_away(web)
    token = await web.token("admin")
    for read_call in read_calls(created):
        if read_call.takes_tenure:
            params = {**dict(read_call.query), "tenure": "1"}
            assert (await web.call("GET", read_call.path, token=token, params=params)).status_code == 200, (
                read_call.name
            )
        elif "_id}" in read_call.name:
            assert (await send(web, read_call, token, None)).status_code == 200, read_call.name
    rows = [row for row in await web.running.rows(access_record) if row["who"] == "admin"]
    assert {row["tenure"] for row in rows} == {1}
    assert {"charge", "order", "message", "ticket", "charges", "orders", "messages", "evidence"} <= {
        row["what"] for row in rows
    }


# ---- access records


async def test_access_records_can_be_read_for_one_customer_and_for_all(web: Web) -> None:
    care = await web.token("care")
    for reason in ("first call", "second call"):
        await web.call("GET", HOME, token=care, reason=reason)
        await web.running.advance(minutes=10)
    await web.call("GET", f"/api/v1/subscribers/{BOB}", token=care, reason="another")

    customer_ids = (await web.call("GET", f"{HOME}/access-records", token=care, reason="an audit")).json()
    context = {"at": "2026-03-02T10:10:00+08:00", "by": "care", "msisdn": ALICE, "what": "subscriber"}
    assert customer_ids["access_records"][1] == {**context, "reason": "second call"}
    assert [row["reason"] for row in customer_ids["access_records"]] == ["an audit", "second call", "first call"]

    path = "/api/v1/access-records"
    of_all = await web.get(path, **{"from": "2026-03-02T10:10:00+08:00", "to": "2026-03-02T10:20:00+08:00"})
    assert [row["reason"] for row in of_all.json()["access_records"]] == ["second call"]
    found = (await web.get(path, by="care")).json()["access_records"]
    assert [row["reason"] for row in found] == ["an audit", "another", "second call", "first call"]
    assert (await web.get(path, by="nobody")).json()["access_records"] == []
    assert_problem(await web.call("GET", path, token=care), 403)


async def test_access_records_are_read_in_pages(web: Web) -> None:
    for number in range(5):
        await web.call("GET", HOME, reason=f"look no. {number}")
    for path in (f"{HOME}/access-records", "/api/v1/access-records"):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await web.get(path, limit="2", by="demo", to="2026-03-03T10:00:00+08:00", **cursor)).json()
            seen += [row["reason"] for row in page["access_records"] if row["what"] == "subscriber"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == [f"look no. {number}" for number in (4, 3, 2, 1, 0)]
    assert_problem(await web.get("/api/v1/access-records", cursor="x"), 422)


async def test_the_lists_of_a_customer_contain_only_that_customer_and_are_read_in_pages(web: Web) -> None:
    await create_customer_data(web)
    for name, key in (
        ("charges", "charge_id"), ("orders", "order_id"), ("refunds", "charge_id"), ("tickets", "id"), ("questions", "id"),
    ):  # fmt: skip
        await web.running.say("0000")
        whole = (await web.get(f"{HOME}/{name}")).json()
        assert whole[name], name
        assert {row.get("msisdn", ALICE) for row in whole[name]} == {ALICE}
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await web.get(f"{HOME}/{name}", limit="1", **cursor)).json()
            seen += [row[key] for row in page[name]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == [row[key] for row in whole[name]], name
        assert_problem(await web.get(f"/api/v1/subscribers/13700137000/{name}"), 404)
