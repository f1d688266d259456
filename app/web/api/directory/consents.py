"""Routes for a subscriber's consent to marketing."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from app.domain import actors
from app.services.management.tokens import Caller, Scope
from app.web.bodies import Body, Words
from app.web.dependencies import ManagementIn, MsisdnIn, needs

router = APIRouter(prefix="/subscribers/{msisdn}/consents", tags=["campaigns"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE, Scope.CARE))]


class ConsentBody(Body):
    """Where the subscriber consented."""

    source: Words = Field(min_length=1, max_length=200, description="where the consent was given; stored as evidence")


@router.put("/marketing", summary="Record consent to marketing")
async def put_consent(msisdn: MsisdnIn, given: ConsentBody, caller: Writer, management: ManagementIn) -> dict[str, str]:
    """Without it the subscriber gets no message of class marketing. Each call is recorded as evidence."""
    await management.campaigns.give_consent(msisdn, actors.system(caller.name), given.source)
    return {"msisdn": msisdn, "marketing": "given"}


@router.delete("/marketing", summary="Withdraw consent to marketing")
async def delete_consent(msisdn: MsisdnIn, caller: Writer, management: ManagementIn) -> dict[str, str]:
    """The same as the subscriber's ``TD`` to 10086888, but without a reply. Queued marketing is not sent."""
    await management.campaigns.withdraw_consent(msisdn, actors.system(caller.name))
    return {"msisdn": msisdn, "marketing": "withdrawn"}
