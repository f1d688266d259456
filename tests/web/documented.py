"""Whether an answer is one that the document of the API lists: every answer of every test is looked at."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

from app.main import create_app
from tests.running import settings_for

_OUR_FAULT = 500
# What stands before every call is said once, at the head of the document.
_BEFORE_EVERY_CALL = (408, 421, 431)
_DOCUMENTED = ("/api/", "/simulator/", "/webhooks/", "/livez", "/readyz", "/metrics")


@cache
def document() -> Mapping[str, Any]:
    """What a gateway says of its API; it takes long to make."""
    return create_app(settings_for("sqlite://")).openapi()


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    """The paths that there are, those without a variable first."""
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in paths]


async def is_listed(answer: httpx.Response) -> None:
    """Fail where an answer has a status that its call does not list."""
    request = answer.request
    # Of a provider with a path token, it stands between its name and the direction.
    path = re.sub(r"^(/webhooks/[^/]+)/[^/]+/", r"\1/", request.url.path)
    if not path.startswith(_DOCUMENTED) or (answer.status_code >= 500 and answer.status_code != 503):
        return
    of_a_page = answer.status_code == 403 and {"origin", "sec-fetch-site"} & request.headers.keys()
    if answer.status_code in _BEFORE_EVERY_CALL or of_a_page:
        return
    found = next((name for pattern, name in _paths() if pattern.fullmatch(path)), None)
    entry = document()["paths"].get(found, {})
    operation = entry.get(request.method.lower())
    if operation is None:
        assert answer.status_code in (404, 405), f"{request.method} {path}: {answer.status_code}"
        return
    assert str(answer.status_code) in operation["responses"], f"{request.method} {found}: {answer.status_code}"
