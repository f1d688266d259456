"""Liveness, readiness and Prometheus metrics (http-api.md, health)."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from app.services.delivery.breaker import CircuitState
from app.web.dependencies import GatewayIn, UpkeepIn

router = APIRouter(tags=["health"])
_BACKLOG = Gauge("smsgw_backlog", "Messages that wait, by what for", ["queue"])
_CIRCUIT = Gauge("smsgw_provider_circuit", "The way out: 0 closed (well), 1 half-open, 2 open", ["provider"])
_LEVELS = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}


@router.get("/livez", summary="The process is alive")
async def livez() -> dict[str, str]:
    """Always the same answer while the process runs."""
    return {"status": "ok"}


@router.get("/readyz", summary="The gateway can work", responses={503: {"description": "a required part is down"}})
async def readyz(gateway: GatewayIn, response: Response) -> dict[str, object]:
    """The state of each part. The answer is 503 if a required one is down.

    Messages for a provider with an open circuit wait; this does not make the gateway unready. ``process`` says what
    this process does, and ``workers`` how many processes handle messages.
    """
    states = await gateway.upkeep.health.circuits()
    membership = gateway.storage.membership
    database = "down" if states is None else "ok"
    # A process that could not say for some time that it is alive does no work.
    status = database if membership.is_current else "down"
    if status == "down":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    providers = {
        name: {
            "kind": item.kind,
            "sends": item.can_send,
            **({"ready": item.is_ready} if item.slots else {}),
            **({"circuit": (states or {}).get(name, CircuitState.CLOSED).value} if item.can_send else {}),
        }
        for name, item in gateway.carriers.providers.items()
    }
    probe = await gateway.upkeep.probe.state() if gateway.upkeep.probe else None
    asked = {"probe": {"up": probe.up, "answered_at": probe.answered_at}} if probe else {}
    return {
        "status": status,
        "environment": gateway.environment,
        "process": {"roles": sorted(membership.roles), "duties": membership.duties, "workers": membership.workers},
        "parts": {"database": database, "providers": providers, **asked},
    }


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(upkeep: UpkeepIn) -> Response:
    """Counters, batch sizes, backlogs and circuits. No label contains a phone number or a text."""
    for queue, count in (await upkeep.health.backlog()).items():
        _BACKLOG.labels(queue).set(count)
    for provider, state in (await upkeep.health.circuits() or {}).items():
        _CIRCUIT.labels(provider).set(_LEVELS[state])
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
