"""The route for bulk imports: a file of directory changes, each line imported on its own (http-api.md)."""

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
# Lines that are parsed together in a thread and then imported concurrently, so that they share commits. Few enough
# that starting all of them does not block the event loop.
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
# With these the start of the file decides. curl sends any body as a form by default.
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
    """A line that was not imported, and why. Lines are counted from 1; in CSV the header is line 1."""

    line: int
    status: int
    detail: str


class ImportOut(BaseModel):
    """The result of an import. ``failed`` counts all failed lines, ``errors`` names the first 1,000 of them.

    ``kept`` names, by line, the fields for which the gateway keeps its own values; at most 1,000 lines.
    """

    lines: int
    imported: int
    failed: int
    errors: list[LineFaultOut] = Field(max_length=MAX_ERRORS)
    kept: dict[int, list[str]]


@router.post(
    "/imports",
    summary="Import a file of directory changes",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                # First, as client generators support it: raw bytes.
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
        KindName | None, Query(alias="type", description="the type of lines that name none; required for CSV")
    ] = None,
) -> ImportOut:
    """JSON Lines: each line is an object with its ``type`` and the fields and ids of that type's PUT.

    CSV (``Content-Type: text/csv``): all lines have one ``type``, and the first row names the fields. Lines are
    imported in order. A bad line is reported and does not affect the others. The encoding is UTF-8 or that of
    ``charset``. A file in which no line can be valid, such as CSV with semicolons, is refused as a whole with the
    cause. At most 64 MiB.
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
    """Return the lines of the file, and True if they are CSV."""
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
    """Yield the request's body as a temporary file; raise ProblemError (413) if it is larger than 64 MiB."""
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
    """A valid line: its number from 1, its type and its body."""

    number: int
    kind: Kind
    body: BaseModel


@value
class _Chunk:
    """Some parsed lines of a file.

    ``lines`` counts all of them, ``good`` are the valid ones, ``problems`` the line numbers, statuses and details of
    the others.
    """

    lines: int
    good: list[_ParsedLine]
    problems: list[tuple[int, int, str]]


class ImportRun:
    """The import of one file. Its memory does not grow with the file."""

    def __init__(self, gateway: Gateway, caller: Caller, kind: str | None, *, strings: bool) -> None:
        self._gateway = gateway
        self._caller = caller
        self._default = kind
        self._strings = strings
        self._failed = 0
        self._problems: list[LineFaultOut] = []
        self._kept: dict[int, list[str]] = {}

    async def run(self, lines: Iterator[ImportLine]) -> ImportOut:
        """Import all lines. They are parsed in a thread, so that the event loop is not blocked."""
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
        """Return the parsed line, or a text that says why it is invalid."""
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
            # Explaining takes longer than validating, and only the first explanations are reported.
            return error_details(error) if len(self._problems) < MAX_ERRORS else ""
        return _ParsedLine(line.number, kind, body)

    async def _carry_out(self, line: _ParsedLine) -> tuple[int, int, str] | None:
        """Import one line; return its number, status and detail if it failed."""
        try:
            kept = await line.kind.handler(self._gateway, self._caller, line.body)
        except (RefusedError, ProblemError) as error:
            return line.number, error.status, error.detail
        except StorageUnavailableError:
            raise  # affects all lines: the caller sends the file again
        except Exception:
            log.exception("a line of an import failed", line=line.number)  # does not affect other lines (safety.md 32)
            return line.number, 500, "Something went wrong on our side; it is in the log."
        if kept and len(self._kept) < _MAX_KEPT_LINES:
            self._kept[line.number] = list(kept)
        return None


def _groups(lines: Iterable[_ParsedLine]) -> Iterator[list[_ParsedLine]]:
    """Yield groups of neighbouring lines to import concurrently: of one type, at most one line for each subscriber."""
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
