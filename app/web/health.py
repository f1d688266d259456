"""Whether the process lives, whether it can work, and figures (http-api.md, health)."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from app.db import work
from app.db.session import StorageUnavailableError
from app.db.state import read_state
from app.web.dependencies import gateway_of

router = APIRouter(tags=["health"])
_BACKLOG = Gauge("smsgw_backlog", "Messages that wait, by what for", ["queue"])


@router.get("/livez", summary="The process is alive")
async def livez() -> dict[str, str]:
    """Always the same while the process answers."""
    return {"status": "ok"}


@router.get(
    "/readyz", summary="The gateway can work", responses={503: {"description": "a part that is needed is down"}}
)
async def readyz(request: Request, response: Response) -> dict[str, object]:
    """Each part by itself; 503 if one that is needed is down."""
    gateway = gateway_of(request)
    database = "ok"
    try:
        await gateway.database.read(read_state)
    except StorageUnavailableError:
        database = "down"
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return {
        "status": database,
        "environment": gateway.environment,
        "parts": {"database": database, "providers": {name: item.kind for name, item in gateway.providers.items()}},
    }


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counters, batch sizes and backlogs; no label holds a number or a text."""
    counts = await gateway_of(request).database.read(work.counts)
    for queue, count in counts.items():
        _BACKLOG.labels(queue).set(count)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
