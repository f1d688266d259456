"""The generic provider keeps the contract."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import pytest
from standardwebhooks.webhooks import Webhook

from app.providers.requests import NotAuthenticError, WebhookRequest
from app.providers.signatures import Signatures
from tests.providers.contract import WebhookContract

pytestmark = pytest.mark.anyio
OLD, NEW, OTHER = (
    f"whsec_{word}"
    for word in ("dGhlIG9sZCBzZWNyZXQgb2YgdHdv", "dGhlIG5ldyBzZWNyZXQgb2YgdHdv", "YW5vdGhlciBzZWNyZXQgb2YgYWxs")
)


class TestGeneric(WebhookContract):
    kind = "generic"
    options: ClassVar[Mapping[str, object]] = {"secret": [NEW, OLD], "send_url": "https://carrier.example/send"}

    def signed(self, request: WebhookRequest) -> WebhookRequest:
        headers = Signatures([OLD]).sign("their-id", request.body)
        return replace(request, headers=headers)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_of_two_secrets_counts(secret: str) -> None:
    Signatures([NEW, OLD]).check(Signatures([secret]).sign("id", b"body"), b"body")


def test_another_secret_does_not_count() -> None:
    with pytest.raises(NotAuthenticError):
        Signatures([NEW, OLD]).check(Signatures([OTHER]).sign("id", b"body"), b"body")


def test_each_secret_verifies_what_the_gateway_signs() -> None:
    headers = Signatures([NEW, OLD]).sign("id", b"body")
    for secret in (NEW, OLD):
        Webhook(secret).verify(b"body", headers, json_parse=False)
    assert [part[:3] for part in headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]
