"""One form of paging for every list of the management API (http-api.md, paging)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.web.problem_codes import MEANINGS
from tests.running import ALICE
from tests.web.calls import Web, assert_problem
from tests.web.customers import create_customer_data

pytestmark = pytest.mark.anyio
API = "/api/v1"
# These always come on one page, as they cannot grow long.
ONE_PAGE = {f"{API}/reports/service-providers", f"{API}/subscribers/{{msisdn}}/subscriptions"}
# Words of a known set are enums in the document.
WORDS = {
    "status",
    "state",
    "direction",
    "class",
    "kind",
    "verdict",
    "tier",
    "encoding",
    "closed_as",
    "decision",
    "code",
}
# The code of a line that was not imported is one of a problem; kinds of providers come with their adapters; the code of
# an answer is digits.
NO_WORDS = {("LineFaultOut", "code"), ("ProviderOut", "kind"), ("EntryOut", "code"), ("OpenQuestionOut", "code")}


def lists(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the path, the name of the rows, and the call of each list: a GET whose answer has an array of objects."""
    schemas = document["components"]["schemas"]
    for path, entry in document["paths"].items():
        if not path.startswith(API) or "get" not in entry or path.endswith("_id}"):
            continue
        answer = entry["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        properties = schemas[answer["$ref"].rpartition("/")[2]]["properties"] if "$ref" in answer else {}
        for name, schema in properties.items():
            if schema.get("type") == "array" and "$ref" in schema["items"]:
                yield path, name, entry["get"]


def test_every_list_has_a_cursor_and_takes_the_same_parameters(document: dict[str, Any]) -> None:
    found = list(lists(document))
    assert len(found) > 15
    for path, name, call in found:
        answer = call["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][answer]
        assert {"next_cursor", name} <= set(schema["required"]), path
        assert {"type": "null"} in schema["properties"]["next_cursor"]["anyOf"], path
        if path not in ONE_PAGE:
            given = {one["name"]: one["schema"] for one in call["parameters"]}
            assert given.keys() >= {"cursor", "limit", "order"}, path
            assert given["limit"]["maximum"] == 500, path
            assert given["cursor"]["type"] == "string", path
            assert ("from" in given) == ("to" in given), path


def test_every_word_of_a_known_set_is_an_enum(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, given in schema.get("properties", {}).items():
            if field in WORDS and (name, field) not in NO_WORDS:
                for one in (given, *given.get("anyOf", ())):
                    assert one.get("type") != "string" or {"enum", "const"} & one.keys(), (name, field)
    for path, entry in document["paths"].items():
        for call in entry.values():
            for one in call.get("parameters", []):
                if one["name"] in WORDS:
                    assert "string" not in json.dumps(one["schema"]), (path, one["name"])


def test_every_call_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    """A verb and a noun, from which generators make the names of functions."""
    names = [call["operationId"] for entry in document["paths"].values() for call in entry.values()]
    assert len({*names}) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []
    assert [name for name in names if re.search(r"_api_v1|_(get|put|post|patch|delete)$", name)] == []


def test_tags_have_descriptions_and_the_document_its_licence_and_server(document: dict[str, Any]) -> None:
    used = {tag for entry in document["paths"].values() for call in entry.values() for tag in call["tags"]}
    assert used == {tag["name"] for tag in document["tags"] if tag["description"]}
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert document["servers"][0]["url"] == "/"


def test_a_change_of_some_fields_has_no_defaults(document: dict[str, Any]) -> None:
    """A client would send them for those that its caller left out."""
    fields = document["components"]["schemas"]["SubscriberPatch"]["properties"]
    assert [name for name, schema in fields.items() if "default" in schema] == []


def test_every_problem_has_a_code(document: dict[str, Any]) -> None:
    problem = document["components"]["schemas"]["Problem"]
    assert "code" in problem["required"]
    assert {*problem["properties"]["code"]["enum"]} == {*map(str, MEANINGS)}


async def walk(web: Web, path: str, name: str, **asked: str) -> list[dict[str, Any]]:
    """Return the rows of a list, read one by one."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = await web.get(path, limit="1", **asked, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, (path, answer.text)
        page = answer.json()
        rows += page[name]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


async def test_every_list_is_read_in_pages_in_both_orders(web: Web, document: dict[str, Any]) -> None:
    created = await create_customer_data(web)
    for scope in ("read", "care"):
        await web.token(scope)
    for path, name, call in lists(document):
        if path in ONE_PAGE or path.endswith("access-records"):  # reading these makes more of them
            continue
        url = path.format_map({**created.ids, "msisdn": ALICE})
        ways = [{}, {"sort": "deadline"}] if "sort" in {one["name"] for one in call["parameters"]} else [{}]
        for way in ways:
            there, back = (
                await walk(web, url, name, order="asc", **way),
                await walk(web, url, name, order="desc", **way),
            )
            assert there, path
            assert back == there[::-1], path
            by_default = (await web.get(url, **way)).json()[name]
            assert by_default in (there, back), path


async def test_every_list_with_times_is_cut_by_them(web: Web, document: dict[str, Any]) -> None:
    created = await create_customer_data(web)
    await web.token("read")
    for path, name, call in lists(document):
        if path in ONE_PAGE or "from" not in {one["name"] for one in call["parameters"]}:
            continue
        url = path.format_map({**created.ids, "msisdn": ALICE})
        whole = {"from": "2026-01-01T00:00:00+08:00", "to": "2027-01-01T00:00:00+08:00"}
        assert (await web.get(url, **whole)).json()[name], path
        for none in ({"from": whole["to"]}, {"to": whole["from"]}):
            assert (await web.get(url, **none)).json()[name] == [], path
        assert_problem(await web.get(url, **{"from": "yesterday"}), 422)


async def test_an_unknown_word_or_cursor_is_a_422(web: Web, document: dict[str, Any]) -> None:
    """``GET /messages?status=nonsense`` was an empty list."""
    for path, _, call in lists(document):
        if path in ONE_PAGE:
            continue
        url = path.format_map({"msisdn": ALICE})
        for one in call.get("parameters", []):
            words = one["name"] in WORDS or "enum" in one["schema"]
            any_cursor = path.endswith("/tokens")  # the name of a token, which may be anything
            if words or one["name"] == "order" or (one["name"] == "cursor" and not any_cursor):
                answer = await web.get(url, **{one["name"]: "nonsense!"})
                assert_problem(answer, 422)
                assert answer.json()["errors"][0]["field"] == f"query.{one['name']}", (path, one["name"])


def test_every_schema_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    """Two models of one name would get the names of their modules, which no client generator can use."""
    assert [name for name in document["components"]["schemas"] if "__" in name] == []
