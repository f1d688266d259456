"""Routes for messages in both directions, and for dead letters."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from app.db.directory import MessageFilter, MessageRead
from app.domain.calendar import SHANGHAI
from app.services.management.messages import MessageDetail
from app.services.management.tokens import Scope
from app.web.access import RowAccess, Sees, next_cursor
from app.web.api.models import (
    AttemptOut,
    DeadLetterOut,
    DeadLettersOut,
    MessageDetailOut,
    MessageOut,
    MessagesOut,
    ReportOut,
)
from app.web.dependencies import AfterIdIn, GatewayIn, MessageIdIn, TenureIn, msisdn_of
from app.web.problems import ProblemError

router = APIRouter(tags=["messages"])
Limit = Annotated[int, Query(ge=1, le=500)]


def _fields(message: MessageRead) -> dict[str, object]:
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
        "text": message.text,
        "at": message.at.astimezone(SHANGHAI),
    }


def _out(message: MessageRead) -> MessageOut:
    return MessageOut.model_validate(_fields(message))


def _detail(found: MessageDetail) -> MessageDetailOut:
    return MessageDetailOut.model_validate(
        {
            **_fields(found.message),
            "failed_attempts": [AttemptOut.model_validate(item, from_attributes=True) for item in found.attempts],
            "reports": [ReportOut.model_validate(item, from_attributes=True) for item in found.reports],
        }
    )


def _letter(message: MessageRead) -> DeadLetterOut:
    return DeadLetterOut.model_validate({**_fields(message), "trace": message.trace})


@router.get("/messages", summary="Messages, newest first", response_model_exclude_none=True)
async def list_messages(
    access: Annotated[RowAccess, Depends(Sees("messages", Scope.READ, Scope.CARE))],
    gateway: GatewayIn,
    tenure: TenureIn,
    msisdn: str | None = None,
    direction: Literal["mo", "mt"] | None = None,
    status: Annotated[str | None, Query(pattern="^[a-z]{1,20}$")] = None,
    cursor: AfterIdIn = None,
    limit: Limit = 100,
) -> MessagesOut:
    """With ``msisdn``, messages of its present tenure; that access is recorded. Else texts need a reason."""
    number = msisdn_of(msisdn) if msisdn else None
    if number:
        await access.record(number, tenure)
    wanted = MessageFilter(number, tenure if number else None, direction, status, cursor, access.former)
    found = await gateway.management.messages.page(wanted, limit + 1)
    return MessagesOut(
        messages=await access.rows(found[:limit], _out), next_cursor=next_cursor(found, limit, lambda item: item.id)
    )


@router.get(
    "/messages/{message_id}",
    summary="One message with its history",
    response_model_exclude_none=True,
)
async def get_message(
    message_id: MessageIdIn,
    access: Annotated[RowAccess, Depends(Sees("message", Scope.READ, Scope.CARE))],
    gateway: GatewayIn,
) -> MessageDetailOut:
    """Class, attempts, the provider's ids and the raw delivery reports. The access is recorded."""
    return await access.row(await gateway.management.messages.one(message_id, former=access.former), _detail)


@router.post("/messages/{message_id}/resend", status_code=202, summary="Send a message again")
async def resend_message(
    message_id: MessageIdIn, access: Annotated[RowAccess, Depends(Sees("resend", Scope.CARE))], gateway: GatewayIn
) -> dict[str, str]:
    """Sends a new message with the same text. The caller and the reason are recorded.

    409 if the message is no longer true, if its question is closed, or if it was sent to a former customer.
    """
    found = await gateway.management.messages.find(message_id, former=access.former)
    await access.record(found.msisdn, found.tenure)
    await gateway.management.messages.resend(message_id)
    return {"id": message_id, "status": "sent again"}


@router.get("/dead-letters", summary="Messages whose handling failed three times")
async def list_dead_letters(
    access: Annotated[RowAccess, Depends(Sees("dead-letters", Scope.CARE))],
    gateway: GatewayIn,
    cursor: AfterIdIn = None,
    limit: Limit = 100,
) -> DeadLettersOut:
    """Newest first, each with where in the program it failed. Texts and whole numbers are shown only with a reason."""
    found = await gateway.management.messages.page(
        MessageFilter(None, None, "mo", "dead", cursor, access.former), limit + 1
    )
    return DeadLettersOut(
        dead_letters=await access.rows(found[:limit], _letter),
        next_cursor=next_cursor(found, limit, lambda item: item.id),
    )


@router.post("/dead-letters/{message_id}/retry", status_code=202, summary="Handle a dead letter again")
async def retry_dead_letter(
    message_id: MessageIdIn, access: Annotated[RowAccess, Depends(Sees("retry", Scope.CARE))], gateway: GatewayIn
) -> dict[str, str]:
    """It is handled as of the time it was received. The caller and the reason are recorded.

    409 if a former customer of the number sent it.
    """
    found = await gateway.management.messages.find(message_id, former=access.former)
    await access.record(found.msisdn, found.tenure)
    if not await gateway.management.messages.retry(message_id):
        raise ProblemError(404, "There is no dead letter with this id.")
    return {"id": message_id, "status": "pending"}
