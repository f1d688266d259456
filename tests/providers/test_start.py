"""Settings of providers that prevent a start, with messages that say what to do (http-api.md, settings; delivery.md, security)."""

import base64
from pathlib import Path

import pytest

from app.db.inbox import inbound_message
from app.providers import provider_kinds
from app.providers.webhook import WebhookOptions
from app.settings import Environment, SettingsError, SettingsFile
from app.settings.check import checked_settings
from tests.running import SEAL_KEY, options_of, settings_for
from tests.web.calls import Web, assert_problem, message, serving

pytestmark = pytest.mark.anyio
TOKEN = "0123456789abcdefghijKLMNOP"
PROTECTIONS = {
    "secret": "secret: whsec_c2l4dGVlbiBieXRlcyBvZiBpdA==",
    "two secrets": "secret: [whsec_dGhlIG5ldyBzZWNyZXQgb2YgdHdv, whsec_dGhlIG9sZCBzZWNyZXQgb2YgdHdv]",
    "path token": f"path_token: {TOKEN}",
    "addresses": "allowed_ips: [203.0.113.0/24]",
    "basic auth": "basic_auth: carrier:open sesame, open",
}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Production, with an empty settings file."""
    path = tmp_path / "gateway.yaml"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMSGW_ENV", "production")
    monkeypatch.setenv("SMSGW_SEAL_KEY", SEAL_KEY)
    monkeypatch.setenv("SMSGW_CONFIG", str(path))
    return path


def provider(path: Path, *lines: str) -> None:
    path.write_text("providers:\n  carrier:\n" + "".join(f"    {line}\n" for line in ("kind: generic", *lines)))


def carrier_options() -> WebhookOptions:
    options = checked_settings(provider_kinds()).file.providers["carrier"]
    assert isinstance(options, WebhookOptions)
    return options


def refusal() -> str:
    with pytest.raises(SettingsError) as refused:
        checked_settings(provider_kinds())
    return str(refused.value)


def test_a_provider_that_is_neither_signed_nor_fenced_prevents_a_start(environment: Path) -> None:
    provider(environment, "send_url: https://carrier.example/send")
    said = refusal()
    assert said.startswith(f"providers.carrier ({environment}:2): ")
    assert "anybody could post messages to /webhooks/carrier/inbound" in said
    for remedy in ("providers.carrier.secret", "path_token", "allowed_ips", "basic_auth"):
        assert remedy in said


@pytest.mark.parametrize("protection", PROTECTIONS.values(), ids=PROTECTIONS)
def test_a_provider_that_is_protected_in_any_way_starts(environment: Path, protection: str) -> None:
    provider(environment, protection, "send_url: https://carrier.example/send")
    assert carrier_options().is_guarded()


@pytest.mark.parametrize("protection", ["secret: []", "path_token: []", "allowed_ips: []"])
def test_an_empty_list_is_no_protection(environment: Path, protection: str) -> None:
    provider(environment, protection)
    assert "anybody could post" in refusal()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("path_token: short", "20 or more random letters"),
        ("path_token: 0123456789/0123456789/012", "20 or more random letters"),
        ("basic_auth: sesame", "user:password"),
        ("basic_auth: ':sesame'", "user:password"),
        ("allowed_ips: [not-an-address]", "allowed_ips"),
        ("send_url: carrier.example/send", "https://sp.example/events"),
        ("send_url: ftp://carrier.example/send", "https://sp.example/events"),
        ("send_url: https://user:sesame@carrier.example/send", "must not hold a user or password"),
        ("timeout: 31s", "from 1s to 30s"),
        ("timeout: 0s", "from 1s to 30s"),
        ("window: 0", "window"),
        ("rate: 0", "rate"),
        ("on_unknown: perhaps", "on_unknown"),
        ("prefixes: ['86']", "prefixes"),
    ],
)
def test_an_invalid_setting_is_named_with_its_place_and_no_secret(environment: Path, line: str, says: str) -> None:
    provider(environment, "secret: whsec_c2l4dGVlbiBieXRlcyBvZiBpdA==", line)
    said = refusal()
    assert f"providers.carrier.{line.partition(':')[0]}" in said
    assert says in said
    assert "sesame" not in said


@pytest.mark.parametrize("kind", ["dev", "production"])
def test_messages_are_not_sent_unencrypted_unless_a_setting_allows_it(
    environment: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("SMSGW_ENV", kind)
    provider(environment, "secret: whsec_c2l4dGVlbiBieXRlcyBvZiBpdA==", "send_url: http://10.0.0.7/send")
    said = refusal()
    assert "providers.carrier.send_url" in said
    assert "SMSGW_ALLOW_PRIVATE_WEBHOOKS" in said
    monkeypatch.setenv("SMSGW_ALLOW_PRIVATE_WEBHOOKS", "true")
    assert carrier_options().sends_in_clear()


@pytest.mark.parametrize("option", ["rate: 5", "window: 2"])
def test_the_simulator_has_neither_rate_nor_window(
    environment: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("SMSGW_ENV", "test")
    environment.write_text(f"providers: {{simulator: {{kind: simulator, {option}}}}}")
    said = refusal()
    assert said.startswith("providers.simulator ")
    assert "remove rate and window" in said


def test_the_simulator_prevents_a_start_in_production(environment: Path) -> None:
    environment.write_text("providers: {simulator: {kind: simulator, secret: whsec_c2l4dGVlbiBieXRlcyBvZiBpdA==}}")
    said = refusal()
    assert "providers.simulator" in said
    assert "kind simulator is refused in production" in said


@pytest.mark.parametrize("kind", ["demo", "dev", "test"])
def test_outside_production_a_provider_may_be_unprotected(
    environment: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("SMSGW_ENV", kind)
    provider(environment, "send_url: https://carrier.example/send")
    assert not carrier_options().is_guarded()


@pytest.mark.parametrize("kind", ["demo", "test"])
def test_in_demo_and_test_messages_may_be_sent_to_any_address(
    environment: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("SMSGW_ENV", kind)
    provider(environment, "send_url: http://127.0.0.1:9000/send")
    assert checked_settings(provider_kinds()).private_webhooks


GUESSABLE = {
    "secret": [
        "''",
        "abc",
        "whsec_AA==",
        "[whsec_c2l4dGVlbiBieXRlcyBvZiBpdA==, whsec_YWJj]",
        "WHSEC_c2l4dGVlbiBieXRlcyBvZiBpdA==",
        "'v1,whsec_c2l4dGVlbiBieXRlcyBvZiBpdA=='",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
    "path_token": ["short", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "[0123456789abcdefghij, short]"],
    "basic_auth": [
        "carrier:sesame",
        "carrier:aaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "[carrier:open-sesame-open, carrier:old]",
    ],
}


@pytest.mark.parametrize("kind", ["production", "test"])
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, given in GUESSABLE.items() for value in given])
def test_a_guessable_secret_prevents_a_start(
    environment: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, kind: str
) -> None:
    monkeypatch.setenv("SMSGW_ENV", kind)
    provider(environment, f"{name}: {value}")
    said = refusal()
    assert said.startswith(f"providers.carrier.{name} ({environment}:4): must be ")
    assert "16 or more random" in said or "20 or more random" in said
    for secret in value.strip("[]").split(", "):
        assert secret in ("''", "abc") or secret.strip("'") not in said


def test_a_guessable_secret_of_billing_prevents_a_start(environment: Path) -> None:
    environment.write_text("billing: {webhook_url: https://billing.example/events, secret: whsec_YWJj}")
    said = refusal()
    assert said.startswith(f"billing.secret ({environment}:1): must be whsec_ and 16 or more random bytes")
    assert "YWJj" not in said


# ---- running


async def posted(web: Web, path: str, headers: dict[str, str] | None = None) -> int:
    answer = await web.client.post(path, json=message(), headers=headers)
    if answer.status_code >= 400:
        assert TOKEN not in assert_problem(answer, answer.status_code)
        assert await web.running.count(inbound_message) == 0
    return answer.status_code


async def test_a_fenced_provider_accepts_only_requests_that_pass_its_rules(database_url: str) -> None:
    given = {
        "kind": "generic",
        "path_token": [TOKEN, f"{TOKEN}2"],
        "basic_auth": ["carrier:open sesame, open", "carrier:the old sesame, open"],
    }
    file = SettingsFile(providers={"carrier": options_of(**given)})
    good = {"authorization": "Basic " + base64.b64encode(b"carrier:the old sesame, open").decode()}
    async with serving(settings_for(database_url, Environment.TEST, file)) as web:
        assert await posted(web, "/webhooks/carrier/inbound", good) == 401
        assert await posted(web, f"/webhooks/carrier/{TOKEN[1:]}/inbound", good) == 401
        assert await posted(web, f"/webhooks/carrier/{TOKEN}/inbound") == 401
        assert await posted(web, f"/webhooks/carrier/{TOKEN}/other", good) == 404
        assert await posted(web, f"/webhooks/carrier/more/{TOKEN}/inbound", good) == 404
        assert await posted(web, f"/webhooks/carrier/{TOKEN}2/inbound", good) == 202
        answer = await web.client.post(
            f"/webhooks/carrier/{TOKEN}/status", json={"message_id": "x", "status": "delivered"}, headers=good
        )
        assert answer.json() == {"status": "ignored"}


async def test_only_allowed_addresses_reach_a_provider_that_is_fenced_by_address(sqlite_url: str) -> None:
    def fenced(network: str) -> SettingsFile:
        given = options_of(kind="generic", allowed_ips=[network])
        return SettingsFile(providers={"carrier": given})

    async with serving(settings_for(sqlite_url, file=fenced("203.0.113.0/24"))) as web:
        assert await posted(web, "/webhooks/carrier/inbound") == 401
    async with serving(settings_for(sqlite_url, file=fenced("127.0.0.0/8"))) as web:
        assert await posted(web, "/webhooks/carrier/inbound") == 202
