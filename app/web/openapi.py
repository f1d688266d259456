"""The document of the API: what FastAPI makes of the routes, with the webhooks and every problem."""

from collections.abc import Iterator
from typing import Any

from app.web import problems, webhooks

_WHY = {
    "401": "no token, or none that is known",
    "403": "the token lacks the scope",
    "404": "there is no such thing",
    "409": "it cannot be done as things are; the detail says why",
    "413": "the body is too large",
    "422": "some fields are missing or wrong",
    "503": "the database is away; try again after Retry-After seconds",
}
_METHODS = ("get", "put", "post", "patch", "delete")
_WRITES = ("put", "patch", "delete")
# FastAPI describes its events in words of OpenAPI 3.2.
_EVENTS = "/simulator/handsets/{msisdn}/events"
_EVENT = 'id: 01a2…\ndata: {"id":"01a2…","direction":"mt","text":"…","status":"delivered",…}\n\n'
_FASTAPI_SCHEMAS = ("HTTPValidationError", "ValidationError")


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with everything that FastAPI cannot know."""
    for path, operations in document["paths"].items():
        for method in filter(operations.__contains__, _METHODS):
            operation = operations[method]
            for status in _faults(path, method, operation):
                operation["responses"][status] = {"description": _WHY[status], "content": problems.CONTENT}
    events = document["paths"].get(_EVENTS, {}).get("get", {}).get("responses", {}).get("200")
    if events is not None:
        events["content"] = {"text/event-stream": {"schema": {"type": "string"}, "example": _EVENT}}
    document["paths"] = {**webhooks.OPENAPI_PATHS, **document["paths"]}
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FASTAPI_SCHEMAS:
        schemas.pop(name, None)
    schemas["Problem"] = problems.SCHEMA
    return document


def _faults(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    """The problems that a call may end in."""
    if path.startswith("/api/"):
        yield from ("401", "403")
        yield from ("409",) if method in _WRITES else ()
    if path.startswith("/simulator/clock"):
        yield "409"
    if "{" in path or path.startswith("/simulator/"):
        yield "404"
    if "requestBody" in operation:
        yield "413"
    if "requestBody" in operation or "parameters" in operation:
        yield "422"
    if path not in ("/livez", "/readyz"):
        yield "503"
