"""The simulated handset network over HTTP: send messages, read threads (http-api.md, simulator)."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.domain.messages import InboundMessage, InboundResult
from app.domain.msisdn import parse_sender, sender_as_given
from app.domain.segments import Encoding, measure
from app.domain.values import replace
from app.providers.base import Provider
from app.providers.generic_in import Reader
from app.providers.requests import MalformedRequestError
from app.services.intake import Source
from app.services.simulator.beside import CarrierBeside
from app.services.simulator.network import PROVIDER, ThreadMessage
from app.toys.carrier import NotCarriedError
from app.web.dependencies import AfterIdIn, GatewayIn, NetworkIn
from app.web.problem_codes import Code
from app.web.problems import ProblemError
from app.web.times import ShanghaiTime
from app.web.webhook_document import PART_SCHEMA
from app.web.words import ThreadStatusWord

router = APIRouter(prefix="/simulator", tags=["simulator"])
_PAGE_SIZE = 200
# Messages of handsets are parsed as those of generic carriers.
_READER = Reader()


class ThreadMessageOut(BaseModel):
    """A message as a handset shows it."""

    id: str
    direction: Literal["mo", "mt"]
    sender: str = Field(serialization_alias="from")
    to: str
    text: str
    segments: int
    encoding: Literal["gsm7", "ucs2"]
    at: ShanghaiTime
    status: ThreadStatusWord
    provider: str = Field(description="which one it came or goes by")
    provider_kind: str | None = Field(default=None, description="null if the settings have that provider no more")
    in_reply_to: str | None = None


class ThreadOut(BaseModel):
    """A handset's thread, oldest first."""

    messages: list[ThreadMessageOut]


class HandsetOut(BaseModel):
    """A handset that has a thread."""

    msisdn: str
    messages: int
    last_at: ShanghaiTime


class HandsetsOut(BaseModel):
    """The handsets that have a thread, the latest first."""

    handsets: list[HandsetOut]


class TryOut(BaseModel):
    """What can be tried with somebody, in a few words of each language."""

    en: str
    zh: str


class PersonOut(BaseModel):
    """A person of the demo."""

    msisdn: str
    to_try: TryOut = Field(serialization_alias="try")


class PeopleOut(BaseModel):
    """The people of the demo."""

    people: list[PersonOut]


class StoredOut(BaseModel):
    """The result of sending a message from a handset."""

    id: str
    status: Literal["accepted", "duplicate"]


def number_of(given: str) -> str:
    """Return the number of a handset: E.164, or any other sender as it is stored."""
    return parse_sender(given) or sender_as_given(given)


def message_out(msisdn: str, item: ThreadMessage, providers: Mapping[str, Provider]) -> ThreadMessageOut:
    """Return a message of the thread of ``msisdn`` as the calls answer it."""
    provider = providers.get(item.provider)
    mo = item.direction == "mo"
    sender, receiver = (msisdn, item.service_number) if mo else (item.service_number, msisdn)
    size = measure(item.text)
    return ThreadMessageOut(
        id=item.id,
        direction="mo" if mo else "mt",
        sender=sender,
        to=receiver,
        text=item.text,
        segments=size.segments,
        encoding="gsm7" if size.encoding is Encoding.GSM7 else "ucs2",
        at=item.at,
        status=item.status or "sent",
        provider=item.provider,
        provider_kind=provider.kind if provider else None,
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
                        **PART_SCHEMA,
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
    """Handled as a message to a webhook. A repeated ``message_id`` has no further effect (200)."""
    try:
        given = await request.json()
        if not isinstance(given, dict):
            raise ProblemError(Code.UNREADABLE, "The body must be a JSON object with to and text.")
        found = _READER.message({"message_id": str(uuid.uuid4()), **given, "from": msisdn})
    except MalformedRequestError as error:
        raise ProblemError(Code.INVALID_FIELDS, str(error), errors=error.errors) from None
    except (ValueError, RecursionError):
        raise ProblemError(Code.UNREADABLE, "The body is not JSON in UTF-8.") from None
    # A handset has no clock of its own.
    message = replace(found, received_at=None, stamp_form=None)
    if gateway.carriers.beside is None:
        [stored] = await gateway.turning.intake.store(Source(PROVIDER), [message])
    else:
        stored = await _by_wire(gateway.carriers.beside, message)
    if not stored.new:
        response.status_code = 200
    return StoredOut(id=stored.id, status="accepted" if stored.new else "duplicate")


async def _by_wire(carrier: CarrierBeside, message: InboundMessage) -> InboundResult:
    """Send a text through the carrier beside the gateway. Raise ProblemError (503) if it does not get there."""
    try:
        return await carrier.send(message)
    except NotCarriedError as error:
        detail = f"The carrier could not hand it over: {error}."
        raise ProblemError(Code.CARRIER_AWAY, detail, {"Retry-After": "1"}) from None


@router.get(
    "/handsets/{msisdn}/messages", summary="The handset's thread, oldest first", response_model_exclude_none=True
)
async def read_thread(
    msisdn: str, gateway: GatewayIn, after: AfterIdIn = None, limit: Annotated[int, Query(ge=1, le=500)] = _PAGE_SIZE
) -> ThreadOut:
    """Messages after the one with id ``after``. An MT appears once the network has accepted it.

    An MO appears as it was sent, by the handset or to the webhook of a provider whose answers come here.
    """
    number, carriers = number_of(msisdn), gateway.carriers
    found = await carriers.network.thread(number, after, limit)
    return ThreadOut(messages=[message_out(number, item, carriers.providers) for item in found])


@router.get("/handsets", summary="The handsets that have a thread")
async def list_handsets(network: NetworkIn) -> HandsetsOut:
    """Handsets, the most recently active first."""
    found = await network.handsets()
    return HandsetsOut(handsets=[HandsetOut(msisdn=n, messages=count, last_at=at) for n, count, at in found])


@router.get("/people", summary="The people of the demo, and what can be tried with each")
async def list_people(gateway: GatewayIn) -> PeopleOut:
    """Those of them who are subscribers: a gateway without the demo's fixture has none."""
    found = await gateway.simulator.fixtures.people()
    return PeopleOut(
        people=[PersonOut(msisdn=one.msisdn, to_try=TryOut(en=one.try_en, zh=one.try_zh)) for one in found]
    )
