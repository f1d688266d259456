"""Bulk imports: many of the directory's calls in one file, each line judged by itself (http-api.md)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from app import observability
from app.db.session import StorageUnavailableError
from app.domain.values import replace, value
from app.providers.charsets import UnknownCharsetError, media_type_of
from app.providers.generic_in import error_details
from app.services.gateway import Gateway
from app.services.management.import_files import check_json_lines, in_utf8, looks_like_csv
from app.services.management.import_lines import ImportLine, UnreadableFileError, csv_lines, json_lines
from app.services.management.tokens import Caller, Scope
from app.services.refusals import RefusedError
from app.web.api.import_kinds import KINDS, Kind, KindName, columns_of
from app.web.dependencies import GatewayIn, needs
from app.web.problems import ProblemError

log = observability.logger(__name__)
router = APIRouter(tags=["imports"])
Importer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]
MAX_BYTES = 64 * 1024 * 1024
_IN_MEMORY = 1024 * 1024
# Lines read in one go in a thread of their own, and carried out at once: they share commits. Few enough that beginning
# with all of them does not hold up the event loop.
_CHUNK_LINES = 200
MAX_ERRORS = 1_000
_MAX_KEPT_LINES = 1_000
_CSV_TYPES = frozenset({
    "text/csv", "application/csv", "text/x-csv", "application/x-csv", "text/comma-separated-values",
    "application/vnd.ms-excel",
})  # fmt: skip
_JSON_TYPES = frozenset({
    "application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines",
    "application/x-jsonlines", "application/json",
})  # fmt: skip
# Of these the first sign of the file says what it is; curl calls any body a form.
_UNSPECIFIC_TYPES = frozenset({"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"})
_UNSUPPORTED_TYPE = (
    "Send JSON Lines (application/x-ndjson) or CSV (text/csv), as the body itself: no form, no workbook."
)
_JSON_EXAMPLE = (
    '{"type": "subscriber", "msisdn": "13700137000", "brand": "gotone", "payment": "postpaid", "balance_fen": 0, '
    '"points": 0, "status": "active"}\n'
    '{"type": "subscription", "msisdn": "13700137000", "service_code": "CL", "state": "active", "in_plan": false, '
    '"started_at": "2026-01-05T09:00:00+08:00", "channel": "web"}\n'
)
_CSV_EXAMPLE = (
    "msisdn,brand,payment,balance_fen,points,status,plan.name,plan.data_kb\n13700137000,gotone,postpaid,0,0,active,,\n"
)


class LineFaultOut(BaseModel):
    """A line that was not imported, and why; counted from 1, in CSV with the row of names."""

    line: int
    status: int
    detail: str


class ImportOut(BaseModel):
    """What became of a file; ``errors`` are the first 1,000 faults, ``failed`` counts all of them.

    ``kept``: by line, the fields of an imported one of which the gateway keeps its own values; at most 1,000 lines.
    """

    lines: int
    imported: int
    failed: int
    errors: list[LineFaultOut] = Field(max_length=MAX_ERRORS)
    kept: dict[int, list[str]]


@router.post(
    "/imports",
    summary="Import many at once",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                # First what generators of clients know: bytes as they are.
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"},
                    "examples": {"lines": {"value": _JSON_EXAMPLE}},
                },
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
        KindName | None, Query(alias="type", description="of every line that names none; CSV files need it")
    ] = None,
) -> ImportOut:
    """JSON Lines: each an object with its ``type`` and the fields and ids of that type's PUT.

    CSV (``Content-Type: text/csv``): one ``type``, the first row names the fields. Lines are carried out in order; one
    that is bad is reported and keeps none of the others. UTF-8, or as ``charset`` says. A file of which no line can be
    right, such as one with semicolons, is refused as a whole with the cause. At most 64 MiB a request.
    """
    content_type = request.headers.get("content-type", "")
    media_type = media_type_of(content_type)
    if media_type not in _CSV_TYPES | _JSON_TYPES | _UNSPECIFIC_TYPES:
        raise ProblemError(415, _UNSUPPORTED_TYPE)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "Content-Encoding: send the file unpacked.")
    async with _body_file(request) as file:
        with ExitStack() as opened:
            try:
                lines, as_csv = await run_in_threadpool(_open_lines, opened, file, content_type, kind)
                return await ImportRun(gateway, caller, kind, strings=as_csv).run(lines)
            except UnknownCharsetError as error:
                raise ProblemError(415, str(error)) from None
            except UnreadableFileError as error:
                raise ProblemError(422, str(error)) from None


def _open_lines(
    opened: ExitStack, file: BinaryIO, content_type: str, kind: KindName | None
) -> tuple[Iterator[ImportLine], bool]:
    """The lines of the file, and whether they are of CSV."""
    text = opened.enter_context(in_utf8(file, content_type))
    media_type = media_type_of(content_type)
    if media_type in _CSV_TYPES or (media_type in _UNSPECIFIC_TYPES and kind is not None and looks_like_csv(text)):
        if kind is None:
            raise UnreadableFileError(f"type: a CSV file is of one type; add ?type= and one of {', '.join(KINDS)}.")
        return csv_lines(text, columns_of(KINDS[kind].body)), True
    check_json_lines(text)
    return json_lines(text), False


@asynccontextmanager
async def _body_file(request: Request) -> AsyncIterator[BinaryIO]:
    """The body, in a file."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as spooled:
        file = cast("BinaryIO", spooled)
        await _receive(request, file)
        yield file


async def _receive(request: Request, file: BinaryIO) -> None:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            raise ProblemError(413, "At most 64 MiB a request; send the rest in another one.")
        file.write(chunk)
    file.seek(0)


@value
class _ParsedLine:
    """A line that can be carried out."""

    number: int
    kind: Kind
    body: BaseModel


@value
class _Chunk:
    """Some lines of a file, taken apart: how many, what can be carried out, and the faults of the rest."""

    lines: int
    good: list[_ParsedLine]
    problems: list[tuple[int, int, str]]


class ImportRun:
    """One file on its way; what it keeps does not grow with the file."""

    def __init__(self, gateway: Gateway, caller: Caller, kind: str | None, *, strings: bool) -> None:
        self._gateway = gateway
        self._caller = caller
        self._default = kind
        self._strings = strings
        self._failed = 0
        self._problems: list[LineFaultOut] = []
        self._kept: dict[int, list[str]] = {}

    async def run(self, lines: Iterator[ImportLine]) -> ImportOut:
        """Carry out all lines; they are read and checked in a thread, as the event loop belongs to everybody."""
        count = 0
        while (chunk := await run_in_threadpool(self._read_chunk, lines)).lines:
            count += chunk.lines
            problems = chunk.problems
            for group in _groups(chunk.good):
                problems += [problem for problem in await asyncio.gather(*map(self._carry_out, group)) if problem]
            self._add_problems(problems)
        done, kept = count - self._failed, dict(sorted(self._kept.items()))
        return ImportOut(lines=count, imported=done, failed=self._failed, errors=self._problems, kept=kept)

    def _add_problems(self, problems: list[tuple[int, int, str]]) -> None:
        self._failed += len(problems)
        kept = sorted(problems)[: MAX_ERRORS - len(self._problems)]
        self._problems += [LineFaultOut(line=line, status=status, detail=detail) for line, status, detail in kept]

    def _read_chunk(self, lines: Iterator[ImportLine]) -> _Chunk:
        chunk = _Chunk(0, [], [])
        count = 0
        for line in islice(lines, _CHUNK_LINES):
            count += 1
            read = self._parse(line)
            if isinstance(read, _ParsedLine):
                chunk.good.append(read)
            else:
                chunk.problems.append((line.number, 422, read))
        return replace(chunk, lines=count)

    def _parse(self, line: ImportLine) -> _ParsedLine | str:
        """The line as it can be carried out, or why it cannot."""
        if line.problem is not None:
            return f"The line {line.problem}."
        fields = dict(line.fields)
        name = fields.pop("type", self._default)
        kind = KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            return f"type: one of {', '.join(KINDS)}."
        try:
            body = kind.body.model_validate_strings(fields) if self._strings else kind.body.model_validate(fields)
        except ValidationError as error:
            # Saying why takes longer than finding out; only the first are kept.
            return error_details(error) if len(self._problems) < MAX_ERRORS else ""
        return _ParsedLine(line.number, kind, body)

    async def _carry_out(self, line: _ParsedLine) -> tuple[int, int, str] | None:
        """Do it; what stands against it is a fault of the line."""
        try:
            kept = await line.kind.handler(self._gateway, self._caller, line.body)
        except (RefusedError, ProblemError) as error:
            return line.number, error.status, error.detail
        except StorageUnavailableError:
            raise  # that of all lines: the file is sent again
        except Exception:
            log.exception("a line of an import failed", line=line.number)  # its own matter alone (safety.md 32)
            return line.number, 500, "Something went wrong on our side; it is in the log."
        if kept and len(self._kept) < _MAX_KEPT_LINES:
            self._kept[line.number] = list(kept)
        return None


def _groups(lines: Iterable[_ParsedLine]) -> Iterator[list[_ParsedLine]]:
    """Neighbours that may be carried out at once: of one type, and nobody's second line before her first is done."""
    group: list[_ParsedLine] = []
    seen: set[object] = set()
    for line in lines:
        key = getattr(line.body, "msisdn", None)
        if group and (not line.kind.concurrent or line.kind is not group[0].kind or key in seen):
            yield group
            group, seen = [], set()
        group.append(line)
        seen.add(key)
    if group:
        yield group
