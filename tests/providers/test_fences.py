"""Access rules for carriers that cannot sign (delivery.md, security)."""

import base64
from ipaddress import ip_network

import pytest

from app.providers.fences import Fence
from app.providers.requests import NotAuthenticError, WebhookRequest

TOKENS = ["token-number-one-0123456789", "token-number-two-0123456789"]


def basic(pair: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def passes(fence: Fence, request: WebhookRequest) -> bool:
    said = ""
    try:
        fence.check(request)
    except NotAuthenticError as error:
        said = str(error)
    assert all(secret not in said for secret in (*TOKENS, "sesame"))
    return not said


@pytest.mark.parametrize(
    ("token", "good"),
    [(TOKENS[0], True), (TOKENS[1], True), (TOKENS[0][:-1], False), ("", False), ("é\udc80", False)],
)
def test_either_of_two_path_tokens_counts(token: str, good: bool) -> None:  # noqa: FBT001  parametrised
    assert passes(Fence(path_tokens=TOKENS), WebhookRequest(token=token)) is good


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("203.0.113.7", True),
        ("203.0.113.8", False),
        ("198.51.100.200", True),
        ("::ffff:203.0.113.7", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("not an address", False),
    ],
)
def test_addresses_of_the_networks_count(address: str, good: bool) -> None:  # noqa: FBT001  parametrised
    networks = [ip_network(given) for given in ("203.0.113.7", "198.51.100.0/24", "2001:db8::/32")]
    assert passes(Fence(networks=networks), WebhookRequest(address=address)) is good


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        (basic("carrier:sesame"), True),
        (basic("carrier:old sesame"), True),
        (basic("carrier:Sesame"), False),
        (basic("carrier"), False),
        ({"authorization": "Bearer carrier:sesame"}, False),
        ({"authorization": "Basic %%%"}, False),
        ({"authorization": "Basic /w=="}, False),
        ({}, False),
    ],
)
def test_either_of_two_passwords_counts(headers: dict[str, str], good: bool) -> None:  # noqa: FBT001  parametrised
    fence = Fence(basic_auth=["carrier:sesame", "carrier:old sesame"])
    assert passes(fence, WebhookRequest(headers=headers)) is good


def test_every_fence_that_there_is_must_be_passed() -> None:
    fence = Fence(TOKENS, [ip_network("203.0.113.7")], ["carrier:sesame"])
    good = WebhookRequest(headers=basic("carrier:sesame"), token=TOKENS[0], address="203.0.113.7")
    assert passes(fence, good)
    assert not passes(fence, WebhookRequest(headers=good.headers, token=TOKENS[0], address="203.0.113.9"))
    assert not passes(fence, WebhookRequest(headers=good.headers, token="", address="203.0.113.7"))
    assert not passes(fence, WebhookRequest(token=TOKENS[0], address="203.0.113.7"))


def test_without_a_fence_everybody_passes() -> None:
    assert passes(Fence(), WebhookRequest())
