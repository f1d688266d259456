"""A phone with SMS Gateway for Android keeps the contract, and what is its own (carriers.md 9.6)."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import pytest

from app import providers
from app.domain.messages import InboundMessage
from app.providers.apis.android import AndroidProvider
from app.providers.base import Provider, RefusedForNow, Unknown
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from tests.providers import contract
from tests.providers.contract import WebhookContract, submission

pytestmark = pytest.mark.anyio
KIND = "android-sms-gateway"
RECEIVED = b"""{"event": "sms:received", "payload": {"messageId": "a", "message": "1", "sender": "+8613800138000"}}"""


def signature(request: WebhookRequest, at: float, key: bytes = b"old") -> WebhookRequest:
    """Return the request as the app signs it at a time."""
    stamp = str(int(at))
    signed = hmac.new(key, request.body + stamp.encode(), hashlib.sha256).hexdigest()
    return replace(request, headers={"x-signature": signed, "x-timestamp": stamp})


def made(**options: object) -> AndroidProvider:
    return contract.made(
        AndroidProvider, **{"username": "HKJ3QT", "password": "sesame", "single_number": True, **options}
    )


class TestAndroid(WebhookContract):
    kind = KIND
    options: ClassVar[Mapping[str, object]] = {
        "secret": ["new", "old"],
        "username": "HKJ3QT",
        "password": "sesame",
        "single_number": True,
        "sim": 1,
    }

    def signed(self, request: WebhookRequest) -> WebhookRequest:
        return signature(request, time.time())


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused_unless_the_phone_s_clock_may_be_off(minutes: int) -> None:
    request = signature(WebhookRequest(RECEIVED), time.time() + minutes * 60)
    with pytest.raises(NotAuthenticError, match="too old or too new"):
        made(secret="old").admit(request)
    made(secret="old", clock_tolerance="10m").admit(request)


@pytest.mark.parametrize("at", ["", "now", "-5", "9" * 30])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    signed = hmac.new(b"old", RECEIVED + at.encode(), hashlib.sha256).hexdigest()
    with pytest.raises(NotAuthenticError):
        made(secret="old").admit(WebhookRequest(RECEIVED, {"x-signature": signed, "x-timestamp": at}))


@pytest.mark.parametrize("secret", ["old", "new"])
def test_either_of_two_signing_keys_counts(secret: str) -> None:
    made(secret=["new", "old"]).admit(signature(WebhookRequest(RECEIVED), time.time(), secret.encode()))


def test_an_event_at_the_wrong_webhook_is_refused_in_words() -> None:
    provider = made()
    sent = WebhookRequest(RECEIVED.replace(b"received", b"sent"))
    with pytest.raises(MalformedRequestError, match="…/status"):
        provider.parse_inbound(sent)
    with pytest.raises(MalformedRequestError, match="…/inbound"):
        provider.parse_reports(WebhookRequest(RECEIVED))


def test_two_texts_are_two_messages() -> None:
    found = [
        made().parse_inbound(WebhookRequest(RECEIVED.replace(b'"a"', message_id))) for message_id in (b'"a"', b'"b"')
    ]
    assert len({one.message_id for one in found if isinstance(one, InboundMessage)}) == 2


async def test_only_with_its_id_the_phone_takes_a_message_once() -> None:
    """The cloud knows a message by its id and the phone's."""
    provider: Provider = made()
    assert not provider.resends_unknown
    assert isinstance((await provider.send([submission()]))[0], Unknown)
    provider = made(device_id="yVULogr4Y1ksRfnos1Dsw")
    assert provider.resends_unknown
    assert isinstance((await provider.send([submission()]))[0], RefusedForNow)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"single_number": False}, "providers.phone.single_number: must be true"),
        ({"single_number": True, "sender": "10086"}, "providers.phone.sender: must be unset"),
        ({"single_number": True, "public_url": "https://sms.example"}, "providers.phone.public_url: must be unset"),
        ({"single_number": True, "send_url": "http://192.168.1.10:8080/message"}, "providers.phone.send_url: messages"),
    ],
)
def test_settings_that_cannot_work_are_named(options: Mapping[str, object], problem: str) -> None:
    given = {"kind": KIND, "username": "u", "password": "p", "secret": "s", **options}
    model = providers.provider_kinds()[KIND].model_validate(given)
    [said] = model.problems("phone", production=True, private=False)
    assert said.startswith(problem)
