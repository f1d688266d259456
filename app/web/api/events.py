"""Events for SPs and billing: what they were told or are yet to be told, to catch up by (safety.md 15)."""

import json
import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from app.db.events import EventRead
from app.domain.calendar import SHANGHAI
from app.domain.events import BILLING, EventStatus
from app.services.management.tokens import Scope
from app.web.access import RowAccess, Sees, next_cursor
from app.web.dependencies import GatewayIn
from app.web.problems import ProblemError

router = APIRouter(tags=["events"])
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_RECEIVER = r"^(billing|sp:[A-Za-z0-9_.-]{1,64})$"


class EventOut(BaseModel):
    """An event as its receiver is sent it, and what became of that."""

    id: str
    receiver: str
    type: str
    timestamp: datetime
    data: dict[str, object]
    status: EventStatus
    attempts: int
    acknowledged_at: datetime | None
    error: str | None = Field(description="what the last attempt ended in")


class EventsOut(BaseModel):
    """Events, oldest first. To read on later, give the last one's id as ``after``."""

    events: list[EventOut]
    next_cursor: str | None


def _event(found: EventRead) -> EventOut:
    acknowledged = found.acknowledged_at
    return EventOut(
        id=found.id,
        receiver=found.receiver,
        type=found.type,
        timestamp=found.made_at.astimezone(SHANGHAI),
        data=json.loads(found.data),
        status=EventStatus(found.status),
        attempts=found.attempts,
        acknowledged_at=acknowledged.astimezone(SHANGHAI) if acknowledged else None,
        error=found.error,
    )


@router.get("/events", summary="What SPs and billing are told, oldest first")
async def list_events(
    access: Annotated[RowAccess, Depends(Sees("events", Scope.READ, Scope.BILLING_WRITE))],
    gateway: GatewayIn,
    after: Annotated[str | None, Query(pattern=_ID, description="what comes behind the event with this id")] = None,
    cursor: Annotated[str | None, Query(pattern=_ID, description="the same, as in every list")] = None,
    receiver: Annotated[str | None, Query(pattern=_RECEIVER, description="billing, or sp: and its code")] = None,
    status: EventStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EventsOut:
    """Nothing that is written later ever sorts before what was read. With scope billing:write only billing's own.

    Billing gets them as it was sent them; others are shown whole numbers as in every list.
    """
    as_receiver = not access.may(Scope.READ)
    if as_receiver and receiver not in (None, BILLING):
        raise ProblemError(403, "This token reads billing's events only.")
    found = await gateway.management.events.page(
        after=after or cursor,
        receiver=BILLING if as_receiver else receiver,
        status=status.value if status else None,
        limit=limit + 1,
        former=access.former or as_receiver,
    )
    shown = found[:limit]
    return EventsOut(
        events=[access.unfiltered(_event(one)) for one in shown] if as_receiver else await access.rows(shown, _event),
        next_cursor=next_cursor(found, limit, lambda item: item.id),
    )


@router.post("/events/{event_id}/retry", status_code=202, summary="Send an event again that was given up")
async def retry_event(
    event_id: Annotated[str, Path(description="its id")],
    access: Annotated[RowAccess, Depends(Sees("retry", Scope.CARE))],
    gateway: GatewayIn,
) -> dict[str, str]:
    """One that is dead, or was made when its receiver had no address; it keeps its id. Who and why is recorded."""
    events = gateway.management.events
    found = await events.find(event_id, former=access.former) if re.fullmatch(_ID, event_id) else None
    if found is not None:
        await access.record(found.msisdn, found.tenure)
    if found is None or not await events.send_again(event_id):
        raise ProblemError(404, "There is no event with this id that was given up.")
    return {"id": event_id, "status": "pending"}
