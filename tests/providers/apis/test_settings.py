"""What is missing in the settings of a kind is named, all at once, with its place."""

from pathlib import Path

import pytest

from app.providers import provider_kinds
from app.settings import SettingsError
from app.settings.check import checked_settings
from tests.running import SEAL_KEY

NEEDED = {
    "android-sms-gateway": ["username", "password"],
    "kannel": ["username", "password"],
    "twilio": ["secret", "account_sid"],
    "vonage": ["api_key", "api_secret"],
    "infobip": ["api_key", "send_url"],
}
PRIVATE = "a-secret-that-nobody-may-read"
WHOLE = {
    "android-sms-gateway": f"secret: k\n    username: u\n    password: {PRIVATE}\n    single_number: true",
    "kannel": f"allowed_ips: [192.0.2.1]\n    username: u\n    password: {PRIVATE}\n"
    "    public_url: https://sms.example\n    send_url: https://kannel.example/cgi-bin/sendsms",
    "twilio": f"secret: {PRIVATE}\n    account_sid: AC1\n    sender: '+15005550006'\n    single_number: true\n"
    "    public_url: https://sms.example/",
    "vonage": f"secret: s\n    api_key: k\n    api_secret: {PRIVATE}\n    sender: '447700900000'\n    single_number: true",
    "infobip": f"allowed_ips: [192.0.2.1]\n    api_key: {PRIVATE}\n    send_url: https://x.api.infobip.com/sms/3/messages",
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of a gateway in production."""
    path = tmp_path / "gateway.yaml"
    monkeypatch.chdir(tmp_path)
    for name, value in {"ENV": "production", "SEAL_KEY": SEAL_KEY, "CONFIG": str(path)}.items():
        monkeypatch.setenv(f"SMSGW_{name}", value)
    return path


def problems() -> list[str]:
    with pytest.raises(SettingsError) as refused:
        checked_settings(provider_kinds())
    return str(refused.value).splitlines()


@pytest.mark.parametrize("kind", NEEDED)
def test_what_is_missing_is_named(file: Path, kind: str) -> None:
    file.write_text(f"providers:\n  carrier:\n    kind: {kind}\n")
    assert sorted(problems()) == sorted(f"providers.carrier.{name} ({file}:2): is missing" for name in NEEDED[kind])


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_one_is_in_order(file: Path, kind: str) -> None:
    file.write_text(f"providers:\n  carrier:\n    kind: {kind}\n    {WHOLE[kind]}\n")
    options = checked_settings(provider_kinds()).file.providers["carrier"]
    assert PRIVATE not in repr(options)


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize(
    "url", ["sms.example", "https://u:p@sms.example", "https://sms.example/?a=1", "ftp://sms.example"]
)
def test_a_public_url_that_cannot_be_called_is_named(file: Path, kind: str, url: str) -> None:
    lines = [line for line in WHOLE[kind].splitlines() if "public_url" not in line]
    text = "\n".join([*lines, f"    public_url: {url}"])
    file.write_text(f"providers:\n  carrier:\n    kind: {kind}\n    {text}\n")
    [problem] = problems()
    assert problem.startswith("providers.carrier.public_url ")
    assert "u:p" not in problem


def test_a_public_url_in_the_clear_is_refused(file: Path) -> None:
    text = WHOLE["twilio"].replace("https://sms", "http://sms")
    file.write_text(f"providers:\n  carrier:\n    kind: twilio\n    {text}\n")
    [problem] = problems()
    assert problem.startswith("providers.carrier.public_url ")
    assert "SMSGW_ALLOW_PRIVATE_WEBHOOKS" in problem


def test_a_sender_without_extensions_needs_a_single_number(file: Path) -> None:
    text = WHOLE["twilio"].replace("single_number: true", "single_number: false")
    file.write_text(f"providers:\n  carrier:\n    kind: twilio\n    {text}\n")
    [problem] = problems()
    assert problem.startswith("providers.carrier.single_number ")


@pytest.mark.parametrize(("kind", "name"), [("kannel", "password"), ("kannel", "username"), ("infobip", "api_key")])
def test_what_cannot_be_sent_in_a_header_is_named(file: Path, kind: str, name: str) -> None:
    lines = [line for line in WHOLE[kind].splitlines() if f"{name}:" not in line]
    text = "\n".join([*lines, f"    {name}: 密码"])
    file.write_text(f"providers:\n  carrier:\n    kind: {kind}\n    {text}\n")
    [problem] = problems()
    assert problem.startswith(f"providers.carrier.{name} ")
    assert "密码" not in problem
