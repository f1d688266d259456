"""Composition root of the web part: the app over a gateway whose loops run as long as the app does."""

import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.types import Receive, Scope, Send

from app import __version__, observability
from app.carriers import provider_options, settings_beside
from app.composition import build_gateway
from app.domain.simulation import FATES
from app.providers.webhook import WebhookOptions
from app.services.gateway import Gateway
from app.services.membership import BOTH, Role
from app.settings import Environment, Settings
from app.toys.carrier import ToyCarrier
from app.web import api, handsets, health, openapi, pages, problems, simulator, simulator_control, testing, webhooks
from app.web.middleware import idempotency, limits
from app.web.middleware.heads import Heads
from app.web.middleware.hosts import OwnHosts, host_name
from app.web.middleware.request_ids import RequestIds
from app.web.middleware.watched import Watched
from app.web.testing.trouble import ServerErrors

log = observability.logger(__name__)
_DESCRIPTION = """An SMS command gateway: what "send 0000 to 10086" does.

Messages come in over `/webhooks`, staff and systems use `/api/v1` with a bearer token, and in demo and test the
`/simulator` is a network of handsets with a clock that moves.

Every answer has an `X-Request-ID`; send one to find it in the log. Every error is a problem with a `code`, which keeps
its meaning. Within version 1 of the API nothing is taken away: fields, parameters and codes may be added, so ignore
what you do not know.

Every request may be answered 408 (it did not come in time), 413 (it has a body that is too large, even where none is
read), 431 (its head is larger than 32 KiB or 100 lines) or 503 (too much is under way; see `Retry-After`). In demo, dev
and test a request by a name that is neither loopback's nor in `SMSGW_ALLOWED_HOSTS` is answered 421, and a write that
another web page sent 403.
"""


_FATES = """
Every message to one of these numbers has a fate, for clients that set nothing:

""" + "".join(f"- `{msisdn.removeprefix('+86')}`: {fate.what}\n" for msisdn, fate in FATES.items())

# The gateway has metrics of its own; telemetry could hold numbers and texts.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class _GatewayApp(FastAPI):
    """FastAPI for everything but the webhooks, which are answered in front of its middleware (ADR 0005)."""

    webhooks_endpoint: webhooks.Webhooks
    own_hosts: OwnHosts | None = None
    server_errors: ServerErrors | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with its id in the answer and in the log."""
        if self.server_errors is not None:
            send = self.server_errors.counting(send)
        await RequestIds(Watched(self._answer))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.own_hosts is not None:
            try:
                self.own_hosts.check(scope)
            except problems.ProblemError as error:
                await problems.response(error.code, error.detail)(scope, receive, send)
                return
        if scope["type"] == "http" and scope["path"].startswith("/webhooks/"):
            await self.webhooks_endpoint(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The description of the API, with the webhooks, which are no FastAPI routes, and with every problem."""
        return self.openapi_schema or openapi.completed(super().openapi())


def create_app(
    settings: Settings, host: str | None = None, roles: frozenset[Role] = BOTH, toy: ToyCarrier | None = None
) -> FastAPI:
    """Return a process of the gateway as an ASGI app; without the role ``web`` it has the health calls only.

    ``host`` is the address or name that it will listen on, ``toy`` a carrier that runs beside it.
    """
    settings = settings_beside(settings, toy) if toy else settings
    gateway = build_gateway(settings, toy=toy)

    app = _GatewayApp(
        title="SMS command gateway",
        version=__version__,
        description=_DESCRIPTION + (_FATES if settings.disposable else ""),
        lifespan=lambda _app: _running(gateway, settings, roles),
        telemetry=_NO_TELEMETRY,
        **openapi.ABOUT,
    )
    is_web = Role.WEB in roles
    inboxes = gateway.turning.inboxes if is_web else {}
    app.webhooks_endpoint = webhooks.Webhooks(gateway.carriers.providers if is_web else {}, inboxes, gateway.failures)
    app.own_hosts = _own_hosts(settings, host)
    app.state.server_errors = app.server_errors = ServerErrors() if settings.disposable else None
    app.state.gateway = gateway
    _add_middleware(app)
    app.include_router(health.router)
    if is_web:
        _add_routes(app, gateway, settings)
    return app


@asynccontextmanager
async def _running(gateway: Gateway, settings: Settings, roles: frozenset[Role]) -> AsyncIterator[None]:
    if settings.disposable and Role.WEB in roles:
        log.warning(
            'the token "demo" is accepted with every right: never expose this gateway', environment=settings.env.value
        )
    observability.BUILD.labels(__version__, platform.python_version()).set(1)
    async with gateway.running(roles):
        yield


def what_runs(gateway: Gateway, settings: Settings, roles: frozenset[Role]) -> dict[str, object]:
    """Return what the log says of a gateway that begins, without addresses and secrets."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "environment": settings.env.value,
        "database": "SQLite" if gateway.storage.database.is_sqlite else "PostgreSQL",
        "providers": {name: provider.kind for name, provider in gateway.carriers.providers.items()},
        "roles": sorted(map(str, roles)),
    }


def _add_middleware(app: _GatewayApp) -> None:
    problems.install(app)
    app.add_middleware(idempotency.IdempotencyKeys)
    app.add_middleware(limits.BodyLimit)
    app.add_middleware(limits.ConcurrencyLimits)
    app.add_middleware(pages.SecurityHeaders)
    app.add_middleware(Heads)


def _own_hosts(settings: Settings, host: str | None) -> OwnHosts | None:
    """Return the names that the gateway answers to; None in production, where tokens and the proxy decide."""
    if settings.env is Environment.PRODUCTION:
        return None
    names = filter(None, map(host_name, [*settings.allowed_hosts, *([host] if host else [])]))
    guarded = (
        name
        for name, given in provider_options(settings).items()
        if isinstance(given, WebhookOptions) and given.asks_for_secret()
    )
    return OwnHosts(frozenset(names), frozenset(guarded))


def _add_routes(app: FastAPI, gateway: Gateway, settings: Settings) -> None:
    app.include_router(api.router)
    if any(provider.kind == "simulator" for provider in gateway.carriers.providers.values()):
        app.include_router(simulator.router)
        app.include_router(handsets.router)
        app.include_router(simulator_control.router)
        app.include_router(testing.router)
    if settings.env is not Environment.PRODUCTION:
        app.include_router(pages.router)
    app.include_router(pages.docs)
    app.mount("/static", StaticFiles(directory=pages.STATIC))
