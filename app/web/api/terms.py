"""New terms for those who have a service already (safety.md 3)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.domain.calendar import SHANGHAI
from app.domain.catalogue import CancelEffect
from app.services.management.tokens import Caller, Scope
from app.web.api.catalogue import Code
from app.web.bodies import Body, Fen
from app.web.dependencies import GatewayIn, needs
from app.web.times import Moment

router = APIRouter(tags=["catalogue"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]


class TermsBody(Body):
    """What is to be paid, and when it ends after an unsubscribe, from a day on."""

    price_fen: Fen = Field(examples=[500])
    cancel_effect: CancelEffect | None = Field(default=None, description="unset: the service's own")
    takes_effect_at: Moment = Field(description="the announced day, at least a confirmation window ahead")


class TermsOut(BaseModel):
    """An announcement; the questions to those who have the service follow."""

    id: str
    service_code: str
    price_fen: int
    cancel_effect: CancelEffect
    takes_effect_at: datetime


@router.post("/services/{service_code}/terms", status_code=202, summary="Announce new terms to all who have a service")
async def post_terms(service_code: Code, given: TermsBody, caller: Writer, gateway: GatewayIn) -> TermsOut:
    """Worse terms reach nobody without her own yes: each is asked by SMS, and without it the service ends that day.

    Terms that are no worse for her begin on that day by themselves. New orders go by PUT of the service.
    """
    change = await gateway.management.terms_changes.announce(
        service_code, given.price_fen, given.cancel_effect, given.takes_effect_at, f"api:{caller.name}"
    )
    return TermsOut(
        id=change.id,
        service_code=change.service_code,
        price_fen=change.price_fen,
        cancel_effect=change.cancel_effect,
        takes_effect_at=change.takes_effect_at.astimezone(SHANGHAI),
    )
