"""Checks that the status of every answer in every test is documented in OpenAPI."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

from app.main import create_app
from tests.running import settings_for

_INTERNAL_ERROR = 500
# Statuses of middleware are documented once, in the document's description.
_MIDDLEWARE_STATUSES = (408, 421, 431)
_DOCUMENTED = ("/api/", "/simulator/", "/webhooks/", "/livez", "/readyz", "/metrics")


@cache
def document() -> Mapping[str, Any]:
    """Return the gateway's OpenAPI document, which is slow to generate."""
    return create_app(settings_for("sqlite://")).openapi()


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    """Return all paths with their patterns, those without parameters first."""
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in paths]


async def assert_documented(answer: httpx.Response) -> None:
    """Assert that the call's documentation lists the status of the answer."""
    request = answer.request
    # A path token is between the provider's name and the direction.
    path = re.sub(r"^(/webhooks/[^/]+)/[^/]+/", r"\1/", request.url.path)
    if not path.startswith(_DOCUMENTED) or (answer.status_code >= 500 and answer.status_code != 503):
        return
    of_a_page = answer.status_code == 403 and {"origin", "sec-fetch-site"} & request.headers.keys()
    if answer.status_code in _MIDDLEWARE_STATUSES or of_a_page:
        return
    found = next((name for pattern, name in _paths() if pattern.fullmatch(path)), None)
    entry = document()["paths"].get(found, {})
    operation = entry.get("get" if request.method == "HEAD" else request.method.lower())
    if path.startswith("/webhooks/") and request.method == "GET" and answer.status_code != 405:
        operation = entry.get("post")  # some carriers call by GET; their pages say how
    if answer.status_code == 413 and "requestBody" not in (operation or {}):
        return  # documented like those of middleware
    if answer.status_code == 307 and path.endswith("/"):
        return  # to the path without the slash
    if operation is None:
        of_a_key = answer.status_code in (409, 422) and "idempotency-key" in request.headers
        assert of_a_key or answer.status_code in (404, 405), f"{request.method} {path}: {answer.status_code}"
        return
    assert str(answer.status_code) in operation["responses"], f"{request.method} {found}: {answer.status_code}"
