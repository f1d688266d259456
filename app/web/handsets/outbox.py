"""The number of a handset, and the messages that are on their way to it."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.services.simulator.outbox import Wait, WaitingMessage, outbox_of
from app.web.dependencies import GatewayIn, MsisdnIn
from app.web.simulator import number_of
from app.web.times import ShanghaiTime

router = APIRouter()


class NumberOut(BaseModel):
    """The number of a handset in E.164."""

    msisdn: str


class OutboxMessageOut(BaseModel):
    """A message on its way to a handset, or one that was given up. It has no text: that shows when it arrives."""

    id: str
    sender: str = Field(serialization_alias="from")
    status: Literal["queued", "sending", "failed", "expired"]
    attempts: int
    waits_for: Wait | None = Field(
        default=None,
        description="attempt: the next one, after a pause; earlier: a message before it; pause: the network failed so "
        "often that nothing is sent to it for a while",
    )
    next_attempt_at: ShanghaiTime | None = Field(default=None, description="not before then; by the gateway's clock")
    reason: str | None = Field(default=None, description="what the network answered to the last attempt")
    shown: bool = Field(description="the handset shows it, but the network's answer was lost")
    made_at: ShanghaiTime
    in_reply_to: str | None = None


class OutboxOut(BaseModel):
    """What is on its way to a handset or was given up, oldest first, at most a hundred messages."""

    messages: list[OutboxMessageOut]


def _out(waiting: WaitingMessage) -> OutboxMessageOut:
    item = waiting.message
    return OutboxMessageOut.model_validate(
        {
            "id": item.id,
            "sender": item.service_number,
            "status": item.status,
            "attempts": item.attempts,
            "waits_for": waiting.waits_for,
            "next_attempt_at": waiting.next_attempt_at,
            "reason": item.error_code,
            "shown": item.is_shown,
            "made_at": item.made_at,
            "in_reply_to": item.in_reply_to,
        }
    )


async def read_outbox(gateway: GatewayIn, number: str) -> OutboxOut:
    """Return what is on its way to a handset."""
    providers = gateway.carriers.handset_providers
    found = await gateway.storage.database.read(lambda connection: outbox_of(connection, number, providers))
    return OutboxOut(messages=list(map(_out, found)))


@router.get("/handsets/{msisdn}", summary="The number of a handset")
async def read_number(msisdn: MsisdnIn) -> NumberOut:
    """The number in E.164, or 422 if it is no mobile number: texts of such a sender are recorded, never answered."""
    return NumberOut(msisdn=msisdn)


@router.get("/handsets/{msisdn}/outbox", summary="What is on its way to the handset", response_model_exclude_none=True)
async def list_outbox(msisdn: str, gateway: GatewayIn) -> OutboxOut:
    """Messages that the network did not take yet, or whose answer was lost, and those that were given up."""
    return await read_outbox(gateway, number_of(msisdn))
