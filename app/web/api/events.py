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
from app.services.tokens import Caller, Scope
from app.web.dependencies import GatewayIn, needs
from app.web.problems import ProblemError

router = APIRouter(tags=["events"])
Reader = Annotated[Caller, Depends(needs(Scope.READ, Scope.BILLING_WRITE))]
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
    caller: Reader,
    gateway: GatewayIn,
    after: Annotated[str | None, Query(pattern=_ID, description="what comes behind the event with this id")] = None,
    cursor: Annotated[str | None, Query(pattern=_ID, description="the same, as in every list")] = None,
    receiver: Annotated[str | None, Query(pattern=_RECEIVER, description="billing, or sp: and its code")] = None,
    status: EventStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EventsOut:
    """Nothing that is written later ever sorts before what was read. With scope billing:write only billing's own."""
    if not caller.may(Scope.READ):
        if receiver not in (None, BILLING):
            raise ProblemError(403, "This token reads billing's events only.")
        receiver = BILLING
    found = await gateway.outgoing_events.page(
        after=after or cursor, receiver=receiver, status=status.value if status else None, limit=limit + 1
    )
    following = found[limit - 1].id if len(found) > limit else None
    return EventsOut(events=[_event(one) for one in found[:limit]], next_cursor=following)


@router.post(
    "/events/{event_id}/retry",
    status_code=202,
    summary="Send an event again that was given up",
    dependencies=[Depends(needs(Scope.CARE))],
)
async def retry_event(event_id: Annotated[str, Path(description="its id")], gateway: GatewayIn) -> dict[str, str]:
    """One that is dead, or was made when its receiver had no address; it keeps its id."""
    if not re.fullmatch(_ID, event_id) or not await gateway.outgoing_events.send_again(event_id):
        raise ProblemError(404, "There is no event with this id that was given up.")
    return {"id": event_id, "status": "pending"}
