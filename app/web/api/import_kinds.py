"""The types of lines in a bulk import: for each, the fields of the corresponding PUT and its handler."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias, cast, get_args

from pydantic import BaseModel, Field

from app.domain.catalogue import Service, ServiceProvider
from app.domain.values import value
from app.services.gateway import Gateway
from app.services.management.import_lines import Columns
from app.services.management.tokens import Caller
from app.web.api.catalogue import CODE_PATTERN
from app.web.api.models import ServiceBody, ServiceProviderBody, SubscriberBody, SubscriptionBody
from app.web.api.subscribers import change_of, import_of
from app.web.dependencies import msisdn_of


class _ServiceProviderLine(ServiceProviderBody):
    sp_code: str = Field(pattern=CODE_PATTERN)


class _ServiceLine(ServiceBody):
    service_code: str = Field(pattern=CODE_PATTERN)


class _SubscriberLine(SubscriberBody):
    msisdn: str


class _SubscriptionLine(SubscriptionBody):
    msisdn: str
    service_code: str


async def _put_provider(gateway: Gateway, _caller: Caller, line: _ServiceProviderLine) -> None:
    fields = line.model_dump(exclude={"webhook_secret"})
    await gateway.management.directory.put_service_provider(ServiceProvider(**fields), line.webhook_secret)


async def _put_service(gateway: Gateway, _caller: Caller, line: _ServiceLine) -> None:
    await gateway.management.directory.put_service(Service(**line.model_dump()))


async def _put_subscriber(gateway: Gateway, caller: Caller, line: _SubscriberLine) -> None:
    msisdn = msisdn_of(line.msisdn)
    await gateway.management.directory.set_subscriber(msisdn, await change_of(msisdn, line, caller, create=True))


async def _put_subscription(gateway: Gateway, caller: Caller, line: _SubscriptionLine) -> tuple[str, ...]:
    wanted = import_of(line, caller, line.service_code)
    return await gateway.management.directory.import_subscription(msisdn_of(line.msisdn), wanted)


_Handler: TypeAlias = Callable[[Gateway, Caller, object], Awaitable[tuple[str, ...] | None]]


@value
class Kind:
    """A type of line.

    ``handler`` imports a line and returns the names of the fields that were not imported, if any. Neighbouring lines of
    a ``concurrent`` type are handled at the same time and so share commits.
    """

    body: type[BaseModel]
    handler: _Handler
    concurrent: bool


def _line_kind(body: type[BaseModel], handler: object, *, concurrent: bool) -> Kind:
    # Each handler takes a line of the body that is given with it.
    return Kind(body, cast("_Handler", handler), concurrent)


KINDS: Mapping[str, Kind] = {
    "service_provider": _line_kind(_ServiceProviderLine, _put_provider, concurrent=False),
    "service": _line_kind(_ServiceLine, _put_service, concurrent=False),
    "subscriber": _line_kind(_SubscriberLine, _put_subscriber, concurrent=True),
    "subscription": _line_kind(_SubscriptionLine, _put_subscription, concurrent=True),
}
KindName = Literal["service_provider", "service", "subscriber", "subscription"]


def columns_of(body: type[BaseModel]) -> Columns:
    """Return the column names that a CSV file of this type may have and must have."""
    known: set[str] = {"type"}
    for name, field in body.model_fields.items():
        inner = [kind for kind in get_args(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        known |= {f"{name}.{key}" for kind in inner for key in kind.model_fields} or {name}
    needed = {name for name, field in body.model_fields.items() if field.is_required()}
    return Columns(frozenset(known), frozenset(needed))
