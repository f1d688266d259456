"""The types of lines in a bulk import: for each, the fields of the corresponding PUT and its handler."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, TypeAlias, cast, get_args

from pydantic import BaseModel, Field, ValidationError

from app.domain.catalogue import Service, ServiceProvider
from app.domain.values import value
from app.providers.validation import error_details
from app.services.gateway import Management
from app.services.management.directory import with_password
from app.services.management.import_lines import Columns, ImportLine
from app.services.management.imports import CatalogueLine, InvalidLineError, TurnLine
from app.services.management.tokens import Caller
from app.web.api.directory.catalogue import CODE_PATTERN
from app.web.api.directory.models import ServiceBody, ServiceProviderBody, SubscriberBody, SubscriptionBody
from app.web.api.directory.subscribers import change_of
from app.web.api.directory.subscriptions import import_of
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


def _provider_line(management: Management, _caller: Caller, line: _ServiceProviderLine) -> CatalogueLine:
    provider = ServiceProvider(**line.model_dump(exclude={"webhook_secret"}))
    return CatalogueLine(partial(management.directory.put_service_provider, provider, line.webhook_secret))


def _service_line(management: Management, _caller: Caller, line: _ServiceLine) -> CatalogueLine:
    return CatalogueLine(partial(management.directory.put_service, Service(**line.model_dump())))


def _subscriber_line(_management: Management, caller: Caller, line: _SubscriberLine) -> TurnLine:
    msisdn = msisdn_of(line.msisdn)
    change = change_of(line, caller.name, create=True)
    return TurnLine(msisdn, with_password(change, msisdn, line.service_password))


def _subscription_line(_management: Management, caller: Caller, line: _SubscriptionLine) -> TurnLine:
    return TurnLine(msisdn_of(line.msisdn), import_of(line, caller, line.service_code))


_Handler: TypeAlias = Callable[[Management, Caller, object], TurnLine | CatalogueLine]


@value
class Kind:
    """A type of line. ``handler`` returns what a line of it asks for, or raises RefusedError; it runs in a thread."""

    body: type[BaseModel]
    handler: _Handler


def _line_kind(body: type[BaseModel], handler: object) -> Kind:
    # Each handler takes a line of the body that is given with it.
    return Kind(body, cast("_Handler", handler))


KINDS: Mapping[str, Kind] = {
    "service_provider": _line_kind(_ServiceProviderLine, _provider_line),
    "service": _line_kind(_ServiceLine, _service_line),
    "subscriber": _line_kind(_SubscriberLine, _subscriber_line),
    "subscription": _line_kind(_SubscriptionLine, _subscription_line),
}
KindName = Literal["service_provider", "service", "subscriber", "subscription"]


def parser(
    management: Management, caller: Caller, default: str | None, *, strings: bool
) -> Callable[[ImportLine], TurnLine | CatalogueLine]:
    """Return the parser of a file's lines. ``default`` is the type of lines that name none.

    ``strings``: all values of the file are strings, as in CSV.
    """

    def parse(line: ImportLine) -> TurnLine | CatalogueLine:
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
        return kind.handler(management, caller, body)

    return parse


def columns_of(body: type[BaseModel]) -> Columns:
    """Return the column names that a CSV file of this type may have and must have."""
    known: set[str] = {"type"}
    for name, field in body.model_fields.items():
        inner = [kind for kind in get_args(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        known |= {f"{name}.{key}" for kind in inner for key in kind.model_fields} or {name}
    needed = {name for name, field in body.model_fields.items() if field.is_required()}
    return Columns(frozenset(known), frozenset(needed))
