"""Messages in and out, and dead letters."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from app.db.directory import MessageFilter, MessageRead
from app.domain.calendar import SHANGHAI
from app.services.tokens import Caller, Scope
from app.web.api.models import (
    AttemptOut,
    DeadLetterOut,
    DeadLettersOut,
    MessageDetailOut,
    MessageOut,
    MessagesOut,
    ReportOut,
)
from app.web.dependencies import BehindIn, GatewayIn, MessageIdIn, ReasonIn, msisdn_of, needs, note_reading
from app.web.problems import ProblemError

router = APIRouter(tags=["messages"])
Reader = Annotated[Caller, Depends(needs(Scope.READ, Scope.CARE))]
Agent = Annotated[Caller, Depends(needs(Scope.CARE))]
Limit = Annotated[int, Query(ge=1, le=500)]


def _fields(message: MessageRead, caller: Caller) -> dict[str, object]:
    mo = message.direction == "mo"
    times = {
        name: moment.astimezone(SHANGHAI) if (moment := getattr(message, name)) else None
        for name in ("handed_over_at", "final_at", "valid_until")
    }
    same = (
        "id",
        "direction",
        "msisdn",
        "kind",
        "status",
        "provider",
        "provider_message_id",
        "encoding",
        "segments",
        "attempts",
        "in_reply_to",
        "error_code",
        "verdict",
        "part",
        "parts",
        "missing",
    )
    return {
        **{name: getattr(message, name) for name in same},
        **times,
        "sender": message.msisdn if mo else message.service_number,
        "to": message.service_number if mo else message.msisdn,
        "text": message.text if caller.may(Scope.CARE) else None,
        "at": message.at.astimezone(SHANGHAI),
    }


@router.get("/messages", summary="Messages, newest first", response_model_exclude_none=True)
async def list_messages(
    caller: Reader,
    gateway: GatewayIn,
    msisdn: str | None = None,
    direction: Literal["mo", "mt"] | None = None,
    status: Annotated[str | None, Query(pattern="^[a-z]{1,20}$")] = None,
    cursor: BehindIn = None,
    limit: Limit = 100,
    reason: ReasonIn = None,
) -> MessagesOut:
    """Texts are shown to scope ``care`` only; of one number, those of its current tenure, and the look is recorded."""
    number = msisdn_of(msisdn) if msisdn else None
    if number:
        await note_reading(gateway, caller, number, "messages", reason)
    found = await gateway.messages.page(MessageFilter(number, None, direction, status, cursor), limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    return MessagesOut(
        messages=[MessageOut.model_validate(_fields(item, caller)) for item in found[:limit]], next_cursor=following
    )


@router.get(
    "/messages/{message_id}",
    summary="One message with everything that happened to it",
    response_model_exclude_none=True,
)
async def get_message(
    message_id: MessageIdIn, caller: Reader, gateway: GatewayIn, reason: ReasonIn = None
) -> MessageDetailOut:
    """Class, attempts, the provider's ids and the delivery reports as they came; the look is recorded."""
    found = await gateway.messages.one(message_id)
    if found is None:
        raise ProblemError(404, "No such message.")
    await note_reading(gateway, caller, found.message.msisdn, "message", reason)
    return MessageDetailOut.model_validate(
        {
            **_fields(found.message, caller),
            "failed_attempts": [AttemptOut.model_validate(item, from_attributes=True) for item in found.attempts],
            "reports": [ReportOut.model_validate(item, from_attributes=True) for item in found.reports],
        }
    )


@router.post(
    "/messages/{message_id}/resend",
    status_code=202,
    summary="Send a message again",
    dependencies=[Depends(needs(Scope.CARE))],
)
async def resend_message(message_id: MessageIdIn, gateway: GatewayIn) -> dict[str, str]:
    """As a new message with the same words; 409 once what it says or asks holds no longer, or for a former customer."""
    await gateway.messages.resend(message_id)
    return {"id": message_id, "status": "sent again"}


@router.get("/dead-letters", summary="Messages that were given up after three tries")
async def list_dead_letters(
    caller: Agent, gateway: GatewayIn, cursor: BehindIn = None, limit: Limit = 100
) -> DeadLettersOut:
    """Newest first, with the place in the program where it went wrong."""
    found = await gateway.messages.page(MessageFilter(None, None, "mo", "dead", cursor), limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    letters = [DeadLetterOut.model_validate({**_fields(item, caller), "trace": item.trace}) for item in found[:limit]]
    return DeadLettersOut(dead_letters=letters, next_cursor=following)


@router.post(
    "/dead-letters/{message_id}/retry",
    status_code=202,
    summary="Run a dead letter again",
    dependencies=[Depends(needs(Scope.CARE))],
)
async def retry_dead_letter(message_id: MessageIdIn, gateway: GatewayIn) -> dict[str, str]:
    """By the message's own time; 409 where a former customer of the number sent it."""
    if not await gateway.messages.retry(message_id):
        raise ProblemError(404, "There is no dead letter with this id.")
    return {"id": message_id, "status": "pending"}
