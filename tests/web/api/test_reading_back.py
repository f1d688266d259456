"""What was written is read back, and two writers do not overwrite each other (http-api.md, reading back)."""

from datetime import timedelta

import pytest

from app.db.access import access_record
from tests.running import ALICE
from tests.web.api.test_auth import SERVICE, SP, SUBSCRIBER, SUBSCRIPTION
from tests.web.calls import ALICE_HOME, Web, assert_problem

pytestmark = pytest.mark.anyio
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SP = {**SP, "webhook_url": "https://sp.example/events", "webhook_secret": SECRET}
NEW_SERVICE = {**SERVICE, "name": "阅读包", "sp_code": "NEW", "order_keyword": "YDB"}
HOME = "/api/v1/subscribers/13700137000"


async def test_the_catalogue_is_read_back(web: Web) -> None:
    made = await web.call("PUT", "/api/v1/service-providers/NEW", NEW_SP)
    assert made.status_code == 201
    shown = {"sp_code": "NEW", **SP, "webhook_url": NEW_SP["webhook_url"], "confirm_mode": None}
    assert made.json() == (await web.get("/api/v1/service-providers/NEW")).json() == shown
    service = await web.call("PUT", "/api/v1/services/YDB", NEW_SERVICE)
    assert service.status_code == 201
    wanted = {"service_code": "YDB", **NEW_SERVICE, "cancel_how": None, "cancel_warning": None}
    assert service.json() == (await web.get("/api/v1/services/YDB")).json() == wanted
    assert (await web.get("/api/v1/services", sp_code="NEW")).json() == {"services": [wanted], "next_cursor": None}
    listed = (await web.get("/api/v1/service-providers", own="false")).json()["service_providers"]
    assert shown in listed
    assert not any(one["own"] for one in listed)
    assert (await web.call("PUT", "/api/v1/services/YDB", NEW_SERVICE)).status_code == 200
    assert (await web.call("PUT", "/api/v1/service-providers/NEW", SP)).status_code == 200


async def test_no_list_shows_a_secret(web: Web) -> None:
    token = await web.token("read")
    await web.call("PUT", "/api/v1/service-providers/NEW", NEW_SP)
    for path in ("service-providers", "service-providers/NEW", "tokens", "providers"):
        answer = await web.get(f"/api/v1/{path}")
        assert answer.status_code == 200
        assert not any(secret in answer.text for secret in (SECRET, token, token[-20:]))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/services/NONE", "unknown_service"),
        ("/service-providers/NONE", "unknown_service_provider"),
        ("/subscribers/13711112222/suspension", "unknown_subscriber"),
        ("/subscribers/13800138000/suspension", "not_found"),
        ("/subscribers/13800138000/consents/marketing", "not_found"),
    ],
)
async def test_what_is_not_there_is_a_404(web: Web, path: str, code: str) -> None:
    answer = await web.get(f"/api/v1{path}")
    assert_problem(answer, 404)
    assert answer.json()["code"] == code


async def test_a_consent_is_read_back(web: Web) -> None:
    path = f"{ALICE_HOME}/consents/marketing"
    assert (await web.call("PUT", path, {"source": "营业厅签字"})).status_code == 201
    assert (await web.call("PUT", path, {"source": "网上营业厅"})).status_code == 200
    given = (await web.get(path)).json()
    assert (given["marketing"], given["source"], given["withdrawn_at"]) == ("given", "网上营业厅", None)
    await web.call("DELETE", path)
    taken = (await web.get(path)).json()
    assert (taken["marketing"], taken["withdrawn_at"] is None) == ("withdrawn", False)
    assert (await web.call("PUT", path, {"source": "again"})).status_code == 201


async def test_an_announced_stop_is_read_back(web: Web) -> None:
    path, at = f"{ALICE_HOME}/suspension", "2026-03-06T15:00:00+08:00"
    await web.call("POST", path, {"at": at})
    found = (await web.get(path)).json()
    assert (found["msisdn"], found["at"], found["over_at"]) == (ALICE, at, None)
    await web.call("DELETE", path)
    assert (await web.get(path)).json()["over_at"] is not None


async def test_subscribers_are_listed_and_filtered(web: Web) -> None:
    await web.call("PUT", HOME, {**SUBSCRIBER, "brand": "gotone", "vip": True})
    every = (await web.get("/api/v1/subscribers")).json()["subscribers"]
    assert {one["msisdn"] for one in every} >= {ALICE, "+8613700137000"}
    vips = (await web.get("/api/v1/subscribers", brand="gotone", vip="true")).json()["subscribers"]
    assert "+8613700137000" in {one["msisdn"] for one in vips}
    assert all(one["vip"] and one["brand"] == "gotone" for one in vips)
    assert (await web.get("/api/v1/subscribers", status="closed")).json()["subscribers"] == []


async def test_a_cursor_of_subscribers_holds_no_number(web: Web) -> None:
    """It stands in addresses, and who sees masked numbers only gets it too."""
    page = (await web.call("GET", "/api/v1/subscribers", params={"limit": "1"}, reason=None)).json()
    assert "****" in page["subscribers"][0]["msisdn"]
    numbers = [one["msisdn"] for one in (await web.get("/api/v1/subscribers")).json()["subscribers"]]
    assert not any(number.removeprefix("+86") in page["next_cursor"] for number in numbers)
    for wrong in ("x", page["next_cursor"][:-4]):
        answer = await web.get("/api/v1/subscribers", cursor=wrong)
        assert_problem(answer, 422)
        assert answer.json()["code"] == "invalid_cursor"


async def test_tokens_are_listed_by_name(web: Web) -> None:
    for scope in ("read", "care"):
        await web.token(scope)
    web.running.gateway.management.tokens.revoke("care")
    found = (await web.get("/api/v1/tokens")).json()["tokens"]
    assert [(one["name"], one["scopes"], one["revoked_at"] is None) for one in found] == [
        ("care", ["care"], False),
        ("read", ["read"], True),
    ]


async def test_a_token_is_listed_with_its_ends_and_its_last_use(web: Web) -> None:
    tokens = web.running.gateway.management.tokens
    tokens.create("crm", frozenset({"read"}), timedelta(days=90))
    secret, _ = tokens.rotate("crm", timedelta(hours=24))
    [before] = (await web.get("/api/v1/tokens")).json()["tokens"]
    assert before["last_used_at"] is None
    assert before["replaced_until"] < before["expires_at"]
    await web.client.get("/api/v1/services", headers={"Authorization": f"Bearer {secret}"})
    await tokens.finish()
    [after] = (await web.get("/api/v1/tokens")).json()["tokens"]
    assert after["last_used_at"] is not None


async def test_providers_are_listed_with_their_state(web: Web) -> None:
    found = (await web.get("/api/v1/providers")).json()["providers"]
    by_name = {one["name"]: one for one in found}
    assert by_name["simulator"] == {
        "name": "simulator", "kind": "simulator", "sends": True, "is_default": True, "circuit": "closed", "binds": None,
    }  # fmt: skip
    assert by_name["generic"]["circuit"] is None


# ---- versions


async def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(web: Web) -> None:
    mine = await web.get(ALICE_HOME)
    theirs = await web.client.patch(ALICE_HOME, json={"points": 1}, headers=with_tag(mine.headers["etag"]))
    assert (theirs.status_code, theirs.json()["points"]) == (200, 1)
    for method, body in (("PATCH", {"points": 2}), ("PUT", SUBSCRIBER)):
        answer = await web.client.request(method, ALICE_HOME, json=body, headers=with_tag(mine.headers["etag"]))
        assert_problem(answer, 412)
        assert answer.json()["code"] == "changed_meanwhile"
    assert (await web.get(ALICE_HOME)).json()["points"] == 1
    again = await web.client.patch(ALICE_HOME, json={"points": 3}, headers=with_tag(theirs.headers["etag"]))
    assert again.status_code == 200


def with_tag(tag: str) -> dict[str, str]:
    return {"Authorization": "Bearer demo", "If-Match": tag}


async def test_a_service_has_a_version(web: Web) -> None:
    path = "/api/v1/services/CL"
    mine = (await web.get(path)).headers["etag"]
    assert (await web.client.put(path, json=SERVICE, headers=with_tag(mine))).status_code == 200
    now = (await web.client.put(path, json={**SERVICE, "price_fen": 600}, headers=with_tag("*"))).headers["etag"]
    assert_problem(await web.client.put(path, json=SERVICE, headers=with_tag(mine)), 412)
    assert (await web.client.put(path, json=SERVICE, headers=with_tag(f'"x", {now}'))).status_code == 200
    new = "/api/v1/services/YDB"
    body = {**SERVICE, "name": "阅读包", "order_keyword": "YDB"}
    assert_problem(await web.client.put(new, json=body, headers=with_tag("*")), 412)
    assert (await web.client.put(new, json=body, headers={"Authorization": "Bearer demo"})).status_code == 201


async def test_what_did_not_change_is_not_sent_again(web: Web) -> None:
    for path in (ALICE_HOME, "/api/v1/services/CL"):
        first = await web.get(path)
        headers = {"Authorization": "Bearer demo", "If-None-Match": first.headers["etag"]}
        before = await web.running.count(access_record)
        same = await web.client.get(path, headers=headers)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
        assert await web.running.count(access_record) == before + (path == ALICE_HOME)
    await web.running.say("DZXXSF")
    headers = {"Authorization": "Bearer demo", "If-None-Match": (await web.get(ALICE_HOME)).headers["etag"]}
    await web.running.say("QXDZXXSF")
    changed = await web.client.get(ALICE_HOME, headers=headers)
    assert changed.status_code == 200, "a notice that the customer switched off"


async def test_a_change_answers_with_the_subscriber_and_is_recorded(web: Web) -> None:
    """It shows fields that its caller did not send."""
    token = await web.token("directory:write")
    before = await web.running.count(access_record)
    answer = await web.call("PATCH", ALICE_HOME, {"points": 7}, token=token, reason=None)
    shown = (await web.get(ALICE_HOME)).json()
    del shown["preferences"]
    assert answer.json() == shown
    assert await web.running.count(access_record) == before + 2


async def test_an_import_answers_with_the_subscription(web: Web) -> None:
    path = f"{ALICE_HOME}/subscriptions/YYH"
    first, again = await web.call("PUT", path, SUBSCRIPTION), await web.call("PUT", path, SUBSCRIPTION)
    assert (first.status_code, again.status_code) == (201, 200)
    [held] = [
        one
        for one in (await web.get(f"{ALICE_HOME}/subscriptions")).json()["subscriptions"]
        if one["service_code"] == "YYH"
    ]
    assert first.json() == again.json() == {**held, "msisdn": ALICE, "kept": []}
