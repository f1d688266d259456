"""Routes for a subscriber's consent to marketing."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from app.domain import actors
from app.domain.consents import MarketingConsent
from app.services.management.owners import OwnerFilter
from app.services.management.tokens import Caller, Scope
from app.web.access import Private, RowAccess, Sees
from app.web.bodies import Body, Words
from app.web.dependencies import ManagementIn, MsisdnIn, TenureIn, needs
from app.web.times import ShanghaiTime

router = APIRouter(prefix="/subscribers/{msisdn}/consents", tags=["campaigns"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE, Scope.CARE))]


class ConsentBody(Body):
    """Where the subscriber consented."""

    source: Words = Field(min_length=1, max_length=200, description="where the consent was given; stored as evidence")


class ConsentOut(BaseModel):
    """A consent to marketing: whether it holds, where and when it was given, and when it was withdrawn."""

    msisdn: str
    marketing: Literal["given", "withdrawn"]
    source: Private = None
    given_at: ShanghaiTime
    withdrawn_at: ShanghaiTime | None


def _out(msisdn: str, found: MarketingConsent) -> ConsentOut:
    return ConsentOut(
        msisdn=msisdn,
        marketing="given" if found.is_open else "withdrawn",
        source=found.source,
        given_at=found.made_at,
        withdrawn_at=found.withdrawn_at,
    )


@router.get("/marketing", summary="A subscriber's consent to marketing")
async def get_consent(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("consent", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
) -> ConsentOut:
    """The latest of the current tenure; 404 if there was none. The access is recorded."""
    await access.record(msisdn, tenure)
    found = await management.reading.consent(OwnerFilter(msisdn, tenure))
    return await access.row(OwnerFilter(msisdn, tenure), lambda owner: _out(owner.msisdn, found))


@router.put(
    "/marketing",
    summary="Record consent to marketing",
    responses={201: {"model": ConsentOut, "description": "there was none"}},
)
async def give_consent(
    msisdn: MsisdnIn, given: ConsentBody, caller: Writer, management: ManagementIn, response: Response
) -> ConsentOut:
    """Without it the subscriber gets no message of class marketing. Each call is recorded as evidence."""
    done = await management.campaigns.give_consent(msisdn, actors.system(caller.name), given.source)
    response.status_code = 201 if done.is_new else 200
    return _out(msisdn, done.consent)


class WithdrawnOut(BaseModel):
    """The subscriber gets no message of class marketing."""

    msisdn: str
    marketing: Literal["withdrawn"] = "withdrawn"


@router.delete("/marketing", summary="Withdraw consent to marketing")
async def withdraw_consent(msisdn: MsisdnIn, caller: Writer, management: ManagementIn) -> WithdrawnOut:
    """The same as the subscriber's ``TD`` to 10086888, but without a reply. Queued marketing is not sent."""
    await management.campaigns.withdraw_consent(msisdn, actors.system(caller.name))
    return WithdrawnOut(msisdn=msisdn)
