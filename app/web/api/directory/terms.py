"""The route for new terms for present subscribers of a service (safety.md 3)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.domain import actors
from app.domain.catalogue import CancelEffect
from app.services.management.tokens import Caller, Scope
from app.web.answers import answer
from app.web.api.directory.catalogue import Code
from app.web.bodies import Body, Fen
from app.web.dependencies import ManagementIn, needs
from app.web.times import Moment, ShanghaiTime

router = APIRouter(tags=["catalogue"])
Writer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]


class TermsBody(Body):
    """The price and the cancel effect from a day on."""

    price_fen: Fen = Field(examples=[500])
    cancel_effect: CancelEffect | None = Field(default=None, description="default: the service's own")
    takes_effect_at: Moment = Field(description="the announced day, at least a confirmation window ahead")


class TermsOut(BaseModel):
    """An announcement of new terms. The subscribers of the service are asked afterwards."""

    id: str
    service_code: str
    price_fen: int
    cancel_effect: CancelEffect
    takes_effect_at: ShanghaiTime


@router.post(
    "/services/{service_code}/terms", status_code=202, summary="Announce new terms to all subscribers of a service"
)
async def announce_terms(service_code: Code, given: TermsBody, caller: Writer, management: ManagementIn) -> TermsOut:
    """Worse terms need each subscriber's own yes: they are asked by SMS, and without a yes the service ends that day.

    Terms that are no worse for a subscriber take effect that day by themselves. For new orders, PUT the service.
    """
    change = await management.terms_changes.announce(
        service_code, given.price_fen, given.cancel_effect, given.takes_effect_at, actors.system(caller.name)
    )
    return answer(TermsOut, change)
