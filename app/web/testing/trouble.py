"""What a test must not overlook: messages that were given up, and errors of the server."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.types import Message, Send

from app.domain.ids import is_id
from app.domain.messages import InboundStatus
from app.domain.refusals import RefusalReason
from app.services.management.messages import MessageFilter, MessageRead
from app.services.paging import PageRequest
from app.web.dependencies import ManagementIn
from app.web.problems import ProblemError
from app.web.times import Moment

router = APIRouter()
_MOST = 500
_FIRST_OF_SERVER = 500
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


class ServerErrors:
    """Counts the answers of this process that say that the server could not do its part."""

    def __init__(self) -> None:
        self.count = 0

    def counting(self, send: Send) -> Send:
        """Return ``send`` for one request, which counts its answer."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= _FIRST_OF_SERVER:
                self.count += 1
            await send(message)

        return counted


class GivenUpOut(BaseModel):
    """A message that was given up after three tries; ``reason`` is where in the program it failed."""

    handset: str
    id: str
    reason: str


class TroubleOut(BaseModel):
    """Messages that were given up, oldest first, and the number of answers of 500 and more."""

    dead_letters: list[GivenUpOut]
    server_errors: int


@router.get("/trouble", summary="What a test must not overlook")
async def read_trouble(
    request: Request,
    management: ManagementIn,
    since: Annotated[
        str | None, Query(max_length=40, description="the id of a message or a time: only messages after it")
    ] = None,
) -> TroubleOut:
    """The last 500 dead letters, and the errors of this process since its start or the last reset."""
    is_after = _after(since)
    wanted = MessageFilter(direction="mo", status=InboundStatus.DEAD, former=True)
    letters = [
        GivenUpOut(handset=one.msisdn.removeprefix("+86"), id=one.id, reason=one.trace or "")
        for one in reversed((await management.messages.page(wanted, PageRequest(_MOST, descending=True))).items)
        if is_after(one)
    ]
    return TroubleOut(dead_letters=letters, server_errors=request.app.state.server_errors.count)


def _after(since: str | None) -> Callable[[MessageRead], bool]:
    """Return what tells whether a message came after ``since``. Raise ProblemError if that is neither id nor time."""
    if since is None:
        return lambda _message: True
    if is_id(since):
        return lambda message: int(message.id) > int(since)
    try:
        moment = _MOMENT.validate_python(since)
    except ValidationError:
        raise ProblemError(
            RefusalReason.INVALID, "since: must be a message's id or a time such as 2026-03-01T10:00:00+08:00."
        ) from None
    return lambda message: message.at > moment
