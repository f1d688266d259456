"""``smsgw config check``: print all problems with setting, place and remedy, or each value with its source."""

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from typer.testing import CliRunner, Result
from typing_extensions import override

from app import providers
from app.cli.smsgw import app
from app.domain.storage import StorageUnavailableError
from app.domain.texts.sign_off import Place, SignOff
from app.domain.texts.wording import Text
from app.providers import provider_kinds
from app.providers.base import BindEndedError, Inbox, Lease, Provider
from app.settings import SettingsError
from app.settings.check import checked_settings

ROOT = Path(__file__).parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SEAL_KEY = "8kVjnBF5yLqr4QiDNVWoBgQVzQ7KLiU-jApXfWC_qis="


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(
    file: str = "", name: str = "gateway.yaml", env_file: str = "", arguments: Sequence[str] = (), **environment: str
) -> Result:
    variables = {f"SMSGW_{key}": value for key, value in environment.items()}
    if file:
        Path(name).write_text(file, encoding="utf-8")
        variables["SMSGW_CONFIG"] = name
    if env_file:
        Path(".env").write_text(env_file, encoding="utf-8")
    return CliRunner().invoke(app, ["config", "check", *arguments], env=variables)


def problems(done: Result) -> list[str]:
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    return [line.removeprefix("✗ ") for line in done.stderr.splitlines()]


def rows(done: Result) -> dict[str, tuple[str, str]]:
    """Return the printed table as a map from setting to value and source."""
    assert done.exit_code == 0, done.output
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    return {name: (value, place) for name, value, place in cells if name}


def test_all_problems_are_named_with_place_and_remedy() -> None:
    done = check(
        "menu_max_segmnts: 3\n"
        "windows:\n"
        "  listing: 2\n"
        "confirm_mode: maybe\n"
        "own_links: [shop.example, https://shop.example]\n"
        "providers:\n"
        "  carrier:\n"
        "    kind: generic\n"
        "    on_unknwon: wait\n"
        "  other:\n"
        f"    secret: {SECRET}\n",
        env_file="# the port\nSMSGW_PORT=eighty\n",
        LOG_LEVEL="LOUD",
        DATABASE_ULR="sqlite:///x.db",
        COLOUR="red",
    )
    assert sorted(problems(done)) == [
        "SMSGW_COLOUR (environment): is no setting; remove it, or see docs/settings.md for those that there are",
        "SMSGW_DATABASE_ULR (environment): is no setting; did you mean SMSGW_DATABASE_URL?",
        "SMSGW_ENV: is not set: choose demo, dev, test or production (`smsgw demo` sets demo)",
        "SMSGW_LOG_LEVEL (environment): must be one of DEBUG, INFO, WARNING, ERROR",
        "SMSGW_PORT (.env:2): must be a valid integer, unable to parse string as an integer; for example 9000",
        "confirm_mode (gateway.yaml:4): must be one of fixed, code",
        "menu_max_segmnts (gateway.yaml:1): is no setting; did you mean menu_max_segments?",
        'own_links.1 (gateway.yaml:5): must be a host such as "shop.example", without https://, a path or a digit before a dot',
        "providers.carrier.on_unknwon (gateway.yaml:9): is no setting; did you mean on_unknown?",
        "providers.other.kind (gateway.yaml:10): is missing",
        'windows.listing (gateway.yaml:3): must be a length such as "2h", "30m" or "90s"; for example 90m',
    ]


def test_json_has_what_the_table_has_in_the_order_of_the_page() -> None:
    file = f"providers:\n  carrier:\n    kind: generic\n    secret: {SECRET}\n"
    done = check(file, arguments=["--json"], ENV="test", SEAL_KEY=SEAL_KEY)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["problems"] == []
    shown = rows(check(file, ENV="test", SEAL_KEY=SEAL_KEY))
    assert {one["setting"] for one in found["settings"]} == shown.keys()
    assert {"setting": "SMSGW_ENV", "value": "test", "from": "environment"} in found["settings"]
    assert {"setting": "providers.carrier.secret", "value": "(hidden)", "from": "gateway.yaml:4"} in found["settings"]
    assert SECRET not in done.stdout
    assert SEAL_KEY not in done.stdout
    page = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "settings.md").read_text("utf-8"), re.MULTILINE)
    names = [one["setting"] for one in found["settings"]]
    top = [name for name in names if "." not in name and name in page]
    assert top == [name for name in page if name in top]
    assert len(top) > 20


def test_json_has_the_problems_too() -> None:
    done = check("confirm_mode: maybe\n", arguments=["--json"], ENV="test")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "problems": [{"setting": "confirm_mode", "from": "gateway.yaml:1", "problem": "must be one of fixed, code"}],
        "settings": [],
    }


def test_a_sign_off_is_checked_and_shown() -> None:
    found = problems(check('sign_off:\n  text: "【中国移动】"\n  place: middle\n  colour: red\n', ENV="test"))
    assert found == [
        "sign_off.text (gateway.yaml:2): must not hold brackets: those in front of a text are added; for example 中国联通",
        "sign_off.place (gateway.yaml:3): must be one of end, front",
        "sign_off.colour (gateway.yaml:4): is no setting; there are: text, text_en, place",
    ]
    shown = rows(check("sign_off: {text: 中国联通, place: front}", ENV="test"))
    assert shown["sign_off.text"] == ("中国联通", "gateway.yaml:1")
    assert shown["sign_off.place"] == ("front", "gateway.yaml:1")


@pytest.mark.parametrize(
    ("file", "sign_off"),
    [
        ("menu_max_segments: 5", SignOff()),
        ("sign_off: {place: front}", SignOff(place=Place.FRONT)),
        ("sign_off: {text: 中国联通}", SignOff(Text("中国联通", "中国联通"))),
        ("sign_off: {text: 中国联通, text_en: China Unicom}", SignOff(Text("中国联通", "China Unicom"))),
        ('sign_off: {text: ""}', SignOff(Text("", ""))),
    ],
)
def test_the_sign_off_of_the_settings_is_that_of_the_texts(
    file: str, sign_off: SignOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("gateway.yaml").write_text(file, encoding="utf-8")
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_CONFIG", "gateway.yaml")
    assert checked_settings(provider_kinds()).policy().sign_off == sign_off


def test_settings_that_contradict_each_other_are_found_beside_invalid_ones() -> None:
    done = check(
        "default_provider: carier\nmenu_max_segments: 99\nproviders:\n  carrier:\n    kind: generic\n"
        f"    secret: {SECRET}\n",
        ENV="production",
    )
    assert [problem.partition(": ")[0] for problem in problems(done)] == [
        "menu_max_segments (gateway.yaml:2)",
        "SMSGW_SEAL_KEY",
        "default_provider (gateway.yaml:1)",
    ]


def test_problems_that_only_building_the_gateway_shows_have_their_line_too() -> None:
    done = check(
        '[aliases]\nCHA = "NOTHERE"\n\n[providers.sink]\nkind = "generic"\nsecret = "whsec_!!"\n\n'
        '[providers.x]\nkind = "pigeon"\n',
        "gateway.toml",
        ENV="demo",
        SEAL_KEY="x",
    )
    assert [problem.partition(": ")[0] for problem in problems(done)] == [
        "providers.sink.secret (gateway.toml:6)",
        "providers.x.kind (gateway.toml:9)",
        "aliases (gateway.toml:1)",
        "SMSGW_SEAL_KEY (environment)",
    ]
    assert "NOTHERE" in done.stderr
    assert "whsec_!!" not in done.stderr, "a secret is not quoted, even a wrong one"


@pytest.mark.parametrize(
    ("file", "name", "says"),
    [
        ("a: [\n", "gateway.yaml", "settings file (gateway.yaml:2): is no valid YAML"),
        ("a = \n", "gateway.toml", "settings file (gateway.toml): is no valid TOML: Invalid value (at line 1"),
        ("- a\n", "gateway.yaml", "settings file (gateway.yaml): must hold names and values"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(file: str, name: str, says: str) -> None:
    assert says in problems(check(file, name, ENV="demo"))[0]


def test_a_file_that_is_not_there_is_explained() -> None:
    assert problems(check(ENV="demo", CONFIG="nowhere.yaml")) == [
        "SMSGW_CONFIG (environment): nowhere.yaml cannot be read (No such file or directory); name a file that exists"
    ]


def test_values_are_shown_with_their_source_and_without_secrets() -> None:
    done = check(
        "default_provider: sink\n"
        "quiet_hours: {from: '21:30'}\n"
        "aliases: {CHA: '0000'}\n"
        "providers:\n"
        "  sink:\n"
        "    kind: generic\n"
        f"    secret: {SECRET}\n"
        "    send_url: https://carrier.example/send?key=hush\n",
        env_file="SMSGW_PORT=9000\nSMSGW_LOG_LEVEL=ERROR\n",
        ENV="test",
        LOG_LEVEL="WARNING",
        SEAL_KEY=SEAL_KEY,
        DATABASE_URL="postgresql://smsgw:hush@localhost/smsgw",
    )
    shown = rows(done)
    assert shown["SMSGW_ENV"] == ("test", "environment")
    assert shown["SMSGW_PORT"] == ("9000", ".env:1")
    assert shown["SMSGW_LOG_LEVEL"] == ("WARNING", "environment"), "the environment wins"
    assert shown["SMSGW_SEAL_KEY"] == ("(hidden)", "environment")
    assert shown["SMSGW_DEMO_EXPOSE"] == ("false", "default")
    assert shown["default_provider"] == ("sink", "gateway.yaml:1")
    assert shown["quiet_hours.from"] == ("21:30", "gateway.yaml:2")
    assert shown["quiet_hours.to"] == ("07:00", "default")
    assert shown["aliases"] == ("CHA: 0000", "gateway.yaml:3")
    assert shown["windows.listing"] == ("2h", "default")
    assert shown["providers.sink.secret"] == ("(hidden)", "gateway.yaml:7")
    assert shown["providers.simulator"] == ("", "always there in test")
    for secret in (SECRET, SEAL_KEY, "hush"):
        assert secret not in done.output


def test_unknown_variables_are_ignored_at_the_start_unless_they_resemble_a_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMSGW_ENV", "demo")
    monkeypatch.setenv("SMSGW_SERVICE_HOST", "10.0.0.1")
    assert checked_settings(provider_kinds()).port == 8086
    monkeypatch.setenv("SMSGW_DATABASE_ULR", "postgresql://…")
    with pytest.raises(SettingsError, match="did you mean SMSGW_DATABASE_URL"):
        checked_settings(provider_kinds())


# ---- carriers


class OneBind(Provider):
    """A carrier that binds, or refuses with ``refusal``."""

    kind = "one-bind"
    slots, can_send = 1, True
    refusal: ClassVar[str | None] = None
    events: ClassVar[list[str]] = []
    _is_up = False

    @property
    @override
    def slots_up(self) -> frozenset[int]:
        return frozenset({0} if self._is_up else ())

    @override
    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        if self.refusal is not None:
            raise BindEndedError(self.refusal, timedelta(minutes=1))
        with pytest.raises(StorageUnavailableError):
            await inbox.messages([])
        with pytest.raises(StorageUnavailableError):
            await inbox.reports([])
        inbox.confirm(0, 1, 1)
        self._is_up = True
        try:
            await asyncio.Event().wait()
        finally:
            self.events.append("goodbye")


_CARRIERS = f"""
default_provider: wire
providers:
  wire:
    kind: one-bind
  web:
    kind: generic
    send_url: https://carrier.example/send
    secret: {SECRET}
"""


def test_carriers_are_bound_to_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers.KINDS, OneBind.kind, OneBind)
    monkeypatch.setattr(OneBind, "events", [])
    done = check(_CARRIERS, arguments=["--connect"], ENV="test")
    assert done.exit_code == 0, done.output
    assert "wire: the carrier accepted the bind" in done.stdout
    assert "web: nothing is checked" in done.stdout
    assert OneBind.events == ["goodbye"]


def test_the_answer_of_a_carrier_that_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers.KINDS, OneBind.kind, OneBind)
    monkeypatch.setattr(OneBind, "refusal", "the password is wrong")
    done = check(_CARRIERS, arguments=["--connect"], ENV="test")
    assert done.exit_code == 1
    assert done.stderr == "✗ wire: the password is wrong\n"
    assert check(_CARRIERS, ENV="test").exit_code == 0


def test_an_access_number_of_full_width_digits_is_refused() -> None:
    [problem] = problems(check("access_number: '１００８６'\n", ENV="test"))
    assert problem.startswith("access_number (gateway.yaml:1): ")
