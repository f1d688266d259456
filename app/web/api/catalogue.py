"""SPs and services."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from app.domain.catalogue import Service, ServiceProvider
from app.services.management.tokens import Scope
from app.web.api.models import ServiceBody, ServiceProviderBody
from app.web.dependencies import GatewayIn, needs

router = APIRouter(tags=["catalogue"], dependencies=[Depends(needs(Scope.DIRECTORY_WRITE))])
CODE_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"
Code = Annotated[str, Path(pattern=CODE_PATTERN)]


@router.put("/service-providers/{sp_code}", summary="Create or replace an SP")
async def put_service_provider(sp_code: Code, given: ServiceProviderBody, gateway: GatewayIn) -> dict[str, str]:
    """Names are what customers read: 1 to 20 characters that say nothing false.

    No list punctuation, no amount of money, no link, no sign at the end that could run into a price; and a name as a
    whole is no number, no answer and no keyword.
    """
    fields = given.model_dump(exclude={"webhook_secret"})
    provider = ServiceProvider(sp_code=sp_code, **fields)
    await gateway.management.directory.put_service_provider(provider, given.webhook_secret)
    return {"sp_code": sp_code}


@router.put("/services/{service_code}", summary="Create or replace a service")
async def put_service(service_code: Code, given: ServiceBody, gateway: GatewayIn) -> dict[str, str]:
    """Its name is judged as an SP's. Whoever has the service keeps her price and her way out by SMS.

    Another SP or billing of a service that somebody has is refused (409), and a price of one that is free (422).
    """
    await gateway.management.directory.put_service(Service(service_code=service_code, **given.model_dump()))
    return {"service_code": service_code}
