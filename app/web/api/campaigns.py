"""Routes for campaigns: one text to many customers, under the rules for care and marketing (flows.md 15)."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field, model_validator

from app.domain import actors
from app.domain.account import Brand, Language, Payment
from app.domain.campaigns import CampaignMessageState, Segment
from app.domain.ids import is_id
from app.domain.messages import MessageClass
from app.domain.refusals import RefusalReason
from app.services.management.campaigns import NewCampaign, Progress
from app.services.management.tokens import Caller, Scope
from app.web.access import Private, RowAccess, Sees
from app.web.bodies import LargeBody, Words
from app.web.dependencies import ManagementIn, msisdn_of, needs
from app.web.paging import NewestFirst, NextCursor, end_of
from app.web.problems import ProblemError
from app.web.times import ShanghaiTime

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
Maker = Annotated[Caller, Depends(needs(Scope.ADMIN))]
Reader = Annotated[RowAccess, Depends(Sees("campaigns", Scope.READ, Scope.CARE))]
_MAX_NUMBERS = 10_000


class SegmentBody(LargeBody):
    """Customers who match all given fields. At least one field is required."""

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
    """A text and its recipients: either ``msisdns`` or ``segment``."""

    kind: Literal["care", "marketing"] = Field(alias="class")
    text: Words = Field(min_length=1, max_length=280, description="without the sign-off, which the gateway adds")
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
    """Numbers of customers by state.

    ``waiting``: not processed yet. ``held``: waiting for the end of quiet hours. ``recalled``: withdrawn unsent.
    """

    waiting: int
    queued: int
    held: int
    sent: int
    failed: int
    recalled: int
    skipped: dict[str, int] = Field(description="by reason: not_a_customer, no_consent, monthly_cap, restored, error")


class CampaignOut(BaseModel):
    """A campaign and its progress."""

    id: str
    kind: MessageClass = Field(serialization_alias="class")
    text: Private
    segment: SegmentBody | None
    who: str
    made_at: ShanghaiTime
    done_at: ShanghaiTime | None = Field(description="when all recipients had been processed")
    counts: CampaignCountsOut


class CampaignStartedOut(BaseModel):
    """The campaign that was started."""

    id: str


class CampaignsOut(BaseModel):
    """Campaigns, newest first."""

    campaigns: list[CampaignOut]
    next_cursor: NextCursor


def _campaign(found: Progress) -> CampaignOut:
    campaign = found.campaign
    segment = campaign.segment
    states = {state.value: found.states.get(state.value, 0) for state in CampaignMessageState}
    return CampaignOut(
        id=campaign.id,
        kind=campaign.kind,
        text=campaign.text,
        segment=SegmentBody.model_validate(asdict(segment)) if segment else None,
        who=campaign.who,
        made_at=campaign.made_at,
        done_at=found.done_at,
        counts=CampaignCountsOut(waiting=found.waiting, skipped=dict(found.skipped), **states),
    )


@router.post("", status_code=202, summary="Send one text to many")
async def start_campaign(given: CampaignBody, caller: Maker, management: ManagementIn) -> CampaignStartedOut:
    """Sent from 07:00 to 22:00 Asia/Shanghai, at most one of a class a month to each customer. Needs scope admin.

    Marketing goes only to customers who have consented.
    """
    wanted = NewCampaign(
        MessageClass(given.kind),
        given.text,
        actors.system(caller.name),
        # In a thread: parsing ten thousand numbers takes a tenth of a second.
        await asyncio.to_thread(_numbers, given.msisdns or ()),
        Segment(**given.segment.model_dump()) if given.segment else None,
    )
    return CampaignStartedOut(id=await management.campaigns.start(wanted))


def _numbers(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(msisdn_of, given)))


@router.get("", summary="Campaigns, newest first")
async def list_campaigns(
    access: Reader,
    management: ManagementIn,
    part: NewestFirst,
) -> CampaignsOut:
    """Campaigns with their progress. Texts are shown only with a reason."""
    page = await management.campaigns.page(part)
    return CampaignsOut(
        campaigns=[access.without_owner(_campaign(one)) for one in page.items], next_cursor=end_of(page)
    )


@router.get("/{campaign_id}", summary="One campaign and its progress")
async def get_campaign(
    campaign_id: Annotated[str, Path(description="the campaign's id")], access: Reader, management: ManagementIn
) -> CampaignOut:
    """Counts of its recipients by state. The text is shown only with a reason."""
    if not is_id(campaign_id):
        raise ProblemError(RefusalReason.UNKNOWN, "There is no campaign with this id.")
    return access.without_owner(_campaign(await management.campaigns.one(campaign_id)))
