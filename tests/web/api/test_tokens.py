"""Tokens end: by themselves, by a new secret under the same name, by hand; and it is noted when one was last used."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, RowMapping, update

from app.db import tokens
from app.db.tokens import USE_NOTED_EVERY, api_token
from app.services.management.tokens import Tokens
from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio
A_MINUTE, A_DAY = timedelta(minutes=1), timedelta(days=1)
MESSAGES = "/api/v1/messages"


def tokens_of(web: Web) -> Tokens:
    return web.running.gateway.management.tokens


async def row(web: Web) -> RowMapping:
    [found] = await web.running.rows(api_token)
    return found


async def later(web: Web, by: timedelta) -> None:
    """Let the times of the token be so much earlier, as if time had gone on."""
    found = await row(web)
    times = ("expires_at", "last_used_at", "replaced_until")
    values = {name: found[name] - by for name in times if found[name] is not None}
    await web.running.gateway.storage.database.write(
        lambda connection: connection.execute(update(api_token).values(values))
    )


async def status(web: Web, token: str) -> int:
    return (await web.call("GET", MESSAGES, token=token)).status_code


async def test_a_token_expires_and_says_so(web: Web) -> None:
    token = tokens_of(web).create("desk", frozenset({"read"}), A_DAY)
    assert await status(web, token) == 200
    await later(web, A_DAY - A_MINUTE)
    assert await status(web, token) == 200
    await later(web, A_MINUTE)
    refused = await web.call("GET", MESSAGES, token=token)
    assert_problem(refused, 401)
    assert "The token desk expired on " in refused.json()["detail"]
    assert "smsgw token rotate desk" in refused.json()["detail"]


async def test_both_secrets_are_valid_for_a_while_and_then_the_new_one_alone(web: Web) -> None:
    old = await web.token("read")
    new, _ = tokens_of(web).rotate("read", A_DAY)
    assert new != old
    assert (await status(web, old), await status(web, new)) == (200, 200)
    await later(web, A_DAY)
    refused = await web.call("GET", MESSAGES, token=old)
    assert_problem(refused, 401)
    assert "has a new secret" in refused.json()["detail"]
    assert await status(web, new) == 200


async def test_only_the_last_secret_and_the_one_before_it_are_valid_and_none_of_a_revoked_token(web: Web) -> None:
    first = await web.token("read")
    second, _ = tokens_of(web).rotate("read", A_DAY)
    third, _ = tokens_of(web).rotate("read", A_DAY)
    assert [await status(web, one) for one in (first, second, third)] == [401, 200, 200]
    tokens_of(web).revoke("read")
    assert [await status(web, one) for one in (first, second, third)] == [401, 401, 401]
    assert "was revoked" in (await web.call("GET", MESSAGES, token=third)).json()["detail"]


async def test_an_unknown_token_is_told_nothing(web: Web) -> None:
    assert "smsgw token create" in (await web.call("GET", MESSAGES, token="nosuch")).json()["detail"]


async def test_the_old_secret_outlives_no_expiry(web: Web) -> None:
    old = tokens_of(web).create("desk", frozenset({"read"}), A_MINUTE)
    new, token = tokens_of(web).rotate("desk", A_DAY, A_DAY)
    assert token.replaced_until is not None
    await later(web, A_MINUTE)
    assert (await status(web, old), await status(web, new)) == (401, 200)


async def test_the_last_use_is_noted_once_a_minute_beside_the_call(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[str] = []
    note = tokens.note_use

    def counted(connection: Connection, name: str, now: datetime) -> None:
        writes.append(name)
        note(connection, name, now)

    monkeypatch.setattr(tokens, "note_use", counted)
    token = await web.token("read")
    assert (await row(web))["last_used_at"] is None
    for _ in range(3):
        assert await status(web, token) == 200
        await tokens_of(web).finish()
    first = (await row(web))["last_used_at"]
    assert first is not None
    assert writes == ["read"]
    await later(web, USE_NOTED_EVERY)
    assert await status(web, token) == 200
    await tokens_of(web).finish()
    assert (await row(web))["last_used_at"] >= first
    assert writes == ["read", "read"]


async def test_a_call_repeated_with_the_new_secret_is_the_same_call(web: Web) -> None:
    old = await web.token("directory:write")
    new, _ = tokens_of(web).rotate("directory:write", A_DAY)
    answers = [
        await web.client.patch(
            "/api/v1/subscribers/13800138000",
            json={"points": 7},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "once"},
        )
        for token in (old, new)
    ]
    assert [one.status_code for one in answers] == [200, 200]
    assert "Idempotency-Replayed" not in answers[0].headers
    assert answers[1].headers["Idempotency-Replayed"] == "true"
