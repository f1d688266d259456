"""The types of lines in a bulk import: for each, the fields of the corresponding PUT and its handler."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Literal, TypeAlias, cast, get_args

from pydantic import BaseModel, Field, ValidationError

from app.domain.catalogue import Service, ServiceProvider
from app.domain.values import value
from app.providers.validation import error_details
from app.services.gateway import Management
from app.services.management.import_lines import Columns, ImportLine
from app.services.management.imports import InvalidLineError, LineCall
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


async def _put_provider(management: Management, _caller: Caller, line: _ServiceProviderLine) -> tuple[str, ...]:
    fields = line.model_dump(exclude={"webhook_secret"})
    await management.directory.put_service_provider(ServiceProvider(**fields), line.webhook_secret)
    return ()


async def _put_service(management: Management, _caller: Caller, line: _ServiceLine) -> tuple[str, ...]:
    await management.directory.put_service(Service(**line.model_dump()))
    return ()


async def _put_subscriber(management: Management, caller: Caller, line: _SubscriberLine) -> tuple[str, ...]:
    msisdn = msisdn_of(line.msisdn)
    change = change_of(line, caller, create=True)
    await management.directory.set_subscriber(msisdn, change, line.service_password)
    return ()


async def _put_subscription(management: Management, caller: Caller, line: _SubscriptionLine) -> tuple[str, ...]:
    wanted = import_of(line, caller, line.service_code)
    return await management.directory.import_subscription(msisdn_of(line.msisdn), wanted)


_Handler: TypeAlias = Callable[[Management, Caller, object], Awaitable[tuple[str, ...]]]


@value
class Kind:
    """A type of line.

    ``handler`` imports a line and returns the names of the fields that were not imported. Neighbouring lines of
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


def parser(
    management: Management, caller: Caller, default: str | None, *, strings: bool
) -> Callable[[ImportLine], LineCall]:
    """Return the parser of a file's lines. ``default`` is the type of lines that name none.

    ``strings``: all values of the file are strings, as in CSV.
    """

    def parse(line: ImportLine) -> LineCall:
        if line.problem is not None:
            raise InvalidLineError(lambda: f"The line {line.problem}.")
        fields = dict(line.fields)
        name = fields.pop("type", default)
        kind = KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            raise InvalidLineError(lambda: f"type: one of {', '.join(KINDS)}.")
        try:
            body = kind.body.model_validate_strings(fields) if strings else kind.body.model_validate(fields)
        except ValidationError as error:
            raise InvalidLineError(partial(error_details, error)) from None
        msisdn = getattr(body, "msisdn", None)
        return LineCall(partial(kind.handler, management, caller, body), str(name), kind.concurrent, msisdn)

    return parse


def columns_of(body: type[BaseModel]) -> Columns:
    """Return the column names that a CSV file of this type may have and must have."""
    known: set[str] = {"type"}
    for name, field in body.model_fields.items():
        inner = [kind for kind in get_args(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        known |= {f"{name}.{key}" for kind in inner for key in kind.model_fields} or {name}
    needed = {name for name, field in body.model_fields.items() if field.is_required()}
    return Columns(frozenset(known), frozenset(needed))
