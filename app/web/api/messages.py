"""Routes for messages in both directions, and for dead letters."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.domain.messages import InboundStatus
from app.domain.refusals import RefusalReason
from app.services.management.messages import MessageDetail, MessageFilter, MessageRead
from app.services.management.tokens import Scope
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.models import (
    AttemptOut,
    DeadLetterOut,
    DeadLettersOut,
    Direction,
    DoneOut,
    MessageDetailOut,
    MessageOut,
    MessagesOut,
    MessageStatus,
    ReportOut,
)
from app.web.dependencies import ManagementIn, MessageIdIn, TenureIn, msisdn_of
from app.web.paging import NewestFirst, end_of
from app.web.problems import ProblemError

router = APIRouter(tags=["messages"])


def _fields(message: MessageRead) -> dict[str, object]:
    """Return the fields of a message in an answer that are not those of ``MessageRead``."""
    ends = (message.msisdn, message.service_number)
    sender, to = ends if message.direction == "mo" else reversed(ends)
    return {"sender": sender, "to": to}


def _out(message: MessageRead) -> MessageOut:
    return answer(MessageOut, message, **_fields(message))


def _detail(found: MessageDetail) -> MessageDetailOut:
    return answer(
        MessageDetailOut,
        found.message,
        **_fields(found.message),
        failed_attempts=[answer(AttemptOut, item) for item in found.attempts],
        reports=[answer(ReportOut, item) for item in found.reports],
    )


def _letter(message: MessageRead) -> DeadLetterOut:
    return answer(DeadLetterOut, message, **_fields(message))


@router.get("/messages", summary="Messages, newest first", response_model_exclude_none=True)
async def list_messages(
    access: Annotated[RowAccess, Depends(Sees("messages", Scope.READ, Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
    part: NewestFirst,
    msisdn: str | None = None,
    direction: Direction | None = None,
    status: MessageStatus | None = None,
) -> MessagesOut:
    """With ``msisdn``, messages of its present tenure; that access is recorded. Else texts need a reason."""
    number = msisdn_of(msisdn) if msisdn else None
    if number:
        await access.record(number, tenure)
    wanted = MessageFilter(number, tenure if number else None, direction, status, access.former)
    page = await management.messages.page(wanted, part)
    return MessagesOut(messages=await access.rows(page.items, _out), next_cursor=end_of(page))


@router.get(
    "/messages/{message_id}",
    summary="One message with its history",
    response_model_exclude_none=True,
)
async def get_message(
    message_id: MessageIdIn,
    access: Annotated[RowAccess, Depends(Sees("message", Scope.READ, Scope.CARE))],
    management: ManagementIn,
) -> MessageDetailOut:
    """Class, attempts, the provider's ids and the raw delivery reports. The access is recorded."""
    return await access.row(await management.messages.one(message_id, former=access.former), _detail)


@router.post("/messages/{message_id}/resend", status_code=202, summary="Send a message again")
async def resend_message(
    message_id: MessageIdIn, access: Annotated[RowAccess, Depends(Sees("resend", Scope.CARE))], management: ManagementIn
) -> DoneOut:
    """Sends a new message with the same text. The caller and the reason are recorded.

    409 if the message is no longer true, if its question is closed, or if it was sent to a former customer.
    """
    found = await management.messages.find(message_id, former=access.former)
    await access.record(found.msisdn, found.tenure)
    await management.messages.resend(message_id)
    return DoneOut(id=message_id, status="sent again")


@router.get("/dead-letters", summary="Messages whose handling failed three times")
async def list_dead_letters(
    access: Annotated[RowAccess, Depends(Sees("dead-letters", Scope.CARE))],
    management: ManagementIn,
    part: NewestFirst,
) -> DeadLettersOut:
    """Newest first, each with where in the program it failed. Texts and whole numbers are shown only with a reason."""
    wanted = MessageFilter(None, None, "mo", InboundStatus.DEAD, access.former)
    page = await management.messages.page(wanted, part)
    return DeadLettersOut(dead_letters=await access.rows(page.items, _letter), next_cursor=end_of(page))


@router.post("/dead-letters/{message_id}/retry", status_code=202, summary="Handle a dead letter again")
async def retry_dead_letter(
    message_id: MessageIdIn, access: Annotated[RowAccess, Depends(Sees("retry", Scope.CARE))], management: ManagementIn
) -> DoneOut:
    """It is handled as of the time it was received. The caller and the reason are recorded.

    409 if a former customer of the number sent it.
    """
    found = await management.messages.find(message_id, former=access.former)
    await access.record(found.msisdn, found.tenure)
    if not await management.messages.retry(message_id):
        raise ProblemError(RefusalReason.UNKNOWN, "There is no dead letter with this id.")
    return DoneOut(id=message_id, status="pending")
