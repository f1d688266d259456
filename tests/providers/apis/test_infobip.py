"""Infobip keeps the contract, and what is its own (carriers.md 9.5)."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from app.domain.messages import InboundMessage
from app.providers.apis.infobip import InfobipProvider
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from tests.providers import contract
from tests.providers.contract import WebhookContract, submission

TOKEN = "a-token-of-24-letters-at-all"
OPTIONS: Mapping[str, object] = {
    "path_token": TOKEN,
    "api_key": "sesame",
    "send_url": "https://xxxxx.api.infobip.com/sms/3/messages",
    "sender": "447700900000",
    "single_number": True,
    "public_url": "https://sms.example",
}
pytestmark = pytest.mark.anyio


def made(**options: object) -> InfobipProvider:
    return contract.made(InfobipProvider, **{**OPTIONS, **options})


class TestInfobip(WebhookContract):
    kind = "infobip"
    options: ClassVar[Mapping[str, object]] = OPTIONS

    def signed(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, token=TOKEN)

    def forged(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, token=TOKEN[::-1])


def test_basic_auth_as_infobip_s_subscriptions_send_it_is_a_fence() -> None:
    pair = "infobip:9b1c5d70f3a84e2e"
    provider = made(path_token=None, basic_auth=pair)
    provider.admit(WebhookRequest(headers={"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}))
    with pytest.raises(NotAuthenticError):
        provider.admit(WebhookRequest())


def test_a_hundred_results_of_a_request_are_read() -> None:
    one = {"from": "8613800138000", "to": "385921004026", "text": "1"}
    body = {"results": [{**one, "messageId": str(number)} for number in range(100)]}
    found = made().parse_inbound(WebhookRequest(json.dumps(body).encode()))
    assert isinstance(found, list)
    assert [item.message_id for item in found if isinstance(item, InboundMessage)] == [str(n) for n in range(100)]


def test_more_results_than_anybody_sends_are_refused() -> None:
    with pytest.raises(MalformedRequestError):
        made().parse_inbound(WebhookRequest(json.dumps({"results": [{}] * 1001}).encode()))


def test_a_menu_that_is_void_is_not_delivered_any_more() -> None:
    item = replace(submission(), valid_until=datetime.now(UTC) + timedelta(minutes=10))
    [message] = json.loads(made().call(item).content)["messages"]
    validity = message["options"]["validityPeriod"]
    assert validity["timeUnit"] == "SECONDS"
    assert validity["amount"] in range(590, 601)


def test_without_a_public_url_reports_come_where_infobip_s_subscriptions_say() -> None:
    [message] = json.loads(made(public_url=None).call(submission()).content)["messages"]
    assert message["webhooks"] == {"callbackData": "1858513718529228800"}
