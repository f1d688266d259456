"""The contract of all adapters, and the settings of kind cmpp (carriers.md 2)."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import ValidationError

from app.providers import provider_kinds
from app.providers.cmpp.options import CmppOptions
from app.providers.cmpp.pdu import Version
from tests.providers.contract import ProviderContract

pytestmark = pytest.mark.anyio
OPTIONS: Mapping[str, object] = {
    "kind": "cmpp",
    "address": "ismg.example",
    "version": "2.0",
    "sp_id": "901234",
    "secret": "sesame",
    "service_id": "HELP",
}


class TestCmpp2(ProviderContract):
    kind = "cmpp"
    options: ClassVar[Mapping[str, object]] = OPTIONS


class TestCmpp3(ProviderContract):
    kind = "cmpp"
    options: ClassVar[Mapping[str, object]] = {**OPTIONS, "version": "3.0"}


def options(**given: object) -> CmppOptions:
    found = provider_kinds()["cmpp"].model_validate({**OPTIONS, **given})
    assert isinstance(found, CmppOptions)
    return found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"version": "2.1"}, "version"),
        ({"version": 3}, "version"),
        ({"sp_id": "90123"}, "sp_id"),
        ({"sp_id": "9012345"}, "sp_id"),
        ({"sp_id": "九零一二三四"}, "printable ASCII"),
        ({"service_id": "x" * 11}, "service_id"),
        ({"service_id": ""}, "service_id"),
        ({"service_id": {"notice": "TIPS"}}, "needs `default`"),
        ({"service_id": {"default": "HELP", "advert": "TIPS"}}, "reply, result, confirmation"),
        ({"service_id": {"default": "x" * 11}}, "service_id"),
        ({"fee": {"user_type": 3}}, "user_type"),
        ({"fee": {"type": "1"}}, "type"),
        ({"fee": {"code": "1000000"}}, "code"),
        ({"fee": {"type": "０１"}}, "type"),
        ({"fee": {"code": "０００"}}, "code"),
        ({"fee": {"amount": "1"}}, "amount"),
        ({"secret": "秘密"}, "must be ASCII"),
        ({"secret": ["one", "two", "three"]}, "one secret or two"),
        ({"address": "cmpp://ismg.example"}, "must be host:port"),
        ({"codes": {8: "ok"}}, "good"),
        ({"keepalive": {"idle": "0s"}}, "at least 1s"),
        ({"keepalive": {"timeout": "0s"}}, "at least 1s"),
        ({"number_format": "local"}, "number_format"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        options(**given)


@pytest.mark.parametrize("missing", ["version", "sp_id", "service_id", "address", "secret"])
def test_what_has_no_default_must_be_written(missing: str) -> None:
    given = {name: value for name, value in OPTIONS.items() if name != missing}
    with pytest.raises(ValidationError, match=missing):
        provider_kinds()["cmpp"].model_validate(given)


@pytest.mark.parametrize(("given", "version"), [("2.0", Version.V2), (2.0, Version.V2), (3.0, Version.V3)], ids=repr)
def test_a_version_may_be_written_without_quotes(given: object, version: Version) -> None:
    assert options(version=given).version is version


def test_port_window_and_form_of_numbers_by_default() -> None:
    [address] = options().addresses()
    assert (address.port, TestCmpp2().provider().default_window, options().number_format) == (7890, 16, "national")


def test_a_service_id_for_a_class_of_message() -> None:
    several = options(service_id={"default": "HELP", "notice": "TIPS"})
    assert [several.service_id_of(kind) for kind in ("notice", "reply")] == ["TIPS", "HELP"]
    assert options().service_id_of("notice") == "HELP"


@pytest.mark.parametrize(("given", "wrong"), [({}, True), ({"tls": False}, False), ({"tls": {}}, False)])
def test_production_wants_to_know_about_tls(given: dict[str, object], wrong: bool) -> None:  # noqa: FBT001  a case
    found = list(options(**given).problems("mobile", production=True, private=False))
    assert bool(found) == wrong
