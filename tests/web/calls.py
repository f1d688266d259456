"""An HTTP client for a gateway in the same process, without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from fastapi import FastAPI
from starlette.routing import BaseRoute

from app.main import create_app
from app.settings import Settings
from app.toys.carrier import ToyCarrier
from app.web.problem_codes import MEANINGS
from tests.running import Running
from tests.web.documented import assert_documented

PROBLEM = "application/problem+json"
SHANGHAI_START = "2026-03-02T10:00:00+08:00"
ALICE_HOME = "/api/v1/subscribers/13800138000"
_PREPARED_ROUTES: dict[int, BaseRoute] = {}


@dataclass
class Web:
    """An HTTP client and the gateway that it calls."""

    client: httpx.AsyncClient
    running: Running

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "demo",
        reason: str | None = "a test",
        content: bytes | str | None = None,
        params: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request with ``body`` as JSON, or with ``content`` as it is."""
        headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
        if reason:
            headers[b"X-Reason"] = reason.encode()
        if content is None:
            return await self.client.request(method, path, json=body, headers=headers, params=params)
        headers[b"Content-Type"] = b"application/json"
        return await self.client.request(method, path, content=content, headers=headers, params=params)

    async def get(self, path: str, **params: str) -> httpx.Response:
        """Send a GET with the demo token, which has all scopes."""
        return await self.call("GET", path, params=params)

    async def inbound(
        self, body: object = None, *, content: bytes | str | None = None, provider: str = "generic"
    ) -> httpx.Response:
        """Post messages to the webhook of a provider."""
        return await self.call("POST", f"/webhooks/{provider}/inbound", body, content=content, token=None, reason=None)

    async def status(
        self, body: object = None, *, content: bytes | str | None = None, provider: str = "simulator"
    ) -> httpx.Response:
        """Post delivery reports to the webhook of a provider."""
        return await self.call("POST", f"/webhooks/{provider}/status", body, content=content, token=None, reason=None)

    async def token(self, *scopes: str) -> str:
        """Create a token with these scopes and return it."""
        return self.running.gateway.management.tokens.create("-".join(scopes) or "none", frozenset(scopes))


def web_part(settings: Settings, toy: ToyCarrier | None = None) -> FastAPI:
    """Return the app of a new gateway, beside a toy carrier if one is given. Routes that FastAPI has prepared from their signatures are reused between apps."""
    app = create_app(settings, toy=toy)
    for place, route in enumerate(app.router.routes):
        if (
            router := getattr(route, "original_router", None)
        ) is not None:  # a route of an included router; their order never changes
            app.router.routes[place] = _PREPARED_ROUTES.setdefault(id(router), route)
    return app


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Web]:
    """Run a gateway on an existing database and yield a client for it."""
    app = web_part(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url="http://localhost", event_hooks={"response": [assert_documented]}
        ) as client,
    ):
        yield Web(client, Running(app.state.gateway))


def message(text: str = "0000", message_id: str = "m-1", **fields: object) -> dict[str, object]:
    """Return the body of a message for the generic webhook."""
    return {"message_id": message_id, "from": "13800138000", "to": "10086", "text": text, **fields}


def assert_problem(answer: httpx.Response, status: int) -> str:
    """Assert that the answer is an RFC 9457 problem with this status; return its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert status == MEANINGS[problem["code"]].status
    assert problem["detail"]
    return str(problem["detail"])
