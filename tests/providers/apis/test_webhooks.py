"""The webhooks of carriers with an interface of their own, from request to reply (carriers.md 9)."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import httpx
import pytest

from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.providers.base import Accepted, SendResult, Submission
from app.settings import SettingsFile
from tests.outage import away
from tests.running import options_of, settings_for
from tests.web.calls import Web, assert_problem, serving

pytestmark = pytest.mark.anyio
TOKEN = "a-token-of-24-letters-at-all"
KANNEL = f"/webhooks/kannel/{TOKEN}"
MO = {
    "id": "k-1",
    "from": "13800138000",
    "to": "10086",
    "ts": "1772416800",
    "smsc": "fake",
    "coding": "0",
    "charset": "UTF-8",
}


@pytest.fixture
async def web(database_url: str) -> AsyncIterator[Web]:
    """A client of a gateway with a Kannel and a phone, which take everything under the gateway's own ids."""
    kannel = options_of(kind="kannel", path_token=TOKEN, username="u", password="p", public_url="http://127.0.0.1:8086")
    phone = options_of(kind="android-sms-gateway", secret="k", username="u", password="p", single_number=True)
    file = SettingsFile(default_provider="kannel", providers={"kannel": kannel, "phone": phone})
    async with serving(settings_for(database_url, file=file)) as started:
        for name in ("kannel", "phone"):
            started.running.gateway.carriers.providers[name].send = taken  # type: ignore[method-assign]
        # What these carriers post is in their documents, not in the gateway's own.
        started.client.event_hooks = {}
        yield started


async def taken(submissions: Sequence[Submission]) -> Sequence[SendResult]:
    return [Accepted(item.reference) for item in submissions]


async def kannel(web: Web, path: str, **query: str) -> httpx.Response:
    return await web.client.get(f"{KANNEL}/{path}", params=query)


async def phone(web: Web, path: str, event: Mapping[str, object], key: bytes = b"k") -> httpx.Response:
    body, now = json.dumps(event).encode(), str(int(time.time()))
    signature = hmac.new(key, body + now.encode(), hashlib.sha256).hexdigest()
    headers = {"x-signature": signature, "x-timestamp": now}
    return await web.client.post(f"/webhooks/phone/{path}", content=body, headers=headers)


async def test_kannel_s_get_is_stored_and_answered_with_nothing(web: Web) -> None:
    for _ in range(2):
        answer = await kannel(web, "inbound", **MO, text="0000")
        assert (answer.status_code, answer.content) == (200, b"")
    await web.running.drain()
    [row] = await web.running.rows(inbound_message)
    assert (row["msisdn"], row["text"], row["status"]) == ("+8613800138000", "0000", "handled")


async def test_kannel_s_report_finds_its_message(web: Web) -> None:
    await kannel(web, "inbound", **MO, text="帮助")
    await web.running.drain()
    [sent] = await web.running.rows(outbound_message)
    for bits in ("4", "8", "1"):
        answer = await kannel(web, "status", reference=sent["id"], status=bits, ts="1772416805")
        assert (answer.status_code, answer.content) == (200, b"")
    [sent] = await web.running.rows(outbound_message)
    assert (sent["status"], sent["provider_message_id"]) == ("delivered", sent["id"])


async def test_parts_that_kannel_did_not_join_become_one_message(web: Web) -> None:
    for number, text in ((2, "00"), (1, "00")):
        udh = bytes((5, 0, 3, 76, 2, number)).decode("latin-1")
        await kannel(web, "inbound", **{**MO, "id": f"k-{number}"}, text=text, udh=udh)
    await web.running.drain()
    assert {row["text"] for row in await web.running.rows(inbound_message)} >= {"0000"}


async def test_kannel_sends_again_what_could_not_be_stored(web: Web) -> None:
    with away(web.running.gateway.storage.database):
        answer = await kannel(web, "inbound", **MO, text="x" * 50_000)
    assert answer.status_code == 503


async def test_kannel_s_token_is_needed(web: Web) -> None:
    answer = await web.client.get("/webhooks/kannel/inbound", params={**MO, "text": "0000"})
    assert_problem(answer, 401)
    assert await web.running.count(inbound_message) == 0


async def test_a_text_that_the_app_posts_twice_is_answered_once(web: Web) -> None:
    payload = {
        "messageId": "a",
        "message": "帮助",
        "sender": "+8613800138000",
        "receivedAt": "2026-03-02T10:00:00+08:00",
    }
    for envelope in ("e-1", "e-2"):
        event = {"id": envelope, "deviceId": "d", "event": "sms:received", "payload": payload}
        assert (await phone(web, "inbound", event)).status_code in (200, 202)
    await web.running.drain()
    assert await web.running.count(outbound_message) == 1


async def test_a_message_of_the_phone_is_delivered_when_its_last_part_is(web: Web) -> None:
    payload: dict[str, object] = {"messageId": "a", "message": "帮助", "sender": "+8613800138000"}
    await phone(web, "inbound", {"event": "sms:received", "payload": payload})
    await web.running.drain()
    [sent] = await web.running.rows(outbound_message)
    about = {"messageId": sent["id"], "recipient": "+8613800138000"}
    await phone(web, "status", {"id": "e-1", "event": "sms:sent", "payload": {**about, "partsCount": 2}})
    seen = []
    for envelope in ("e-2", "e-2", "e-3"):
        await phone(web, "status", {"id": envelope, "event": "sms:delivered", "payload": about})
        [sent] = await web.running.rows(outbound_message)
        seen.append(sent["status"])
    assert seen == ["accepted", "accepted", "delivered"]


async def test_another_signing_key_is_refused(web: Web) -> None:
    assert_problem(await phone(web, "inbound", {"event": "sms:received", "payload": {}}, key=b"x"), 401)
