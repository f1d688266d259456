"""Campaigns: one text to many, under the rules for care and marketing (flows.md 15)."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field, model_validator

from app.db.campaigns import Progress
from app.domain.account import Brand, Language, Payment
from app.domain.calendar import SHANGHAI
from app.domain.campaigns import CampaignMessageState, Segment
from app.domain.messages import MessageClass
from app.services.management.campaigns import NewCampaign
from app.services.management.tokens import Caller, Scope
from app.web.access import Private, RowAccess, Sees, next_cursor
from app.web.bodies import LargeBody, Words
from app.web.dependencies import GatewayIn, msisdn_of, needs
from app.web.problems import ProblemError

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
Maker = Annotated[Caller, Depends(needs(Scope.ADMIN))]
Reader = Annotated[RowAccess, Depends(Sees("campaigns", Scope.READ, Scope.CARE))]
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_MAX_NUMBERS = 10_000


class SegmentBody(LargeBody):
    """Customers who fit everything that is given; something must be."""

    brand: Brand | None = None
    vip: bool | None = None
    payment: Payment | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _check_not_empty(self) -> "SegmentBody":
        if not self.model_dump(exclude_none=True):
            raise ValueError("name at least one of brand, vip, payment and language")
        return self


class CampaignBody(LargeBody):
    """What is sent to whom: ``msisdns`` or ``segment``."""

    kind: Literal["care", "marketing"] = Field(alias="class")
    text: Words = Field(min_length=1, max_length=280, description="without the sign-off, which is added")
    msisdns: list[str] | None = Field(default=None, min_length=1, max_length=_MAX_NUMBERS)
    segment: SegmentBody | None = None

    @model_validator(mode="after")
    def _check_recipients(self) -> "CampaignBody":
        if (self.msisdns is None) == (self.segment is None):
            raise ValueError("give either msisdns or segment")
        if not self.text.strip():
            raise ValueError("the text is blank")
        return self


class CampaignCountsOut(BaseModel):
    """Customers by what became of them. ``waiting``: the campaign has not come to them; ``held``: until the morning."""

    waiting: int
    queued: int
    held: int
    sent: int
    failed: int
    recalled: int
    skipped: dict[str, int] = Field(description="by reason: not_a_customer, no_consent, monthly_cap, error")


class CampaignOut(BaseModel):
    """A campaign and how far it is."""

    id: str
    kind: MessageClass = Field(serialization_alias="class")
    text: Private
    segment: SegmentBody | None
    who: str
    made_at: datetime
    done_at: datetime | None = Field(description="when it had come to everybody")
    counts: CampaignCountsOut


class CampaignsOut(BaseModel):
    """Campaigns, newest first."""

    campaigns: list[CampaignOut]
    next_cursor: str | None


def _campaign(found: Progress) -> CampaignOut:
    campaign, done_at = found.campaign, found.done_at
    segment = campaign.segment
    states = {state.value: found.states.get(state.value, 0) for state in CampaignMessageState}
    return CampaignOut(
        id=campaign.id,
        kind=campaign.kind,
        text=campaign.text,
        segment=SegmentBody.model_validate(asdict(segment)) if segment else None,
        who=campaign.who,
        made_at=campaign.made_at.astimezone(SHANGHAI),
        done_at=done_at.astimezone(SHANGHAI) if done_at else None,
        counts=CampaignCountsOut(waiting=found.waiting, skipped=dict(found.skipped), **states),
    )


@router.post("", status_code=202, summary="Send one text to many")
async def post_campaign(given: CampaignBody, caller: Maker, gateway: GatewayIn) -> dict[str, str]:
    """From 07:00 to 22:00, one of a class a month for each customer, marketing with consent only; scope admin."""
    wanted = NewCampaign(
        MessageClass(given.kind),
        given.text,
        f"api:{caller.name}",
        # Beside the event loop: ten thousand numbers are read in a tenth of a second.
        await asyncio.to_thread(_numbers, given.msisdns or ()),
        Segment(**given.segment.model_dump()) if given.segment else None,
    )
    return {"id": await gateway.management.campaigns.start(wanted)}


def _numbers(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(msisdn_of, given)))


@router.get("", summary="Campaigns, newest first")
async def list_campaigns(
    access: Reader,
    gateway: GatewayIn,
    cursor: Annotated[str | None, Query(pattern=_ID, description="the next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> CampaignsOut:
    """With how far each is; texts only with a reason."""
    found = await gateway.management.campaigns.page(cursor, limit + 1)
    return CampaignsOut(
        campaigns=[access.without_owner(_campaign(one)) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda item: item.campaign.id),
    )


@router.get("/{campaign_id}", summary="How far a campaign is")
async def get_campaign(
    campaign_id: Annotated[str, Path(description="its id")], access: Reader, gateway: GatewayIn
) -> CampaignOut:
    """What became of the customers that it has come to; its text only with a reason."""
    if not re.fullmatch(_ID, campaign_id):
        raise ProblemError(404, "There is no campaign with this id.")
    return access.without_owner(_campaign(await gateway.management.campaigns.one(campaign_id)))
