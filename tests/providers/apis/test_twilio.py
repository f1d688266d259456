"""Twilio keeps the contract, and what is its own (carriers.md 9.3)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import parse_qsl

import pytest

from app import providers
from app.domain.messages import InboundResult
from app.providers.apis.twilio import TwilioProvider
from app.providers.requests import NotAuthenticError, WebhookRequest
from tests.providers import contract
from tests.providers.contract import WebhookContract, submission

PUBLIC = "https://sms.example"
OPTIONS: Mapping[str, object] = {
    "secret": ["new", "old"],
    "account_sid": "AC" + 32 * "a",
    "sender": "+15005550006",
    "single_number": True,
    "public_url": PUBLIC,
}
pytestmark = pytest.mark.anyio


def made(**options: object) -> TwilioProvider:
    return contract.made(TwilioProvider, **{**OPTIONS, **options})


def signature(url: str, body: bytes, token: str) -> str:
    """Return the signature by Twilio's rule: the URL, then the fields by name."""
    signed = url + "".join(name + value for name, value in sorted(parse_qsl(body.decode(), keep_blank_values=True)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def signed(request: WebhookRequest, token: str = "old", base: str = PUBLIC) -> WebhookRequest:
    """Return the request as it is signed if Twilio calls ``base``, and as it comes through a proxy."""
    path = request.url.removeprefix("http://localhost") or "/webhooks/carrier/inbound"
    if request.query and "?" not in path:
        path += f"?{request.query.decode()}"
    headers = {"x-twilio-signature": signature(base + path, request.body, token)}
    return replace(request, headers=headers, url=f"http://10.0.0.7:8086{path}")


class TestTwilio(WebhookContract):
    kind = "twilio"
    options: ClassVar[Mapping[str, object]] = OPTIONS

    def signed(self, request: WebhookRequest) -> WebhookRequest:
        return signed(request)


BODY = b"MessageSid=SM1&From=%2B8613800138000&To=%2B15005550006&Body=%E6%8A%95%E8%AF%89+1%261"


def test_a_signature_of_twilio_s_own_example_counts() -> None:
    """The values are those of "Webhooks security" in Twilio's documents."""
    provider = made(secret="12345", public_url="https://mycompany.com")
    body = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    request = WebhookRequest(
        body, {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, url="http://x/myapp.php?foo=1&bar=2"
    )
    provider.authenticate(request)


@pytest.mark.parametrize("token", ["old", "new"])
def test_either_of_two_tokens_counts(token: str) -> None:
    made().admit(signed(WebhookRequest(BODY), token))


@pytest.mark.parametrize(
    ("public", "base"),
    [
        ("https://sms.example", "https://sms.example:443"),
        ("https://sms.example:443", "https://sms.example"),
        ("https://sms.example:8443", "https://sms.example:8443"),
        ("https://sms.example:8443", "https://sms.example"),
    ],
)
def test_the_url_may_be_signed_with_or_without_its_port(public: str, base: str) -> None:
    made(public_url=public).admit(signed(WebhookRequest(BODY), base=base))


def test_the_query_is_signed_too() -> None:
    request = signed(WebhookRequest(BODY, query=b"reference=1858513718529228800"))
    made().admit(request)
    with pytest.raises(NotAuthenticError):
        made().admit(replace(request, url=request.url.replace("8800", "8801")))


def test_a_field_that_comes_twice_is_signed_once_for_each_value() -> None:
    twice = WebhookRequest(b"MediaUrl=b&MediaUrl=a&MediaUrl=a")
    url = f"{PUBLIC}/webhooks/carrier/inbound"
    headers = {"x-twilio-signature": signature(url, b"MediaUrl=a&MediaUrl=b", "new")}
    made().authenticate(replace(twice, headers=headers, url=url))


def test_answers_hold_no_message_to_send() -> None:
    answer = made().answer_one(InboundResult("1841972247594532864", new=True))
    assert (answer.status, answer.body, answer.content_type) == (200, b"<Response/>", b"text/xml")


def form_of(**options: object) -> dict[str, str]:
    item = replace(submission(), valid_until=datetime.now(UTC) + timedelta(minutes=10))
    return dict(parse_qsl(made(**options).call(item).content.decode()))


def test_a_messaging_service_replaces_the_sender() -> None:
    form = form_of(messaging_service_sid="MG" + 32 * "b")
    assert form["MessagingServiceSid"] == "MG" + 32 * "b"
    assert "From" not in form


def test_a_menu_that_is_void_is_not_delivered_any_more() -> None:
    assert int(form_of()["ValidityPeriod"]) in range(590, 601)


@pytest.mark.parametrize(
    ("left_out", "problem"),
    [("sender", "providers.carrier.sender: "), ("public_url", "providers.carrier.public_url: ")],
)
def test_settings_that_cannot_work_are_named(left_out: str, problem: str) -> None:
    given = {name: value for name, value in OPTIONS.items() if name != left_out}
    model = providers.provider_kinds()["twilio"].model_validate({"kind": "twilio", **given})
    [said] = model.problems("carrier", production=True, private=False)
    assert said.startswith(problem)
