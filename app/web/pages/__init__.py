"""The HTML pages and their security headers.

A strict content security policy forbids inline scripts and anything loaded from another host (safety.md 29).
"""

import html
import re
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import __version__
from app.web.dependencies import GatewayIn

HERE = Path(__file__).parent
STATIC = HERE / "static"
router = APIRouter(include_in_schema=False)
_KEYWORDS, _VERSION = 'data-keywords=""', 'data-version=""'
_BACK = re.compile(r"^.*class=\"back\".*\n", re.MULTILINE)
_PRODUCTION = "production"
_STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI sets inline styles.
_DOCS = _STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


@router.get("/")
async def start() -> Response:
    """Redirect to the handset page."""
    return RedirectResponse("/handset")


@router.get("/handset")
def handset(gateway: GatewayIn) -> HTMLResponse:
    """Return the handset page with the keywords of the gateway's commands, and its version, in it."""
    keywords = html.escape(" ".join(sorted(gateway.turning.registry.keywords | gateway.turning.registry.prefixes)))
    page = (HERE / "handset.html").read_text(encoding="utf-8")
    page = page.replace(_KEYWORDS, f'data-keywords="{keywords}"', 1)
    return HTMLResponse(page.replace(_VERSION, f'data-version="{__version__}"', 1))


docs = APIRouter(include_in_schema=False)


@docs.get("/docs")
def reference(gateway: GatewayIn) -> HTMLResponse:
    """Return the API reference, which works without the internet; in production without the link to the handset."""
    page = (HERE / "docs.html").read_text(encoding="utf-8")
    return HTMLResponse(_BACK.sub("", page) if gateway.environment == _PRODUCTION else page)


class SecurityHeaders:
    """Middleware that adds security headers to every answer, except on the hot path and for metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""
        if scope["type"] != "http" or scope["path"].startswith(("/webhooks/", "/metrics")):
            await self._app(scope, receive, send)
            return
        policy = _DOCS if scope["path"] == "/docs" else _STRICT

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", policy.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self._app(scope, receive, secured)
