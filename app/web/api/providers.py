"""The route for the providers of the settings, with their state and without their secrets."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.domain.storage import StorageUnavailableError
from app.providers.base import Provider
from app.services.delivery.breaker import CircuitState
from app.services.delivery.health import ProviderHealth
from app.services.management.tokens import Scope
from app.services.paging import PageRequest, SortOrder, page_of_rows
from app.web.dependencies import GatewayIn, needs
from app.web.paging import NextCursor, end_of, paging

router = APIRouter(tags=["providers"], dependencies=[Depends(needs(Scope.READ))])
_pages = paging(SortOrder.ASC, r"^[A-Za-z0-9_.-]{1,64}$")


class BindsOut(BaseModel):
    """The binds of a session carrier in all processes: how many there should be, and how many are up."""

    wanted: int
    up: int
    last_error: str | None


class ProviderOut(BaseModel):
    """A provider of the settings and its state."""

    name: str
    kind: str = Field(description="such as generic or smpp")
    sends: bool = Field(description="false: messages only come in by it")
    is_default: bool = Field(description="takes what belongs to no other provider")
    circuit: CircuitState | None = Field(description="open: sending is paused; null if it does not send")
    binds: BindsOut | None = Field(description="null for a provider without binds")


class ProvidersOut(BaseModel):
    """Providers, by name."""

    providers: list[ProviderOut]
    next_cursor: NextCursor


@router.get("/providers", summary="Providers, by name")
async def list_providers(gateway: GatewayIn, part: Annotated[PageRequest, Depends(_pages)]) -> ProvidersOut:
    """The providers of the settings file with what `/readyz` says of each. Nothing secret is shown."""
    states = await gateway.upkeep.health.providers()
    if states is None:
        raise StorageUnavailableError
    default = gateway.carriers.default.name
    rows = [
        _out(name, provider, states.get(name, ProviderHealth()), is_default=name == default)
        for name, provider in gateway.carriers.providers.items()
    ]
    page = page_of_rows(rows, part, lambda row: row.name)
    return ProvidersOut(providers=page.items, next_cursor=end_of(page))


def _out(name: str, provider: Provider, health: ProviderHealth, *, is_default: bool) -> ProviderOut:
    binds = BindsOut(wanted=provider.slots, up=health.binds_up, last_error=health.last_error)
    return ProviderOut(
        name=name,
        kind=provider.kind,
        sends=provider.can_send,
        is_default=is_default,
        circuit=health.circuit if provider.can_send else None,
        binds=binds if provider.slots else None,
    )
