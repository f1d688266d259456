"""A repeated write with the same Idempotency-Key gets the same answer (http-api.md, management API)."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.db import catalogue
from app.db.idempotency import idempotent_call
from app.domain.policy import RetentionPeriods
from app.services.management.idempotency import KeyedCall
from app.services.upkeep.retention import purge
from tests.running import ALICE
from tests.web.calls import ALICE_HOME, Web, assert_problem

pytestmark = pytest.mark.anyio
SERVICE = "/api/v1/services/YX"
BODY = {
    "name": "游戏", "sp_code": "CMCC", "billing": "monthly", "price_fen": 500, "cancel_effect": "immediate",
    "cancellable_by_sms": True, "on_offer": True, "trial_days": 0, "visible": True,
}  # fmt: skip


async def put(web: Web, key: str, *, token: str = "demo", path: str = SERVICE, **changes: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return await web.client.put(path, json=BODY | changes, headers=headers)


async def test_a_repeat_gets_the_first_answer_and_has_no_effect(web: Web) -> None:
    first = await put(web, "k-1")
    assert first.status_code == 201
    await put(web, "k-2", price_fen=700)
    again = await put(web, "k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    [service] = await web.running.rows(catalogue.service, catalogue.service.c.service_code == "YX")
    assert service["price_fen"] == 700


async def test_the_same_key_for_another_request_is_refused(web: Web) -> None:
    await put(web, "k-1")
    assert "new key" in assert_problem(await put(web, "k-1", price_fen=700), 409)
    assert_problem(await put(web, "k-1", path="/api/v1/services/YY"), 409)


async def test_a_refusal_uses_up_no_key(web: Web) -> None:
    """What was wrong is sent again as it should be, with the same key: nothing was done by the first call."""
    for wrong in ({"sp_code": "NOBODY"}, {"price_fen": -1}, {"name": "1"}):
        answer = await put(web, "k-1", **wrong)
        assert_problem(answer, 422)
        assert "idempotency-replayed" not in answer.headers
    assert await web.running.count(idempotent_call) == 0
    assert (await put(web, "k-1")).status_code == 201
    assert (await put(web, "k-1")).headers["idempotency-replayed"] == "true"


async def test_keys_of_different_tokens_are_independent(web: Web) -> None:
    other = await web.token("directory:write")
    await put(web, "k-1")
    assert (await put(web, "k-1", token=other, price_fen=700)).status_code == 200


async def test_an_unauthorised_call_is_not_stored(web: Web) -> None:
    reader = await web.token("read")
    assert_problem(await put(web, "k-1", token=reader), 403)
    assert_problem(await put(web, "k-1", token="unknown"), 401)
    assert await web.running.count(idempotent_call) == 0


async def test_concurrent_repeats_run_once(web: Web) -> None:
    answers = await asyncio.gather(*(put(web, "k-1") for _ in range(20)))
    fresh = [item for item in answers if item.status_code == 201 and "idempotency-replayed" not in item.headers]
    assert len(fresh) == 1
    for answer in answers:
        assert answer.status_code in (201, 409), answer.text


async def test_an_invalid_key_is_refused(web: Web) -> None:
    assert_problem(await put(web, "k" * 256), 422)
    assert_problem(await put(web, "two words"), 422)


async def test_reading_needs_no_key(web: Web) -> None:
    headers = {"Authorization": "Bearer demo", "Idempotency-Key": "k-1", "X-Reason": "a test"}
    assert (await web.client.get(ALICE_HOME, headers=headers)).status_code == 200
    assert await web.running.count(idempotent_call) == 0


async def test_answers_about_an_erased_subscriber_are_deleted(web: Web) -> None:
    secret = "她不想让人知道的事"
    keyed = {"Authorization": "Bearer demo", "Idempotency-Key": "t-1"}
    complaint = {"msisdn": ALICE, "text": secret}
    made = await web.client.post("/api/v1/tickets", json=complaint, headers=keyed)
    await web.call("POST", f"/api/v1/tickets/{made.json()['id']}/resolve", {"decision": "done"})
    await put(web, "k-1")
    await web.call("PATCH", ALICE_HOME, {"status": "closed"})
    await web.running.advance(days=190)
    kept = await web.running.rows(idempotent_call)
    assert any(secret in str(row["body"]) for row in kept)
    assert (await web.call("POST", f"{ALICE_HOME}/tenures/1/erasure")).status_code == 200
    assert not any(secret in str(dict(row)) for row in await web.running.rows(idempotent_call))
    again = await web.client.post("/api/v1/tickets", json=complaint, headers=keyed)
    assert (again.status_code, again.json()) == (201, {}), "it was made, and is not made again"
    assert (await put(web, "k-1")).json()["service_code"] == "YX"


async def test_stored_calls_are_purged_without_new_calls(web: Web) -> None:
    await put(web, "k-1")
    gateway = web.running.gateway
    async with gateway.engine.paused():
        assert purge(gateway.storage.database, RetentionPeriods(), gateway.storage.owner.heads).calls == 0
        old = idempotent_call.update().values(begun_at=datetime.now(UTC) - timedelta(hours=25))
        await gateway.storage.database.write(lambda connection: connection.execute(old))
        assert purge(gateway.storage.database, RetentionPeriods(), gateway.storage.owner.heads).calls == 1


async def test_a_call_from_before_a_reset_leaves_alone_who_has_its_key_since(web: Web) -> None:
    calls = web.running.gateway.management.idempotent_calls
    before, since = (KeyedCall.of("demo", "k-1", request) for request in (b"before", b"since"))
    assert await calls.begin(before) is None
    assert (await web.call("POST", "/simulator/reset")).status_code == 200
    assert await calls.begin(since) is None
    await calls.end(before, 201, "application/json", "{}")
    known = await calls.begin(since)
    assert known is not None
    assert known.status is None
    await calls.drop(before)
    assert await calls.begin(since) is not None
