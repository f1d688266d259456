"""Completes the OpenAPI document that FastAPI generates: adds webhooks, problems, patterns and examples."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from operator import attrgetter
from typing import Any

from app.domain.refusals import RefusalReason
from app.web import problems, webhook_document
from app.web.examples import EXAMPLES, Example
from app.web.numbers import PATTERN
from app.web.problem_codes import AnyCode, Code

# By status: what it says, and an example of a problem, worded as the gateway words it.
_PROBLEMS: Mapping[str, tuple[str, AnyCode, str]] = {
    "400": ("the body is no JSON", Code.NOT_JSON, "The body is not JSON in UTF-8."),
    "401": (
        "the token is missing or unknown",
        Code.TOKEN_MISSING,
        "Send `Authorization: Bearer <token>`; tokens are made with `smsgw token create`.",
    ),
    "403": ("the token lacks the scope", Code.SCOPE_MISSING, "This token lacks the scope directory:write."),
    "404": (
        "not found",
        RefusalReason.UNKNOWN_SUBSCRIBER,
        "There is no such subscriber; create it with PUT /api/v1/subscribers/{msisdn}.",
    ),
    "409": (
        "conflicts with the current state; the code says why",
        RefusalReason.CLOCK_SET_BACK,
        "The clock goes back only right after a reset.",
    ),
    "412": (
        "changed since it was read; read it again",
        RefusalReason.CHANGED_MEANWHILE,
        "Somebody changed this since you read it: read it again, then send the change with the new ETag.",
    ),
    "413": ("the body is too large", Code.BODY_TOO_LARGE, "At most 64 KiB, or 1 MiB for an array."),
    "415": (
        "unsupported media type, charset or content encoding; the detail lists the supported ones",
        Code.MEDIA_TYPE,
        "Content-Encoding: gzip, deflate or none is read.",
    ),
    "422": (
        "some fields are missing or wrong",
        Code.INVALID_FIELDS,
        "Some fields are missing or wrong; see errors.",
    ),
    "503": (
        "the database is unavailable; try again after Retry-After seconds",
        Code.DATABASE_AWAY,
        "The database is away; try again.",
    ),
}
_TAGS = [
    {"name": "webhooks", "description": "What carriers call: messages from handsets, and delivery reports."},
    {"name": "catalogue", "description": "SPs and the services that they offer."},
    {"name": "subscribers", "description": "Customers, what they have, and the evidence of all that was changed."},
    {"name": "orders", "description": "Requests to subscribe, each confirmed by the customer's own SMS."},
    {"name": "charges", "description": "Fees that billing announces, and uses that are paid for one by one."},
    {"name": "usage and bills", "description": "Data usage, bills, the spend so far, and announced stops of a number."},
    {"name": "tickets", "description": "Complaints and doubted fees before staff, their refunds, and reports of spam."},
    {"name": "messages", "description": "Messages in both directions with their history, and dead letters."},
    {"name": "campaigns", "description": "One text to many, and the customers' consent to marketing."},
    {"name": "events", "description": "What SPs and billing are told, to catch up with."},
    {"name": "imports", "description": "Files of changes to the catalogue and to subscribers."},
    {"name": "reports", "description": "Counts without numbers and texts of customers."},
    {"name": "access records", "description": "Who looked at whose data, when and why."},
    {"name": "tokens", "description": "The tokens of this API, without their secrets."},
    {"name": "providers", "description": "The carriers of the settings, and their state."},
    {"name": "simulator", "description": "A network of handsets in the process, with a clock that moves."},
    {"name": "health", "description": "Whether the gateway lives and can work, and its metrics."},
]
# What FastAPI is told of the document as a whole. A call has the name of its function.
ABOUT: Mapping[str, Any] = {
    "docs_url": None,
    "redoc_url": None,
    "license_info": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "openapi_tags": _TAGS,
    "servers": [{"url": "/", "description": "the gateway that serves this document"}],
    "generate_unique_id_function": attrgetter("name"),
}
_ERRORS = [{"field": "body.price_fen", "problem": "Input should be a valid integer"}]
_METHODS = ("get", "put", "post", "patch", "delete")
_WRITES = ("put", "patch", "delete", "post")
# Answers that FastAPI describes with OpenAPI 3.2 keywords, or not at all.
_TEXT_ANSWERS = {"get /simulator/handsets/{msisdn}/events": "text/event-stream", "get /metrics": "text/plain"}
_SECOND_SUCCESS = {
    "post /simulator/handsets/{msisdn}/messages": ("202", "200", "a repeated message_id, without effect")
}
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "a repeated request with the same key gets the first one's answer, for 24 hours",
    "example": "5b0f6c1e-order-1",
}
_IF_MATCH, _IF_NONE_MATCH = "If-Match", "If-None-Match"
# Statuses that only these calls answer.
_EXTRA_STATUSES = {"post /api/v1/tickets": ("404",), "post /api/v1/imports": ("415",)}
# The number of a simulated handset may be any sender, such as a short code.
_ANY_SENDER = "^[^/]{1,64}$"
_FASTAPI_SCHEMAS = ("HTTPValidationError", "ValidationError")


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's document, changed in place, with everything that FastAPI cannot derive."""
    for path, operations in document["paths"].items():
        for method in filter(operations.__contains__, _METHODS):
            _complete_responses(f"{method} {path}", operations[method]["responses"])
            _remove_null_types(operations[method])
            _describe_etags(operations[method])
            if path.startswith("/api/") and method != "get":
                operations[method].setdefault("parameters", []).append(_KEY_PARAMETER)
            for status in _problem_statuses(path, method, operations[method]):
                operations[method]["responses"][status] = {
                    "description": _PROBLEMS[status][0],
                    "content": problems.CONTENT,
                }
    document["paths"] = {**webhook_document.OPENAPI_PATHS, **document["paths"]}
    for path, operations in document["paths"].items():
        for method in filter(operations.__contains__, _METHODS):
            _add_examples(operations[method], EXAMPLES.get(f"{method} {path}"))
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    _describe_numbers(document["paths"], schemas)
    for name in _FASTAPI_SCHEMAS:
        schemas.pop(name, None)
    schemas["Problem"] = problems.SCHEMA
    return document


def _complete_responses(name: str, responses: dict[str, Any]) -> None:
    """Add text media types and second success statuses to a call's responses."""
    if name in _TEXT_ANSWERS:
        responses["200"]["content"] = {_TEXT_ANSWERS[name]: {"schema": {"type": "string"}}}
    if name in _SECOND_SUCCESS:
        like, status, why = _SECOND_SUCCESS[name]
        responses[status] = {**responses[like], "description": why, "content": _copies(responses[like]["content"])}


def _remove_null_types(operation: dict[str, Any]) -> None:
    """Remove ``null`` from what a client sends: optional fields are omitted, but generated clients would send null."""
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _without_null(parameter["schema"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["schema"] = _without_null(content["schema"])


def _parameters(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", [])}


def _describe_etags(operation: dict[str, Any]) -> None:
    """Add the ``ETag`` of answers, and the 304, to a call that takes versions."""
    if not {_IF_MATCH, _IF_NONE_MATCH} & _parameters(operation):
        return
    header = {"ETag": {"description": "the version of this answer", "schema": {"type": "string"}}}
    for status in {"200", "201"} & operation["responses"].keys():
        operation["responses"][status]["headers"] = header
    if _IF_NONE_MATCH in _parameters(operation):
        operation["responses"]["304"] = {"description": "not changed since that version", "headers": header}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    others = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(others) != 1:
        return schema
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **others[0]}


# ---- subscribers' numbers


def _describe_numbers(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    """Add the pattern of phone numbers to every parameter and body field that takes one."""
    for path, operations in paths.items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "msisdn":
                    _put_pattern(parameter["schema"], _ANY_SENDER if path.startswith("/simulator/") else PATTERN)
            for name in re.findall(r"#/components/schemas/(\w+)", str(operation.get("requestBody", ""))):
                properties = schemas[name].get("properties", {})
                _put_pattern(properties.get("msisdn", {}), PATTERN)
                _put_pattern(properties.get("msisdns", {}), PATTERN)


def _put_pattern(schema: dict[str, Any], pattern: str) -> None:
    """Set the pattern on each string in a schema: itself, an ``anyOf`` alternative, or a list item."""
    if schema.get("type") == "string":
        schema["pattern"] = pattern
    for inner in (*schema.get("anyOf", ()), *filter(None, (schema.get("items"),))):
        _put_pattern(inner, pattern)


# ---- examples


def _add_examples(operation: dict[str, Any], example: Example | None) -> None:
    """Add examples to a call. A test fails for calls that have none."""
    for status, answer in operation["responses"].items():
        if problems.MEDIA_TYPE in answer.get("content", {}):
            answer["content"] = _copies(problems.CONTENT)
            answer["content"][problems.MEDIA_TYPE]["example"] = _problem_example(status)
    if example is None:
        return
    for parameter in operation.get("parameters", []):
        if parameter["name"] in example.parameters:
            parameter["example"] = example.parameters[parameter["name"]]
    if example.bodies:
        examples = {name: {"value": body} for name, body in example.bodies.items()}
        operation["requestBody"]["content"]["application/json"]["examples"] = examples
    for status, body in example.answers.items():
        if " " in status:  # keyed by status and media type: used below
            continue
        for kind, content in operation["responses"][status].get("content", {}).items():
            content["example"] = example.answers.get(f"{status} {kind}", body)


def _copies(content: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    return {kind: dict(what) for kind, what in content.items()}


def _problem_example(status: str) -> dict[str, object]:
    title, errors = HTTPStatus(int(status)).phrase, {"errors": _ERRORS} if status == "422" else {}
    _, code, detail = _PROBLEMS[status]
    return {"type": "about:blank", "title": title, "status": int(status), "code": code, "detail": detail, **errors}


# ---- problems


def _problem_statuses(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    """Yield the statuses of the problems that a call may answer."""
    if path.startswith("/api/"):
        yield from ("401", "403")
        yield from ("409",) if method in _WRITES else ()
    if path.startswith("/simulator/clock"):
        yield "409"
    if "{" in path or path.startswith("/simulator/"):
        yield "404"
    yield from _EXTRA_STATUSES.get(f"{method} {path}", ())
    if _IF_MATCH in _parameters(operation):
        yield "412"
    if "application/json" in operation.get("requestBody", {}).get("content", {}) and not path.startswith("/webhooks/"):
        yield "400"
    if method != "get":
        yield "413"
    if "requestBody" in operation or "parameters" in operation:
        yield "422"
    if path not in ("/livez", "/readyz"):
        yield "503"
