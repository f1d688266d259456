"""Settings that a gateway under test gets: of a file, of a test, and of the kit."""

from pathlib import Path

import pytest
import yaml

from smsgw_testkit import SmsgwError
from smsgw_testkit.running.configuration import Configuration

BILLING = {"webhook_url": "http://127.0.0.1:1/billing", "secret": "whsec_x"}
CARRIER = {"kind": "generic", "send_url": "http://127.0.0.1:2/send"}
KITS = {"billing": BILLING, "providers": {"carrier": CARRIER}}
YAML = """\
# of the project
windows:
  listing: 1h  # short

  confirmation: 2h
aliases: {CHA: "0000"}
providers:
    # ours
    sink:
        kind: generic
menu_max_segments: 3
"""


def read(configuration: Configuration) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(configuration.text(BILLING, CARRIER))
    return found


def test_settings_of_a_test_and_the_kits_own() -> None:
    assert read(Configuration()) == KITS
    given = Configuration(given={"confirm_mode": "code", "providers": {"sink": {}}})
    assert read(given) == {
        "billing": BILLING,
        "confirm_mode": "code",
        "providers": {"sink": {}, "carrier": CARRIER},
    }


def test_a_file_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(YAML, "utf-8")
    plain = read(Configuration(file))
    providers = {"sink": {"kind": "generic"}, "carrier": CARRIER}
    assert plain == {**yaml.safe_load(YAML), "billing": BILLING, "providers": providers}
    changed = read(Configuration(file, {"windows": {"listing": "3h"}, "aliases": {}}))
    assert changed == {
        **plain,
        "windows": {"listing": "3h"},
        "aliases": {},
    }


@pytest.mark.parametrize(
    "windows",
    [
        "windows:\n  listing: 1h",
        "windows: {listing: 1h}",
        "windows: {\n  listing: 1h\n}",
        "windows:\n  listing: 1h\n\n",
    ],
)
def test_a_setting_at_the_end_of_a_file_is_replaced(tmp_path: Path, windows: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"menu_max_segments: 3\n{windows}", "utf-8")
    expected = {"menu_max_segments": 3, "windows": {"listing": "3h"}, **KITS}
    assert read(Configuration(file, {"windows": {"listing": "3h"}})) == expected
    assert read(Configuration(file)) == {**expected, "windows": {"listing": "1h"}}


@pytest.mark.parametrize("flow", ["{}", '{sink: {kind: "generic"}}', "{\n  sink: {}}"])
def test_providers_in_one_line(tmp_path: Path, flow: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"providers: {flow}\nmenu_max_segments: 3\n", "utf-8")
    providers = {**yaml.safe_load(flow), "carrier": CARRIER}
    assert read(Configuration(file)) == {"providers": providers, "menu_max_segments": 3, "billing": BILLING}


@pytest.mark.parametrize(
    ("name", "text"),
    [("gateway.toml", 'confirm_mode = "code"\n[windows]\nlisting = "1h"\n'),
     ("gateway.json", '{"confirm_mode": "code", "windows": {"listing": "1h"}}')],
)  # fmt: skip
def test_a_file_in_toml_or_json(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    expected = {"confirm_mode": "fixed", "windows": {"listing": "1h"}, **KITS}
    assert read(Configuration(file, {"confirm_mode": "fixed"})) == expected


def test_billing_of_the_project_is_left(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("billing:\n  webhook_url: https://billing.example/\n", "utf-8")
    assert read(Configuration(file))["billing"] == {"webhook_url": "https://billing.example/"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SmsgwError, match=r"smsgw_config: .*gateway.yaml cannot be read"):
        Configuration(tmp_path / "gateway.yaml").text(BILLING, CARRIER)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gateway.toml", b"confirm_mode = maybe", "is no TOML: "),
        ("gateway.json", b"{", "is no JSON: "),
        ("gateway.json", b"[]", "must be settings by name"),
        ("gateway.yaml", "confirm_mode: 码".encode("gbk"), r"cannot be read \(it is not UTF-8\)"),
    ],
)
def test_a_file_that_is_something_else(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SmsgwError, match=f"smsgw_config: .*{name} {says}"):
        Configuration(tmp_path / name).text(BILLING, CARRIER)


def test_equal_settings_have_one_key() -> None:
    assert Configuration(given={"a": 1, "b": 2}).key == Configuration(given={"b": 2, "a": 1}).key
    assert Configuration(given={"a": 1}).key != Configuration().key
