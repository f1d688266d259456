"""Pages: text only, under a strict content security policy, nothing fetched from elsewhere (safety.md 29)."""

import html
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.dependencies import GatewayIn

HERE = Path(__file__).parent
STATIC = HERE / "static"
router = APIRouter(include_in_schema=False)
_KEYWORDS = 'data-keywords=""'
_STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI writes style attributes of its own.
_DOCS = _STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


@router.get("/")
async def start() -> Response:
    """Lead to the handset."""
    return RedirectResponse("/handset")


@router.get("/handset")
def handset(gateway: GatewayIn) -> HTMLResponse:
    """Phones on the screen; the page offers those commands that the gateway knows."""
    keywords = html.escape(" ".join(sorted(gateway.turning.registry.keywords | gateway.turning.registry.prefixes)))
    page = (HERE / "handset.html").read_text(encoding="utf-8")
    return HTMLResponse(page.replace(_KEYWORDS, f'data-keywords="{keywords}"', 1))


docs = APIRouter(include_in_schema=False)


@docs.get("/docs")
async def reference() -> Response:
    """The API reference, offline."""
    return FileResponse(HERE / "docs.html", media_type="text/html")


class SecurityHeaders:
    """Puts the policy on every answer that is a page or a part of one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the hot path (webhooks) is left alone."""
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
