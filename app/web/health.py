"""Liveness, readiness and Prometheus metrics (http-api.md, health)."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from app import observability
from app.providers.base import Provider
from app.services.delivery.breaker import CircuitState
from app.services.delivery.health import ProviderHealth
from app.services.gateway import Gateway
from app.web.dependencies import GatewayIn

router = APIRouter(tags=["health"])
_BACKLOG = Gauge("smsgw_backlog", "Messages that wait, by what for", ["queue"])
_CIRCUIT = Gauge("smsgw_provider_circuit", "The way out: 0 closed (well), 1 half-open, 2 open", ["provider"])
_LEVELS = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}


@router.get("/livez", summary="The process is alive")
async def check_liveness() -> dict[str, str]:
    """Always the same answer while the process runs."""
    return {"status": "ok"}


@router.get("/readyz", summary="The gateway can work", responses={503: {"description": "a required part is down"}})
async def check_readiness(gateway: GatewayIn, response: Response) -> dict[str, object]:
    """The state of each part, and what is failing. The answer is 503 if a required part is down.

    Messages for a provider with an open circuit wait; this does not make the gateway unready. That the default provider
    has no bind does, unless another one can stand in. ``binds`` are those of all processes. ``process`` says what this
    process does, and ``workers`` how many processes handle messages.
    """
    states = await gateway.upkeep.health.providers()
    membership = gateway.storage.membership
    database = "down" if states is None else "ok"
    # A process that could not say for some time that it is alive does no work.
    is_ready = states is not None and membership.is_current and _can_send(gateway, states)
    if not is_ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    providers = {
        name: _shown(item, (states or {}).get(name, ProviderHealth()))
        for name, item in gateway.carriers.providers.items()
    }
    duties = sorted([*membership.duties, *(slot.duty for slot in gateway.carriers.slots.held)])
    probe = await gateway.upkeep.probe.state() if gateway.upkeep.probe else None
    asked = {"probe": {"up": probe.up, "answered_at": probe.answered_at}} if probe else {}
    return {
        "status": "ok" if is_ready else "down",
        "environment": gateway.environment,
        "process": {"roles": sorted(membership.roles), "duties": duties, "workers": membership.workers},
        "parts": {"database": database, "providers": providers, **asked},
        "failing": [
            {"kind": one.kind.value, **({"of": one.of} if one.of else {}), "seconds": round(one.seconds)}
            for one in gateway.failures.lasting()
        ],
    }


def _shown(provider: Provider, health: ProviderHealth) -> dict[str, object]:
    shown: dict[str, object] = {"kind": provider.kind, "sends": provider.can_send}
    if provider.slots:
        shown["binds"] = {"wanted": provider.slots, "up": health.binds_up, "last_error": health.last_error}
    return {**shown, "circuit": health.circuit.value} if provider.can_send else shown


def _can_send(gateway: Gateway, states: Mapping[str, ProviderHealth]) -> bool:
    """Return True unless the default provider has no bind, and no other one can stand in."""
    name = gateway.carriers.default.name
    wanted = gateway.upkeep.health.binds_wanted

    def is_up(other: str) -> bool:
        health = states.get(other, ProviderHealth())
        return health.circuit is not CircuitState.OPEN and (health.binds_up > 0 or not wanted[other])

    return not wanted[name] or states[name].binds_up > 0 or any(map(is_up, gateway.carriers.deliveries[name].stand_ins))


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def read_metrics(gateway: GatewayIn) -> Response:
    """Counters, times, backlogs and circuits. No label contains a phone number or a text.

    While the database is away, what only it knows is left out, and ``smsgw_database_up`` is 0.
    """
    figures, threads = await gateway.upkeep.health.figures(), gateway.storage.database.threads
    observability.DATABASE_UP.set(figures is not None)
    observability.DATABASE_THREADS.set(threads.size)
    observability.DATABASE_BUSY.set(threads.busy)
    observability.DATABASE_WAITING.set(threads.waiting)
    _BACKLOG.clear()
    _CIRCUIT.clear()
    if figures is not None:
        for queue, count in figures.backlog.items():
            _BACKLOG.labels(queue).set(count)
        for provider, circuit in figures.circuits.items():
            _CIRCUIT.labels(provider).set(_LEVELS[circuit])
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
