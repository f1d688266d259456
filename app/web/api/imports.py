"""Bulk imports: many of the directory's calls in one file, each line judged by itself (http-api.md)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, TypeAlias, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, ValidationError

from app import observability
from app.db.session import StorageUnavailableError
from app.domain.catalogue import Service, ServiceProvider
from app.domain.values import value
from app.providers.generic import explain
from app.services.gateway import Gateway
from app.services.import_lines import HeadingError, ImportLine, csv_lines, json_lines
from app.services.refusals import RefusedError
from app.services.tokens import Caller, Scope
from app.web.api.catalogue import CODE_PATTERN
from app.web.api.models import ServiceBody, ServiceProviderBody, SubscriberBody, SubscriptionBody
from app.web.api.subscribers import change_of, import_of
from app.web.dependencies import GatewayIn, msisdn_of, needs
from app.web.problems import ProblemError

log = observability.logger(__name__)
router = APIRouter(tags=["imports"])
Importer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]
LARGEST = 64 * 1024 * 1024
_IN_MEMORY = 1024 * 1024
# Lines carried out at once: they share commits.
_TOGETHER = 500
_KEPT_SHOWN = 1000
_JSON_EXAMPLE = (
    '{"type": "subscriber", "msisdn": "13700137000", "brand": "gotone", "payment": "postpaid", "balance_fen": 0, '
    '"points": 0, "status": "active"}\n'
    '{"type": "subscription", "msisdn": "13700137000", "service_code": "CL", "state": "active", "in_plan": false, '
    '"started_at": "2026-01-05T09:00:00+08:00", "channel": "web"}\n'
)
_CSV_EXAMPLE = (
    "msisdn,brand,payment,balance_fen,points,status,plan.name,plan.data_kb\n13700137000,gotone,postpaid,0,0,active,,\n"
)


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
    await gateway.directory.put_service_provider(ServiceProvider(**fields), line.webhook_secret)


async def _put_service(gateway: Gateway, _caller: Caller, line: _ServiceLine) -> None:
    await gateway.directory.put_service(Service(**line.model_dump()))


async def _put_subscriber(gateway: Gateway, caller: Caller, line: _SubscriberLine) -> None:
    msisdn = msisdn_of(line.msisdn)
    await gateway.directory.set_subscriber(msisdn, await change_of(msisdn, line, caller, create=True))


async def _put_subscription(gateway: Gateway, caller: Caller, line: _SubscriptionLine) -> tuple[str, ...]:
    wanted = import_of(line, caller, line.service_code)
    return await gateway.directory.import_subscription(msisdn_of(line.msisdn), wanted)


_Run: TypeAlias = Callable[[Gateway, Caller, object], Awaitable[tuple[str, ...] | None]]


@value
class _Kind:
    """A type of line; those ``at_once`` may share commits with their neighbours of the same type.

    ``run`` returns the fields that were not taken over, if any.
    """

    body: type[BaseModel]
    run: _Run
    at_once: bool


def _kind(body: type[BaseModel], run: object, *, at_once: bool) -> _Kind:
    # Each function takes the body that stands beside it.
    return _Kind(body, cast("_Run", run), at_once)


_KINDS: Mapping[str, _Kind] = {
    "service_provider": _kind(_ServiceProviderLine, _put_provider, at_once=False),
    "service": _kind(_ServiceLine, _put_service, at_once=False),
    "subscriber": _kind(_SubscriberLine, _put_subscriber, at_once=True),
    "subscription": _kind(_SubscriptionLine, _put_subscription, at_once=True),
}


class LineFaultOut(BaseModel):
    """A line that was not imported, and why; counted from 1, in CSV with the row of names."""

    line: int
    status: int
    detail: str


class ImportOut(BaseModel):
    """What became of a file.

    ``kept``: by line, the fields of an imported one of which the gateway keeps its own values; at most 1,000 lines.
    """

    lines: int
    imported: int
    failed: int
    errors: list[LineFaultOut]
    kept: dict[int, list[str]]


@router.post(
    "/imports",
    summary="Import many at once",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}, "examples": {"lines": {"value": _JSON_EXAMPLE}}},
                "text/csv": {"schema": {"type": "string"}, "examples": {"rows": {"value": _CSV_EXAMPLE}}},
            },
        }
    },
)
async def import_lines(
    request: Request,
    caller: Importer,
    gateway: GatewayIn,
    kind: Annotated[
        str | None, Query(alias="type", description="of every line that names none; CSV files need it")
    ] = None,
) -> ImportOut:
    """JSON Lines: each an object with its ``type`` and the fields and ids of that type's PUT.

    CSV (``Content-Type: text/csv``): one ``type``, the first row names the fields. Lines are carried out in order; one
    that is bad is reported and keeps none of the others. At most 64 MiB a request.
    """
    if kind is not None and kind not in _KINDS:
        raise ProblemError(422, f"type: one of {', '.join(_KINDS)}.")
    as_csv = request.headers.get("content-type", "").startswith("text/csv")
    if as_csv and kind is None:
        raise ProblemError(422, f"type: a CSV file is of one type; add ?type= and one of {', '.join(_KINDS)}.")
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        await _receive(request, cast("BinaryIO", file))
        lines = csv_lines(cast("BinaryIO", file)) if as_csv else json_lines(cast("BinaryIO", file))
        try:
            return await _Import(gateway, caller, kind, strings=as_csv).run(lines)
        except HeadingError as error:
            raise ProblemError(422, str(error)) from None


async def _receive(request: Request, file: BinaryIO) -> None:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST:
            raise ProblemError(413, "At most 64 MiB a request; send the rest in another one.")
        file.write(chunk)
    file.seek(0)


@value
class _Read:
    """A line that can be carried out."""

    number: int
    kind: _Kind
    body: BaseModel


class _Import:
    """One file on its way."""

    def __init__(self, gateway: Gateway, caller: Caller, kind: str | None, *, strings: bool) -> None:
        self._gateway = gateway
        self._caller = caller
        self._default = kind
        self._strings = strings
        self._lines = 0
        self._faults: list[LineFaultOut] = []
        self._kept: dict[int, list[str]] = {}

    async def run(self, lines: Iterator[ImportLine]) -> ImportOut:
        """Carry out all lines."""
        while chunk := list(islice(lines, _TOGETHER)):
            self._lines += len(chunk)
            good = [read for line in chunk if (read := self._read(line)) is not None]
            for group in _groups(good):
                await asyncio.gather(*map(self._carry_out, group))
        faults = sorted(self._faults, key=lambda fault: fault.line)
        done = self._lines - len(faults)
        kept = dict(sorted(self._kept.items()))
        return ImportOut(lines=self._lines, imported=done, failed=len(faults), errors=faults, kept=kept)

    def _read(self, line: ImportLine) -> _Read | None:
        if line.fault is not None:
            self._fault(line.number, 422, f"The line {line.fault}.")
            return None
        fields = dict(line.fields)
        name = fields.pop("type", self._default)
        kind = _KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            self._fault(line.number, 422, f"type: one of {', '.join(_KINDS)}.")
            return None
        try:
            body = kind.body.model_validate_strings(fields) if self._strings else kind.body.model_validate(fields)
        except ValidationError as error:
            self._fault(line.number, 422, explain(error))
            return None
        return _Read(line.number, kind, body)

    def _fault(self, number: int, status: int, detail: str) -> None:
        self._faults.append(LineFaultOut(line=number, status=status, detail=detail))

    async def _carry_out(self, line: _Read) -> None:
        try:
            kept = await line.kind.run(self._gateway, self._caller, line.body)
        except RefusedError as error:
            self._fault(line.number, error.status, error.detail)
        except ProblemError as error:
            self._fault(line.number, error.status, error.detail)
        except StorageUnavailableError:
            raise
        except Exception:  # it is this line's (safety.md 32)
            log.exception("a line of an import failed", line=line.number)
            self._fault(line.number, 500, "Something went wrong on our side; it is in the log.")
        else:
            if kept and len(self._kept) < _KEPT_SHOWN:
                self._kept[line.number] = list(kept)


def _groups(lines: Iterable[_Read]) -> Iterator[list[_Read]]:
    """Neighbours that may be carried out at once: of one type, and nobody's second line before her first is done."""
    group: list[_Read] = []
    seen: set[object] = set()
    for line in lines:
        key = getattr(line.body, "msisdn", None)
        if group and (not line.kind.at_once or line.kind is not group[0].kind or key in seen):
            yield group
            group, seen = [], set()
        group.append(line)
        seen.add(key)
    if group:
        yield group
