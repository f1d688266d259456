"""The description of the API is whole, valid, true, and works without the internet (http-api.md, pages)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from schemathesis.specs.openapi.definitions import OPENAPI_31

from app.main import create_app
from tests.running import settings_for
from tests.web.calls import Web

pytestmark = pytest.mark.anyio
_METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture
def document(unused_sqlite_url: str) -> dict[str, Any]:
    return create_app(settings_for(unused_sqlite_url)).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, entry in document["paths"].items():
        for method in _METHODS & entry.keys():
            yield f"{method} {path}", entry[method]


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield str(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert list(jsonschema_rs.validator_for(OPENAPI_31).iter_errors(document)) == []
    schemathesis.openapi.from_dict(document).validate()


def test_every_reference_leads_somewhere_and_every_schema_is_referred_to(document: dict[str, Any]) -> None:
    found = set(references(document))
    there = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found == there


def test_every_call_of_the_contract_is_described(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} == {
        "post /webhooks/{provider}/inbound",
        "post /webhooks/{provider}/status",
        "post /simulator/handsets/{msisdn}/messages",
        "get /simulator/handsets/{msisdn}/messages",
        "get /simulator/handsets/{msisdn}/events",
        "get /simulator/handsets",
        "post /simulator/drain",
        "get /simulator/clock",
        "put /simulator/clock",
        "post /simulator/clock/advance",
        "post /simulator/reset",
        "get /simulator/faults",
        "put /simulator/faults",
        "get /simulator/delivery",
        "put /simulator/delivery",
        "put /api/v1/service-providers/{sp_code}",
        "put /api/v1/services/{service_code}",
        "put /api/v1/subscribers/{msisdn}",
        "get /api/v1/subscribers/{msisdn}",
        "patch /api/v1/subscribers/{msisdn}",
        "put /api/v1/subscribers/{msisdn}/subscriptions/{service_code}",
        "get /api/v1/subscribers/{msisdn}/subscriptions",
        "delete /api/v1/subscribers/{msisdn}/subscriptions/{service_code}",
        "get /api/v1/subscribers/{msisdn}/evidence",
        "get /api/v1/subscribers/{msisdn}/evidence/verify",
        "get /api/v1/messages",
        "get /api/v1/messages/{message_id}",
        "get /api/v1/dead-letters",
        "post /api/v1/dead-letters/{message_id}/retry",
        "get /livez",
        "get /readyz",
        "get /metrics",
    }


def test_every_call_says_what_it_does_and_how_it_may_end(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["tags"], name
        assert any(code.startswith("2") for code in operation["responses"]), name
        for code, answer in operation["responses"].items():
            assert answer["description"], f"{name} {code}"
            if code >= "400" and name != "get /readyz":
                assert list(answer["content"]) == ["application/problem+json"], f"{name} {code}"
        if " /api/" in name:
            assert operation["security"], name
            assert {"401", "403"} <= operation["responses"].keys(), name
        for parameter in operation.get("parameters", []):
            assert parameter["schema"], name


def test_nothing_of_it_comes_from_elsewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert not re.search(r"https?://", text.replace("https://json-schema.org", "")), "a link leads out of the program"
    assert "cdn" not in text.lower()


async def test_the_reference_works_without_the_internet(web: Web) -> None:
    page = await web.get("/docs")
    assert "http" not in re.sub(r"<!--.*?-->", "", page.text, flags=re.DOTALL)
    assert (await web.get("/openapi.json")).json()["paths"]
    script = await web.get("/static/docs.js")
    assert "/openapi.json" in script.text
    assert not re.search(r"https?://", script.text)


async def test_the_document_says_the_same_however_often_it_is_asked_for(web: Web) -> None:
    first = (await web.get("/openapi.json")).text
    assert (await web.get("/openapi.json")).text == first
