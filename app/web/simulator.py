"""The simulated handset network over HTTP (http-api.md, simulator)."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from app.db.simulator import ThreadMessage
from app.domain.calendar import SHANGHAI
from app.domain.messages import OutboundStatus, is_final
from app.domain.msisdn import parse_msisdn, sender_as_given
from app.providers.base import MalformedRequestError
from app.providers.generic import read_message
from app.services.fixtures import UnknownFixtureError
from app.services.gateway import Gateway
from app.services.intake import IncomingMessage, IntakeStatus
from app.services.network import PROVIDER
from app.services.simulation import ClockError
from app.web.dependencies import GatewayIn
from app.web.problems import ProblemError

router = APIRouter(prefix="/simulator", tags=["simulator"])
_PAGE = 200
_KEEP_ALIVE_SECONDS = 15
_LONGEST_DRAIN_SECONDS = 300


def _with_offset(value: object) -> object:
    """A time without an offset means Asia/Shanghai."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_with_offset)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ThreadMessageOut(BaseModel):
    """A message as a handset shows it."""

    id: str
    direction: Literal["mo", "mt"]
    sender: str = Field(serialization_alias="from")
    to: str
    text: str
    segments: int
    encoding: Literal["gsm7", "ucs2"]
    at: datetime
    status: str
    in_reply_to: str | None = None


class ThreadOut(BaseModel):
    """A handset's thread, oldest first."""

    messages: list[ThreadMessageOut]


class HandsetOut(BaseModel):
    """A handset that has a thread."""

    msisdn: str
    messages: int
    last_at: datetime


class HandsetsOut(BaseModel):
    """The handsets that have a thread, the latest first."""

    handsets: list[HandsetOut]


class StoredOut(BaseModel):
    """What became of a message that a handset sent."""

    id: str
    status: Literal["accepted", "duplicate"]


class ClockOut(BaseModel):
    """The gateway's clock."""

    now: datetime
    frozen: bool


def _number(given: str) -> str:
    return parse_msisdn(given) or sender_as_given(given)


def _out(msisdn: str, item: ThreadMessage) -> ThreadMessageOut:
    mo = item.direction == "mo"
    sender, receiver = (msisdn, item.service_number) if mo else (item.service_number, msisdn)
    return ThreadMessageOut(
        id=item.id,
        direction="mo" if mo else "mt",
        sender=sender,
        to=receiver,
        text=item.text,
        segments=item.segments,
        encoding="gsm7" if item.encoding == "gsm7" else "ucs2",
        at=item.at.astimezone(SHANGHAI),
        status=item.status or "sent",
        in_reply_to=item.in_reply_to,
    )


_MESSAGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["to", "text"],
                    "properties": {
                        "to": {"type": "string"},
                        "text": {"type": "string"},
                        "message_id": {"type": "string"},
                    },
                    "example": {"to": "10086", "text": "0000"},
                }
            }
        },
    }
}


@router.post(
    "/handsets/{msisdn}/messages", status_code=202, summary="The handset sends an SMS", openapi_extra=_MESSAGE_BODY
)
async def send_message(msisdn: str, request: Request, response: Response, gateway: GatewayIn) -> StoredOut:
    """The same way as a webhook's messages; a ``message_id`` that was sent before has no further effect (200)."""
    try:
        given = await request.json()
        if not isinstance(given, dict):
            raise ProblemError(422, "The body must be a JSON object with to and text.")
        found = read_message({"message_id": str(uuid.uuid4()), **given, "from": msisdn})
    except MalformedRequestError as error:
        raise ProblemError(422, str(error)) from None
    except ValueError:
        raise ProblemError(422, "The body is not JSON in UTF-8.") from None
    message = IncomingMessage(PROVIDER, found.message_id, found.sender, found.dialled, found.text)
    stored = (await gateway.intake.store([message]))[0]
    await gateway.network.changed()
    if stored.status is IntakeStatus.DUPLICATE:
        response.status_code = 200
    return StoredOut(id=stored.id, status=stored.status.value)


@router.get(
    "/handsets/{msisdn}/messages", summary="The handset's thread, oldest first", response_model_exclude_none=True
)
async def read_thread(
    msisdn: str, gateway: GatewayIn, after: str | None = None, limit: Annotated[int, Query(ge=1, le=500)] = _PAGE
) -> ThreadOut:
    """Messages behind the one with id ``after``; an MT is there once the network has taken it."""
    number = _number(msisdn)
    return ThreadOut(messages=[_out(number, item) for item in await gateway.network.thread(number, after, limit)])


@router.get("/handsets/{msisdn}/events", summary="The thread as server-sent events", response_class=EventSourceResponse)
async def watch_thread(msisdn: str, gateway: GatewayIn, after: str | None = None) -> AsyncIterator[ServerSentEvent]:
    """Each message as it comes to be there, and again whenever its status changes; ``id`` is the message's."""
    number = _number(msisdn)
    shown: dict[str, str] = {}
    # Read again from in front of the first message whose status may still change.
    start = after
    while True:
        moving = False
        for item in await _all_behind(gateway, number, start):
            message = _out(number, item)
            if shown.get(message.id) != message.status:
                shown[message.id] = message.status
                yield ServerSentEvent(raw_data=message.model_dump_json(by_alias=True, exclude_none=True), id=message.id)
            settled = item.status is None or is_final(OutboundStatus(item.status))
            moving = moving or not settled
            if not moving:
                start = message.id
        await gateway.network.wait_for_change(_KEEP_ALIVE_SECONDS)


async def _all_behind(gateway: Gateway, number: str, after: str | None) -> list[ThreadMessage]:
    found: list[ThreadMessage] = []
    while True:
        page = await gateway.network.thread(number, found[-1].id if found else after, _PAGE)
        found += page
        if len(page) < _PAGE:
            return found


@router.get("/handsets", summary="The handsets that have a thread")
async def list_handsets(gateway: GatewayIn) -> HandsetsOut:
    """The latest first."""
    found = await gateway.network.handsets()
    return HandsetsOut(
        handsets=[HandsetOut(msisdn=n, messages=count, last_at=at.astimezone(SHANGHAI)) for n, count, at in found]
    )


# ---- only in demo and test: everything here throws data away or moves the clock


async def _disposable(gateway: GatewayIn) -> None:
    if not gateway.disposable:
        raise ProblemError(404, "The clock, reset and fault calls exist only in demo and test.")


control = APIRouter(prefix="/simulator", tags=["simulator"], dependencies=[Depends(_disposable)])


class DrainIn(_Body):
    """How long to wait at most, in seconds of the machine's clock."""

    timeout_seconds: float = Field(default=10, gt=0, le=_LONGEST_DRAIN_SECONDS)


@control.post("/drain", summary="Return when nothing is left to do that is due now")
async def drain(gateway: GatewayIn, given: Annotated[DrainIn | None, Body()] = None) -> dict[str, bool]:
    """``idle`` is false if that was not reached in time."""
    return {"idle": await gateway.simulation.drain((given or DrainIn()).timeout_seconds)}


@control.get("/clock", summary="The gateway's clock")
async def read_clock(gateway: GatewayIn) -> ClockOut:
    """Its time, and whether it stands still."""
    state = await gateway.simulation.clock()
    return ClockOut(now=state.now.astimezone(SHANGHAI), frozen=state.clock_frozen_at is not None)


class ClockIn(_Body):
    """Where to stop the clock; without offset: Asia/Shanghai."""

    now: Moment


@control.put("/clock", summary="Stop the clock at a time")
async def set_clock(given: ClockIn, gateway: GatewayIn) -> ClockOut:
    """Any time; before the current one only right after a reset (else 409)."""
    try:
        await gateway.simulation.set_clock(given.now)
    except ClockError as error:
        raise ProblemError(409, str(error)) from None
    return await read_clock(gateway)


class AdvanceIn(_Body):
    """How far to move: ``seconds``, or ``to`` a time."""

    seconds: float | None = Field(default=None, ge=0, le=20 * 366 * 86400)
    to: Moment | None = None


@control.post("/clock/advance", summary="Move the clock, doing everything that falls due on the way")
async def advance_clock(given: AdvanceIn, gateway: GatewayIn) -> ClockOut:
    """A running clock stops. Timers, retries, reports and waiting messages run at their own time, in order."""
    if (given.seconds is None) == (given.to is None):
        raise ProblemError(422, "Give either seconds or to.")
    try:
        await gateway.simulation.advance(seconds=given.seconds, to=given.to)
    except ClockError as error:
        raise ProblemError(409, str(error)) from None
    return await read_clock(gateway)


class ResetIn(_Body):
    """Which fixture to load into the empty gateway."""

    fixture: str | None = Field(default=None, max_length=40)


@control.post("/reset", summary="Empty everything, let the clock run free")
async def reset(gateway: GatewayIn, given: Annotated[ResetIn | None, Body()] = None) -> dict[str, str]:
    """Then load a fixture, if one is named."""
    try:
        await gateway.simulation.reset(given.fixture if given else None)
    except UnknownFixtureError as error:
        raise ProblemError(422, str(error)) from None
    await gateway.network.changed()
    return {"status": "empty" if given is None or given.fixture is None else "loaded"}


class FaultsIn(_Body):
    """How the network answers: ``rate`` is the share of sends, ``count`` how many at the most."""

    mode: Literal["ok", "reject", "throttle", "timeout", "error"]
    rate: float = Field(default=1, ge=0, le=1)
    count: int | None = Field(default=None, ge=0, le=1_000_000)


@control.put("/faults", summary="How the simulated network answers sends")
async def set_faults(given: FaultsIn, gateway: GatewayIn) -> FaultsIn:
    """``timeout``: the network takes the message, once for each reference, but the answer is lost."""
    await gateway.network.set_faults(given.mode, given.rate, given.count)
    return given


class DeliveryIn(_Body):
    """What the network reports of messages it takes."""

    report: Literal["delivered", "undelivered", "expired", "none"]
    delay_seconds: int = Field(default=0, ge=0, le=366 * 86400)


@control.put("/delivery", summary="The delivery report that the simulated network sends back")
async def set_delivery(given: DeliveryIn, gateway: GatewayIn) -> DeliveryIn:
    """For messages taken from now on."""
    await gateway.network.set_delivery(given.report, given.delay_seconds)
    return given
