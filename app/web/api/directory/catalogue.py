"""Routes for the catalogue: SPs and services."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from app.domain.catalogue import Service, ServiceProvider
from app.services.management.tokens import Scope
from app.web.api.directory.models import ServiceBody, ServiceProviderBody
from app.web.dependencies import ManagementIn, needs

router = APIRouter(tags=["catalogue"], dependencies=[Depends(needs(Scope.DIRECTORY_WRITE))])
CODE_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"
Code = Annotated[str, Path(pattern=CODE_PATTERN)]


@router.put("/service-providers/{sp_code}", summary="Create or replace an SP")
async def put_service_provider(sp_code: Code, given: ServiceProviderBody, management: ManagementIn) -> dict[str, str]:
    """Customers read the names: 1 to 20 characters that say nothing false.

    A name contains no list punctuation, amount of money or link, and ends with no sign that could run into a price. A
    whole name is not a number, an answer or a keyword.
    """
    fields = given.model_dump(exclude={"webhook_secret"})
    provider = ServiceProvider(sp_code=sp_code, **fields)
    await management.directory.put_service_provider(provider, given.webhook_secret)
    return {"sp_code": sp_code}


@router.put("/services/{service_code}", summary="Create or replace a service")
async def put_service(service_code: Code, given: ServiceBody, management: ManagementIn) -> dict[str, str]:
    """The rules for names of SPs apply. Subscribers of the service keep their price and their way to leave by SMS.

    409 for another SP or billing of a service that has subscribers; 422 for a price where ``billing`` is free.
    """
    await management.directory.put_service(Service(service_code=service_code, **given.model_dump()))
    return {"service_code": service_code}
