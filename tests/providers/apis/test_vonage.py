"""Vonage keeps the contract, and what is its own (carriers.md 9.4)."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode

import pytest

from app import providers
from app.providers.apis.vonage import VonageProvider
from app.providers.requests import NotAuthenticError, WebhookRequest
from tests.providers import contract
from tests.providers.contract import WebhookContract, submission

OPTIONS: Mapping[str, object] = {
    "secret": ["new", "old"],
    "api_key": "abcd1234",
    "api_secret": "sesame",
    "sender": "447700900000",
    "single_number": True,
    "public_url": "https://sms.example",
}
MO = {"messageId": "0A1", "msisdn": "8613800138000", "to": "447700900000", "text": "a&b=c 投诉"}
pytestmark = pytest.mark.anyio


def made(**options: object) -> VonageProvider:
    return contract.made(VonageProvider, **{**OPTIONS, **options})


def with_signature(form: Mapping[str, str], method: str, secret: str, at: float) -> dict[str, str]:
    """Return parameters with a time and a signature by Vonage's rule."""
    full = {**form, "timestamp": str(int(at))}
    text = "".join(f"&{name}={value.replace('&', '_').replace('=', '_')}" for name, value in sorted(full.items()))
    if method == "md5hash":
        return {**full, "sig": hashlib.md5((text + secret).encode()).hexdigest()}  # noqa: S324  Vonage's choice
    return {**full, "sig": hmac.new(secret.encode(), text.encode(), method).hexdigest().upper()}


def as_request(form: Mapping[str, str]) -> WebhookRequest:
    return WebhookRequest(urlencode(form).encode())


class TestVonage(WebhookContract):
    kind = "vonage"
    options: ClassVar[Mapping[str, object]] = OPTIONS

    def signed(self, request: WebhookRequest) -> WebhookRequest:
        now = time.time()
        if request.method == "GET":
            form = dict(parse_qsl(request.query.decode(), keep_blank_values=True))
            return replace(request, query=urlencode(with_signature(form, "md5hash", "old", now)).encode())
        if request.body.startswith(b"{"):
            form = {name: str(value) for name, value in dict(json.loads(request.body)).items()}
            return replace(request, body=json.dumps(with_signature(form, "md5hash", "old", now)).encode())
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        return replace(request, body=urlencode(with_signature(form, "md5hash", "old", now)).encode())

    def forged(self, request: WebhookRequest) -> WebhookRequest:
        """Vonage signs the parameters, however they are written."""
        return replace(request, query=request.query + b"&more=1")


@pytest.mark.parametrize("method", ["md5hash", "md5", "sha1", "sha256", "sha512"])
def test_every_way_of_signing_counts_where_it_is_set(method: str) -> None:
    request = as_request(with_signature(MO, method, "new", time.time()))
    made(signature=method).admit(request)
    with pytest.raises(NotAuthenticError):
        made(signature="sha1" if method != "sha1" else "md5").admit(request)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused(minutes: int) -> None:
    request = as_request(with_signature(MO, "md5hash", "new", time.time() + minutes * 60))
    with pytest.raises(NotAuthenticError, match="5 minutes"):
        made().admit(request)


def test_a_signature_without_a_time_is_refused() -> None:
    text = "".join(f"&{name}={value.replace('&', '_').replace('=', '_')}" for name, value in sorted(MO.items()))
    sig = hashlib.md5((text + "new").encode()).hexdigest()  # noqa: S324  Vonage's choice
    with pytest.raises(NotAuthenticError, match="timestamp"):
        made().admit(as_request({**MO, "sig": sig}))


def test_without_a_signature_secret_a_fence_will_do() -> None:
    model = providers.provider_kinds()["vonage"].model_validate(
        {"kind": "vonage", **{name: value for name, value in OPTIONS.items() if name != "secret"}}
    )
    [said] = model.problems("carrier", production=True, private=False)
    assert "anybody could post" in said
    made(secret=None).admit(as_request(MO))


def test_a_menu_that_is_void_is_not_delivered_any_more() -> None:
    item = replace(submission(text="Hi"), encoding="gsm7", valid_until=datetime.now(UTC) + timedelta(minutes=10))
    form = dict(parse_qsl(made().call(item).content.decode()))
    assert int(form["ttl"]) in range(590_000, 600_001)
    assert form["type"] == "text"


def test_what_messages_come_from_must_be_set() -> None:
    given = {name: value for name, value in OPTIONS.items() if name != "sender"}
    model = providers.provider_kinds()["vonage"].model_validate({"kind": "vonage", **given})
    [said] = model.problems("carrier", production=True, private=False)
    assert said.startswith("providers.carrier.sender: is missing")
