"""A password in any string of any call is masked or refused, stored nowhere and not returned (safety.md 28).

The calls are generated from the OpenAPI document, so that new calls and fields are covered.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.db import schema
from app.web.examples import EXAMPLES
from tests.running import ALICE
from tests.web.calls import ALICE_HOME, Web

pytestmark = pytest.mark.anyio
OLD, NEW = "802357", "739184"
SECRETS = (f"XGMM#{OLD}#{NEW}#{NEW}", f"asked {OLD}*{NEW}", f"ＸＧＭＭ {OLD}", f"her XGMM {OLD} {NEW}")
_WHOLE = re.compile(rf"(?<![0-9a-f.])(?:{OLD}|{NEW})(?![0-9a-f])")
Call = tuple[str, dict[str, Any]]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation of every call of the management API."""
    for path, entry in document["paths"].items():
        for method in ("get", "put", "post", "patch", "delete"):
            if path.startswith("/api/v1/") and method in entry:
                yield method, path, entry[method]


def resolved(document: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in shape:
        shape = document["components"]["schemas"][shape["$ref"].rsplit("/", 1)[-1]]
    return shape


def string_paths(
    document: dict[str, Any], shape: dict[str, Any], above: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths in a body at which a string can be, including an unknown field."""
    shape = resolved(document, shape)
    for other in (*shape.get("anyOf", ()), *shape.get("oneOf", ())):
        yield from string_paths(document, other, above)
    if shape.get("type") == "string":
        yield above
    if shape.get("type") == "array":
        yield from string_paths(document, shape.get("items", {}), (*above, 0))
    for name, inner in shape.get("properties", {}).items():
        yield from string_paths(document, inner, (*above, name))


def with_value_at(body: object, place: tuple[str | int, ...], secret: str) -> object:
    """Return the body with the secret at a path, which is created if it is missing."""
    if not place:
        return secret
    first, *rest = place
    if isinstance(first, int):
        item = body[0] if isinstance(body, list) and body else {}
        return [with_value_at(item, tuple(rest), secret)]
    held = dict(body) if isinstance(body, Mapping) else {}
    return {**held, first: with_value_at(held.get(first), tuple(rest), secret)}


def requests(document: dict[str, Any], secret: str) -> Iterator[tuple[str, httpx.Request]]:
    """Yield a request for each string in each call: its example with the secret in that string."""
    for method, path, entry in operations(document):
        example = EXAMPLES[f"{method} {path}"]
        bodies = list(example.bodies.values()) or [None]
        given = {one["name"]: example.parameters.get(one["name"]) for one in entry.get("parameters", ())}
        places = {one["name"]: one["in"] for one in entry.get("parameters", ())}
        for name in places:
            yield f"{method} {path} {name}", request(method, path, places, {**given, name: secret}, bodies[0])
        unknown = {**places, secret: "query"}
        yield f"{method} {path} unknown", request(method, path, unknown, {**given, secret: secret}, bodies[0])
        key = {"Idempotency-Key": quote(secret) if not secret.isascii() else secret.replace(" ", "#")}
        yield f"{method} {path} key", request(method, path, places, given, bodies[0], key)
        for content in entry.get("requestBody", {}).get("content", {}).values():
            for place in {*string_paths(document, content["schema"]), (secret,)}:
                body = with_value_at(bodies[0], place, secret)
                yield f"{method} {path} {place}", request(method, path, places, given, body)


def request(
    method: str,
    path: str,
    places: dict[str, str],
    values: Mapping[str, object],
    body: object,
    more: dict[str, str] | None = None,
) -> httpx.Request:
    headers = {
        "Authorization": "Bearer demo",
        "X-Reason": "a test of it",
        "Content-Type": "application/x-ndjson" if path.endswith("/imports") else "application/json",
        **(more or {}),
    }
    query: dict[str, str] = {}
    for name, value in values.items():
        if value is None:
            continue
        match places[name]:
            case "path":
                path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
            case "query":
                query[name] = str(value)
            case "header":
                headers[name] = str(value)
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    url = f"http://localhost{path}"
    content = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
    return httpx.Request(method, url, params=query, headers=encoded, content=content)


async def stored_texts(web: Web) -> list[str]:
    """Return every stored row as text."""
    return [
        f"{table.name}: {dict(row)}" for table in schema.metadata.sorted_tables for row in await web.running.rows(table)
    ]


@pytest.mark.parametrize("secret", SECRETS)
async def test_no_string_of_any_call_stores_or_returns_a_password(
    web: Web, document: dict[str, Any], log: io.StringIO, secret: str
) -> None:
    await web.running.drain()
    count = 0
    for what, call in requests(document, secret):
        count += 1
        answer = await web.client.send(call)
        assert answer.status_code < 500, f"{what}: {answer.text}"
        assert not _WHOLE.search(answer.text), f"{what}: {answer.text}"
    assert count > 300
    await web.running.drain()
    found = [row for row in await stored_texts(web) if _WHOLE.search(row)]
    assert not found, found[:3]
    ours = [line for line in log.getvalue().splitlines() if '"logger": "httpx"' not in line]
    assert not [line for line in ours if _WHOLE.search(line)]


async def test_free_text_is_accepted_with_the_password_masked(web: Web) -> None:
    secret, shown = f"asked for {OLD}#{NEW}#{NEW}", "asked for ******#******#******"
    consent = await web.call("PUT", f"{ALICE_HOME}/consents/marketing", {"source": secret}, reason=secret)
    ticket = await web.call("POST", "/api/v1/tickets", {"msisdn": ALICE, "text": secret})
    campaign = await web.call("POST", "/api/v1/campaigns", {"class": "care", "text": secret, "msisdns": [ALICE]})
    stopped = await web.call("DELETE", f"{ALICE_HOME}/subscriptions/CL", reason=secret)
    looked = await web.call("GET", ALICE_HOME, reason=secret)
    answers = (consent, ticket, campaign, stopped, looked)
    assert [answer.status_code for answer in answers] == [201, 201, 202, 200, 200]
    assert ticket.json()["text"] == shown
    assert len([row for row in await stored_texts(web) if shown in row]) >= len(answers)
