"""Consent to marketing."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from app.services.management.tokens import Caller, Scope
from app.web.bodies import Body, Words
from app.web.dependencies import GatewayIn, MsisdnIn, needs

router = APIRouter(prefix="/subscribers/{msisdn}/consents", tags=["campaigns"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE, Scope.CARE))]


class ConsentBody(Body):
    """Where she agreed."""

    source: Words = Field(min_length=1, max_length=200, description="where it was given; kept as evidence")


@router.put("/marketing", summary="She agreed to marketing")
async def put_consent(msisdn: MsisdnIn, given: ConsentBody, caller: Writer, gateway: GatewayIn) -> dict[str, str]:
    """Without this no message of class marketing is sent to her; each time is evidence of its own."""
    await gateway.management.campaigns.give_consent(msisdn, f"api:{caller.name}", given.source)
    return {"msisdn": msisdn, "marketing": "given"}


@router.delete("/marketing", summary="She takes it back")
async def delete_consent(msisdn: MsisdnIn, caller: Writer, gateway: GatewayIn) -> dict[str, str]:
    """The same as her TD to 10086888, but she is not answered; what waits is not sent. Twice is as good as once."""
    await gateway.management.campaigns.withdraw_consent(msisdn, f"api:{caller.name}")
    return {"msisdn": msisdn, "marketing": "withdrawn"}
