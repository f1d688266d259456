"""The contract of all adapters, and the settings of kind smpp (carriers.md 2, 5.1, 10.11)."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import ValidationError

from app.providers import provider_kinds
from app.providers.smpp.options import SmppOptions
from tests.providers.contract import ProviderContract
from tests.providers.smpp.rig import OPTIONS

pytestmark = pytest.mark.anyio


class TestSmpp(ProviderContract):
    kind = "smpp"
    options: ClassVar[Mapping[str, object]] = {**OPTIONS, "address": "smsc.example"}


def options(**given: object) -> SmppOptions:
    found = provider_kinds()["smpp"].model_validate({**OPTIONS, "address": "smsc.example", **given})
    assert isinstance(found, SmppOptions)
    return found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"system_id": "x" * 16}, "system_id"),
        ({"system_id": ""}, "system_id"),
        ({"system_type": "x" * 13}, "system_type"),
        ({"secret": "x" * 9}, "at most 8 characters"),
        ({"secret": []}, "must be ASCII"),
        ({"secret": "秘密"}, "must be ASCII"),
        ({"service_type": "x" * 6}, "service_type"),
        ({"address": "smpp://smsc.example"}, "must be host:port"),
        ({"address": "smsc.example:70000"}, "must be host:port"),
        ({"address": []}, "must be host:port"),
        ({"bind": "both"}, "bind"),
        ({"binds": 0}, "binds"),
        ({"long": "sar", "tlvs": {"0x020C": "hex:0001"}}, "long: sar writes"),
        ({"tlvs": {"0x1400": "plain"}}, "write text:"),
        ({"tlvs": {"0x1400": "hex:xyz"}}, "write text:"),
        ({"tlvs": {0: "text:x"}}, "a tag is"),
        ({"tlvs": {"0x1400": "text:" + "x" * 256}}, "at most 255"),
        ({"codes": {"0x58": "ok"}}, "good"),
        ({"text": {"gsm7": "utf8"}}, "gsm7"),
        ({"text": {"ucs2": 256}}, "ucs2"),
        ({"source": {"ton": 256}}, "ton"),
        ({"message_ids": {"submit": "octal"}}, "submit"),
        ({"receipt_id": "both"}, "receipt_id"),
        ({"storage_down": "shout"}, "storage_down"),
        ({"number_format": "local"}, "number_format"),
        ({"tls": {"ca": "no-such-file.pem"}}, "files in PEM"),
        ({"tls": True}, "tls"),
        ({"timeout": "31s"}, "from 1s to 30s"),
        ({"keepalive": {"tries": 0}}, "tries"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        options(**given)


def test_a_longer_secret_must_be_allowed() -> None:
    assert options(secret="x" * 20, long_password=True).long_password


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("smsc.example", [("smsc.example", 2775)]),
        ("smsc.example:3550", [("smsc.example", 3550)]),
        (["10.0.0.9:1", "[fd00::1]:2"], [("10.0.0.9", 1), ("fd00::1", 2)]),
    ],
)
def test_addresses(address: object, expected: list[tuple[str, int]]) -> None:
    assert [(one.host, one.port) for one in options(address=address).addresses()] == expected


@pytest.mark.parametrize(("given", "wrong"), [({}, True), ({"tls": False}, False), ({"tls": {}}, False)])
def test_production_wants_to_know_about_tls(given: dict[str, object], wrong: bool) -> None:  # noqa: FBT001  a case
    found = list(options(**given).problems("world", production=True, private=False))
    assert bool(found) == wrong
    assert all(problem.startswith("providers.world.tls: ") for problem in found)
    assert list(options(**given).problems("world", production=False, private=False)) == []
