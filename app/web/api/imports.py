"""The route for bulk imports: a file of directory changes, each line imported on its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from app.providers.charsets import UnknownCharsetError, media_type_of
from app.services.management.import_files import check_json_lines, in_utf8, looks_like_csv
from app.services.management.import_lines import ImportLine, UnreadableFileError, csv_lines, json_lines
from app.services.management.imports import MAX_FAULTS, Import, ImportResult, LineFault
from app.services.management.tokens import Caller, Scope
from app.web.answers import answer
from app.web.api.import_kinds import KINDS, KindName, columns_of, parser
from app.web.dependencies import ManagementIn, TurnsIn, needs
from app.web.problem_codes import Code
from app.web.problems import OUR_FAULT, ProblemError, sentence_of, status_of

router = APIRouter(tags=["imports"])
Importer = Annotated[Caller, Depends(needs(Scope.DIRECTORY_WRITE))]
MAX_BYTES = 64 * 1024 * 1024
_IN_MEMORY = 1024 * 1024
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
    code: str = Field(description="as of a problem")
    detail: str


class ImportOut(BaseModel):
    """The result of an import. ``failed`` counts all failed lines, ``errors`` names the first 1,000 of them.

    ``kept`` names, by line, the fields for which the gateway keeps its own values; at most 1,000 lines.
    """

    lines: int
    imported: int
    failed: int
    errors: list[LineFaultOut] = Field(max_length=MAX_FAULTS)
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
async def import_file(
    request: Request,
    caller: Importer,
    management: ManagementIn,
    turns: TurnsIn,
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
        raise ProblemError(Code.MEDIA_TYPE, _UNSUPPORTED_TYPE)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(Code.MEDIA_TYPE, "Content-Encoding: send the file unpacked.")
    async with _body_file(request) as file:
        with ExitStack() as opened:
            try:
                lines, as_csv = await run_in_threadpool(_open_lines, opened, file, content_type, kind)
                parse = parser(management, caller, kind, strings=as_csv)
                return _out(await Import(turns, parse).run(lines))
            except UnknownCharsetError as error:
                raise ProblemError(Code.MEDIA_TYPE, str(error)) from None
            except UnreadableFileError as error:
                raise ProblemError(Code.UNREADABLE, str(error)) from None


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
            raise ProblemError(Code.BODY_TOO_LARGE, "At most 64 MiB a request; send the rest in another one.")
        file.write(chunk)
    file.seek(0)


def _out(found: ImportResult) -> ImportOut:
    return answer(ImportOut, found, imported=found.lines - found.failed, errors=list(map(_fault, found.faults)))


def _fault(found: LineFault) -> LineFaultOut:
    code = Code.INTERNAL if found.refusal is None else found.refusal.reason
    detail = OUR_FAULT if found.refusal is None else sentence_of(found.refusal)
    return LineFaultOut(line=found.line, status=status_of(code), code=code, detail=detail)
