"""Routes for events to SPs and billing: read them to catch up, or send one again (safety.md 15)."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from app.domain.events import BILLING, EventStatus
from app.domain.ids import is_id
from app.domain.refusals import RefusalReason
from app.domain.sp_events import EventType
from app.domain.values import replace
from app.services.events.outgoing_events import EventRead
from app.services.management.tokens import Scope
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.models import DoneOut
from app.web.dependencies import ID, ManagementIn
from app.web.paging import NextCursor, OldestFirst, end_of
from app.web.problem_codes import Code
from app.web.problems import ProblemError
from app.web.times import ShanghaiTime

router = APIRouter(tags=["events"])
_RECEIVER = r"^(billing|sp:[A-Za-z0-9_.-]{1,64})$"


class EventOut(BaseModel):
    """An event as it is sent to its receiver, and the state of its delivery."""

    id: str
    receiver: str
    type: EventType
    timestamp: ShanghaiTime
    data: dict[str, object]
    status: EventStatus
    attempts: int
    acknowledged_at: ShanghaiTime | None
    error: str | None = Field(description="how the last attempt failed")


class EventsOut(BaseModel):
    """Events, oldest first. To continue later, pass the last one's id as ``after``."""

    events: list[EventOut]
    next_cursor: NextCursor


def _event(found: EventRead) -> EventOut:
    return answer(EventOut, found, timestamp=found.made_at, data=json.loads(found.data))


@router.get("/events", summary="Events for SPs and billing, oldest first")
async def list_events(
    access: Annotated[RowAccess, Depends(Sees("events", Scope.READ, Scope.BILLING_WRITE))],
    management: ManagementIn,
    part: OldestFirst,
    after: Annotated[str | None, Query(pattern=ID, description="the same as cursor, for readers of events")] = None,
    receiver: Annotated[
        str | None, Query(pattern=_RECEIVER, description="billing, or sp: and the code of an SP")
    ] = None,
    status: EventStatus | None = None,
) -> EventsOut:
    """A later event never sorts before one that was read. Scope billing:write reads only billing's own events.

    Billing reads them as they were sent. For other scopes numbers are masked as in every list.
    """
    as_receiver = not access.may(Scope.READ)
    if as_receiver and receiver not in (None, BILLING):
        raise ProblemError(Code.SCOPE_MISSING, "This token reads billing's events only.")
    part = replace(part, after=after or part.after, former=access.former or as_receiver)
    page = await management.events.page(BILLING if as_receiver else receiver, status, part)
    if as_receiver:
        shown = [access.unfiltered(_event(one)) for one in page.items]
    else:
        shown = await access.rows(page.items, _event)
    return EventsOut(events=shown, next_cursor=end_of(page))


@router.post("/events/{event_id}/retry", status_code=202, summary="Send an undelivered event again")
async def retry_event(
    event_id: Annotated[str, Path(description="the event's id")],
    access: Annotated[RowAccess, Depends(Sees("retry", Scope.CARE))],
    management: ManagementIn,
) -> DoneOut:
    """For an event that is dead, or was created when its receiver had no address. It keeps its id.

    The caller and the reason are recorded.
    """
    events = management.events
    found = await events.find(event_id, former=access.former) if is_id(event_id) else None
    if found is not None:
        await access.record(found.msisdn, found.tenure)
    if found is None or not await events.send_again(event_id):
        raise ProblemError(RefusalReason.UNKNOWN, "There is no event with this id that was given up.")
    return DoneOut(id=event_id, status="pending")
