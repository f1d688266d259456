"""Routes for the catalogue: SPs and services."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from app.domain.catalogue import Billing, Service, ServiceProvider
from app.services.management.directory import service_version
from app.services.management.reading import ServiceFilter
from app.services.management.tokens import Scope
from app.services.paging import PageRequest, SortOrder
from app.web.answers import answer
from app.web.api.directory.etags import ExpectedIn, KnownIn, etag, not_modified
from app.web.api.directory.models import (
    ServiceBody,
    ServiceOut,
    ServiceProviderBody,
    ServiceProviderOut,
    ServiceProvidersOut,
    ServicesOut,
)
from app.web.dependencies import ManagementIn, needs
from app.web.paging import end_of, paging

CODE_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"
Code = Annotated[str, Path(pattern=CODE_PATTERN)]
CodePage = Annotated[PageRequest, Depends(paging(SortOrder.ASC, CODE_PATTERN))]
writes = APIRouter(tags=["catalogue"], dependencies=[Depends(needs(Scope.DIRECTORY_WRITE))])
# No customer's data, so every token reads it.
_READERS = (Scope.READ, Scope.CARE, Scope.DIRECTORY_WRITE, Scope.BILLING_WRITE)
reads = APIRouter(tags=["catalogue"], dependencies=[Depends(needs(*_READERS))])
_NEW = {201: {"description": "created"}}


def _provider_out(found: ServiceProvider) -> ServiceProviderOut:
    return answer(ServiceProviderOut, found)


def _service_out(found: Service) -> ServiceOut:
    return answer(ServiceOut, found)


# ---- SPs


@writes.put(
    "/service-providers/{sp_code}",
    summary="Create or replace an SP",
    responses={201: {"model": ServiceProviderOut, **_NEW[201]}},
)
async def put_service_provider(
    sp_code: Code, given: ServiceProviderBody, management: ManagementIn, response: Response
) -> ServiceProviderOut:
    """Customers read the names: 1 to 20 characters that say nothing false.

    A name contains no list punctuation, amount of money or link, and ends with no sign that could run into a price. A
    whole name is not a number, an answer or a keyword.
    """
    fields = given.model_dump(exclude={"webhook_secret"})
    provider = ServiceProvider(sp_code=sp_code, **fields)
    is_new = await management.directory.put_service_provider(provider, given.webhook_secret)
    response.status_code = 201 if is_new else 200
    return _provider_out(provider)


@reads.get("/service-providers", summary="SPs, by code")
async def list_service_providers(
    management: ManagementIn,
    part: CodePage,
    own: Annotated[bool | None, Query(description="the operator's own")] = None,
) -> ServiceProvidersOut:
    """Secrets of webhooks are never shown."""
    page = await management.reading.service_providers(part, own=own)
    return ServiceProvidersOut(service_providers=list(map(_provider_out, page.items)), next_cursor=end_of(page))


@reads.get("/service-providers/{sp_code}", summary="One SP")
async def get_service_provider(sp_code: Code, management: ManagementIn) -> ServiceProviderOut:
    """The SP as it was written, without the secret of its webhook."""
    return _provider_out(await management.reading.service_provider(sp_code))


# ---- services


@writes.put(
    "/services/{service_code}",
    summary="Create or replace a service",
    responses={201: {"model": ServiceOut, **_NEW[201]}},
)
async def put_service(
    service_code: Code, given: ServiceBody, management: ManagementIn, expected: ExpectedIn, response: Response
) -> ServiceOut:
    """The rules for names of SPs apply. Subscribers of the service keep their price and their way to leave by SMS.

    409 for another SP or billing of a service that has subscribers; 422 for a price where ``billing`` is free.
    """
    service = Service(service_code=service_code, **given.model_dump())
    put = await management.directory.put_service(service, expected)
    response.status_code = 201 if put.is_new else 200
    response.headers["ETag"] = etag(service_version(put.service))
    return _service_out(put.service)


async def _service_filter(
    sp_code: Annotated[str | None, Query(pattern=CODE_PATTERN)] = None,
    billing: Billing | None = None,
    on_offer: bool | None = None,  # noqa: FBT001  a query parameter
    visible: bool | None = None,  # noqa: FBT001  a query parameter
) -> ServiceFilter:
    return ServiceFilter(sp_code, billing, on_offer, visible)


@reads.get("/services", summary="Services, by code")
async def list_services(
    management: ManagementIn, part: CodePage, wanted: Annotated[ServiceFilter, Depends(_service_filter)]
) -> ServicesOut:
    """Services as they are offered now; what a customer pays stands in the customer's subscription."""
    page = await management.reading.services(wanted, part)
    return ServicesOut(services=list(map(_service_out, page.items)), next_cursor=end_of(page))


@reads.get("/services/{service_code}", summary="One service", response_model=ServiceOut)
async def get_service(
    service_code: Code, management: ManagementIn, known: KnownIn, response: Response
) -> ServiceOut | Response:
    """The service as it is offered now. Send its ``ETag`` as ``If-Match`` with the next PUT."""
    found = await management.reading.service(service_code)
    if known.has(response, service_version(found)):
        return not_modified(response)
    return _service_out(found)


router = APIRouter()
router.include_router(reads)
router.include_router(writes)
