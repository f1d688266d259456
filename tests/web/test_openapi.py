"""The OpenAPI document is complete, valid and true, and works without the internet (http-api.md, pages)."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
import schemathesis
from schemathesis.specs.openapi.definitions import OPENAPI_31

from app.web.examples import EXAMPLES
from tests.running import settings_for
from tests.web.calls import Web, serving

pytestmark = pytest.mark.anyio
_METHODS = {"get", "put", "post", "patch", "delete"}


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


def test_every_reference_resolves_and_every_schema_is_used(document: dict[str, Any]) -> None:
    found = set(references(document))
    there = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found == there


def test_every_call_of_the_contract_is_described(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} >= {
        "post /webhooks/{provider}/inbound",
        "post /webhooks/{provider}/status",
        "post /simulator/handsets/{msisdn}/messages",
        "get /simulator/handsets/{msisdn}/messages",
        "get /simulator/handsets/{msisdn}/events",
        "get /simulator/handsets/{msisdn}",
        "get /simulator/handsets/{msisdn}/outbox",
        "get /simulator/handsets",
        "post /simulator/drain",
        "get /simulator/clock",
        "put /simulator/clock",
        "post /simulator/clock/advance",
        "post /simulator/reset",
        "get /simulator/faults",
        "put /simulator/faults",
        "get /simulator/delivery",
        "get /simulator/handsets/{msisdn}/faults",
        "put /simulator/handsets/{msisdn}/faults",
        "delete /simulator/handsets/{msisdn}/faults",
        "get /simulator/handsets/{msisdn}/delivery",
        "put /simulator/handsets/{msisdn}/delivery",
        "delete /simulator/handsets/{msisdn}/delivery",
        "put /simulator/delivery",
        "get /simulator/threads",
        "get /simulator/log",
        "get /simulator/trouble",
        "get /simulator/questions",
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
        "post /api/v1/imports",
        "get /api/v1/tickets",
        "post /api/v1/tickets",
        "get /api/v1/tickets/{ticket_id}",
        "post /api/v1/tickets/{ticket_id}/first-response",
        "post /api/v1/tickets/{ticket_id}/resolve",
        "post /api/v1/tickets/{ticket_id}/refund/confirm",
        "post /api/v1/tickets/{ticket_id}/refund/close",
        "get /api/v1/spam-reports",
        "get /api/v1/subscribers/{msisdn}/charges",
        "get /api/v1/subscribers/{msisdn}/orders",
        "get /api/v1/subscribers/{msisdn}/refunds",
        "get /api/v1/subscribers/{msisdn}/tickets",
        "get /api/v1/subscribers/{msisdn}/questions",
        "get /api/v1/subscribers/{msisdn}/access-records",
        "get /api/v1/access-records",
        "post /api/v1/charges",
        "get /api/v1/charges",
        "get /api/v1/charges/{charge_id}",
        "post /api/v1/usage/per-use",
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


def test_every_call_has_examples(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "requestBody" in operation:
            for content in operation["requestBody"]["content"].values():
                assert content["examples"], name
        for parameter in operation.get("parameters", []):
            assert "example" in parameter or not parameter["required"], f"{name}: {parameter['name']}"
        for code, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                assert content["example"], f"{name} {code}: give it an example in app/web/examples"


def test_every_example_belongs_to_an_existing_call(document: dict[str, Any]) -> None:
    assert EXAMPLES.keys() <= {name for name, _ in operations(document)}


def test_every_example_fits_what_the_document_says(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for content, example in examples(operation):
            schema = {**content["schema"], "components": document["components"]}
            faults = [str(error) for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(example)]
            assert faults == [], name


def examples(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], object]]:
    """Yield each example of a call with the schema that describes it."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert "examples" in content, f"{operation['summary']}: give its body an example in app/web/examples"
        for example in content["examples"].values():
            yield content, example["value"]
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            yield content, content["example"]


def calls() -> list[tuple[str, str]]:
    """Return the call and the name of every example. A call without a body has one."""
    return [(name, body) for name, example in EXAMPLES.items() for body in example.bodies or [""]]


# The stream never ends; test_events.py covers it.
@pytest.mark.parametrize(("name", "body"), [call for call in calls() if not call[0].endswith("msisdn}/events")])
async def test_every_example_works(sqlite_url: str, document: dict[str, Any], name: str, body: str) -> None:
    example = EXAMPLES[name]
    method, path = name.split(" ")
    headers = {key: str(value) for key, value in example.parameters.items() if key.startswith("X-")}
    query = {
        key: str(value)
        for key, value in example.parameters.items()
        if f"{{{key}}}" not in path and not key.startswith("X-")
    }
    async with serving(settings_for(sqlite_url)) as web:
        answer = await web.client.request(
            method,
            path.format_map({key: quote(str(value), safe="") for key, value in example.parameters.items()}),
            params=query,
            headers={"Authorization": "Bearer demo", **headers},
            json=example.bodies[body] if body else None,
        )
    described = document["paths"][path][method]["responses"][str(answer.status_code)]
    if answer.status_code == 404:
        assert example.may_be_missing, answer.text
        return
    assert str(answer.status_code) in example.answers, answer.text
    if example.answers[str(answer.status_code)] is None:
        assert answer.content == b""
        return
    kind = answer.headers["content-type"].partition(";")[0]
    content = described["content"][kind]
    if kind == "application/json":
        schema = {**content["schema"], "components": document["components"]}
        assert [str(error) for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(answer.json())] == []


def test_the_document_has_no_external_links(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    links = set(re.findall(r"https?://[^/\"]+", text))
    assert links <= {"https://sp.example", "https://json-schema.org"}, "a link leads out of the program"
    assert "cdn" not in text.lower()


async def test_the_reference_works_without_the_internet(web: Web) -> None:
    page = await web.get("/docs")
    assert "http" not in re.sub(r"<!--.*?-->", "", page.text, flags=re.DOTALL)
    assert (await web.get("/openapi.json")).json()["paths"]
    script = await web.get("/static/docs.js")
    assert "/openapi.json" in script.text
    assert not re.search(r"https?://", script.text)


async def test_the_document_is_always_the_same(web: Web, document: dict[str, Any]) -> None:
    first = (await web.get("/openapi.json")).text
    assert json.loads(first) == document
    assert (await web.get("/openapi.json")).text == first


# ---- request fields


def sent_fields(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the call, the name and the schema of each parameter and body field."""
    for call, operation in operations(document):
        for parameter in operation.get("parameters", []):
            yield call, parameter["name"], parameter["schema"]
        for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(operation.get("requestBody", {}))):
            for field, schema in document["components"]["schemas"][name].get("properties", {}).items():
                yield call, field, schema


def patterns(schema: dict[str, Any]) -> list[str]:
    inner = [*schema.get("anyOf", ()), *filter(None, (schema.get("items"),))]
    own = [schema["pattern"]] if "pattern" in schema else []
    return [*own, *(pattern for one in inner for pattern in patterns(one))]


def test_every_number_has_a_pattern(document: dict[str, Any]) -> None:
    numbers = [(call, schema) for call, name, schema in sent_fields(document) if name in ("msisdn", "msisdns")]
    assert len(numbers) > 25
    for call, schema in numbers:
        [pattern] = patterns(schema)
        for form in ("13800138000", "+8613800138000", "8613800138000", "008613800138000"):
            assert re.search(pattern, form), call
        assert not re.search(pattern, "1/2"), call
        assert bool(re.search(pattern, "10086")) == call.split()[1].startswith("/simulator/"), call


def test_every_idempotency_key_has_a_pattern(document: dict[str, Any]) -> None:
    keys = [schema for _, name, schema in sent_fields(document) if name == "Idempotency-Key"]
    assert len(keys) > 20
    for schema in keys:
        [pattern] = patterns(schema)
        assert re.fullmatch(pattern, "order-1#ü".removesuffix("ü"))
        assert not any(re.fullmatch(pattern, key) for key in ("", "a b", "ü", "a\n"))
        assert schema["maxLength"] == 255


def test_types_of_lines_are_named(document: dict[str, Any]) -> None:
    [schema] = [
        schema for call, name, schema in sent_fields(document) if (call, name) == ("post /api/v1/imports", "type")
    ]
    assert schema["enum"] == ["service_provider", "service", "subscriber", "subscription"]


def test_client_generators_support_a_form_of_every_body(document: dict[str, Any]) -> None:
    known = {"application/json", "application/octet-stream"}
    for call, operation in operations(document):
        body = operation.get("requestBody")
        if body is not None:
            assert known & body["content"].keys(), call
            assert {"type": "null"} not in body["content"].get("application/json", {}).get("schema", {}).get(
                "anyOf", []
            ), call
        for parameter in operation.get("parameters", []):
            assert {"type": "null"} not in parameter["schema"].get("anyOf", []), (call, parameter["name"])


def test_a_webhook_s_message_may_have_every_supported_form(document: dict[str, Any]) -> None:
    inbound = document["paths"]["/webhooks/{provider}/inbound"]["post"]
    one = jsonschema_rs.validator_for(inbound["requestBody"]["content"]["application/json"]["schema"])
    for fields in ({}, {"message_id": 5}, {"received_at": 1772423940}, {"received_at": "20260302115900"}, {"from": 1}):
        assert one.is_valid({"from": "13800138000", "to": "10086", "text": "0000", **fields})


async def test_a_405_names_all_allowed_methods(web: Web, document: dict[str, Any]) -> None:
    """For every path and every method that it does not allow."""
    names = {"msisdn": "13800138000", "provider": "generic"}
    for path, entry in document["paths"].items():
        url = re.sub(r"\{(\w+)\}", lambda name: names.get(name[1], "x"), path)
        taken = {method.upper() for method in entry if method in _METHODS}
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE"} - taken:
            answer = await web.call(method, url)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].replace(",", " ").split()) >= taken, (method, path)
