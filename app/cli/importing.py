"""``smsgw import``: send bulk files to a running gateway, with a progress bar and a report."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Self

import httpx
import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.cli.address import gateway_url
from app.cli.terminal import FAILED, WRONG_USE, err, examples, exit_with_error, out, print_done
from app.domain.values import value
from app.services.management.import_files import check_json_lines, in_utf8
from app.services.management.import_lines import LONGEST_LINE, UnreadableFileError, ends_of_rows, numbered_lines
from app.services.management.tokens import DEMO_TOKEN

app = typer.Typer()
_LINES_A_REQUEST = 1_000
_BYTES_A_REQUEST = 2 * 1024 * 1024
# Sent in place of a longer line: the gateway reports it as too long.
_TOO_LONG = b"x" * (LONGEST_LINE + 1) + b"\n"
_ANSWER_SECONDS = 300.0
_SHOWN_PROBLEMS = 20
_OK = 200
_DETAIL = TypeAdapter(dict[str, object])

Files = Annotated[
    list[Path], typer.Argument(help="JSON Lines, or CSV (by the ending .csv).", exists=True, dir_okay=False)
]
Type = Annotated[
    str | None, typer.Option("--type", help="Of lines that name none: service_provider, service, subscriber, …")
]
Token = Annotated[
    str, typer.Option(envvar="SMSGW_TOKEN", help="A token with the scope directory:write.", show_default=False)
]
Url = Annotated[str | None, typer.Option(help="The gateway; default http://127.0.0.1 and SMSGW_PORT or 8086.")]
Report = Annotated[Path | None, typer.Option(help="Write each bad line's report to this file, as JSON Lines.")]


@value
class _Chunk:
    """Lines of a file for one request.

    Attributes:
        before: add this to a line number of the gateway's answer to get the line number in the file.
        size: bytes of the file's lines, for the progress bar.
    """

    content: bytes
    before: int
    size: int


class _LineProblem(BaseModel):
    line: int
    status: int
    detail: str


class _Answer(BaseModel):
    lines: int
    imported: int
    failed: int
    errors: list[_LineProblem]
    kept: dict[int, list[str]] = {}


class _KeptFields:
    """Counts, for each field, the imported lines whose value differs from the one that the gateway keeps."""

    def __init__(self) -> None:
        self._lines = Counter[str]()
        self._first: dict[str, str] = {}

    def add(self, file: Path, chunk: _Chunk, kept: Mapping[int, Sequence[str]]) -> None:
        """Count the kept fields of a chunk; ``kept`` has them by line number of the chunk."""
        for line, fields in sorted(kept.items()):
            self._lines.update(fields)
            for field in fields:
                self._first.setdefault(field, f"{file}:{chunk.before + line}")

    def summary(self) -> str:
        """Return the counts in one line; empty if no field was kept."""
        counted = (f"{field} {lines} (first {self._first[field]})" for field, lines in self._lines.items())
        return f"Lines of which the gateway keeps its own value: {', '.join(counted)}." if self._lines else ""


@app.command(
    "import",
    epilog=examples(
        ("smsgw import customers.jsonl", "each line an object with its type and fields"),
        ("smsgw import --type subscriber customers.csv --report bad.jsonl", "CSV is of one type"),
    ),
)
def import_files(
    files: Files, kind: Type = None, token: Token = DEMO_TOKEN, url: Url = None, report: Report = None
) -> None:
    """Load files into a running gateway, in the order given; a bad line is reported and does not affect the others.

    A file may be sent again: existing values stay as they are, and lines that differ from them are named.
    """
    for file in files:
        if _is_csv(file) and kind is None:
            exit_with_error(f"{file}: a CSV file is of one type; say which with --type.", WRONG_USE)
    lines, problems = 0, 0
    kept = _KeptFields()
    with _progress() as progress, _Gateway(gateway_url(url), token, kind) as gateway:
        for file in files:
            task = progress.add_task(file.name, total=file.stat().st_size)
            with _open_utf8(file) as text, _open_utf8(file) as for_row_ends:
                for chunk in _chunks(text, ends_of_rows(for_row_ends) if _is_csv(file) else None):
                    answer = gateway.send(file, chunk)
                    lines += answer.lines
                    _report_problems(file, chunk, answer.errors, report, shown=problems)
                    problems += answer.failed
                    kept.add(file, chunk, answer.kept)
                    progress.advance(task, chunk.size)
    if summary := kept.summary():
        out.print(Text(summary), soft_wrap=True)
    if problems:
        exit_with_error(f"{lines - problems} of {lines} lines imported, {problems} not.", FAILED)
    print_done(f"{lines} lines imported.")


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err)


def _is_csv(file: Path) -> bool:
    return file.suffix.lower() == ".csv"


@contextmanager
def _open_utf8(file: Path) -> Iterator[BinaryIO]:
    """Yield the file in UTF-8. End the command if the file as a whole is not JSON Lines or CSV."""
    with file.open("rb") as raw:
        try:
            with in_utf8(raw) as text:
                if not _is_csv(file):
                    check_json_lines(text)
                yield text
        except UnreadableFileError as error:
            exit_with_error(f"{file}: {error}")


def _chunks(file: BinaryIO, row_ends: Iterator[int] | None) -> Iterator[_Chunk]:
    """Split a file into requests. CSV is split where a row ends (``row_ends``), and each chunk repeats the heading."""
    lines = numbered_lines(file)
    heading = b"" if row_ends is None else (next(lines, (1, b""))[1] or _TOO_LONG)
    # The gateway counts the repeated heading as line 1 of a chunk.
    heading_lines = 0 if row_ends is None else 1
    end, pending, size, before = 0, [heading], 0, 0
    for number, line in lines:
        pending.append(line or _TOO_LONG)
        size += len(pending[-1])
        while row_ends is not None and end < number:
            end = next(row_ends, number)
        is_full = len(pending) > _LINES_A_REQUEST or size >= _BYTES_A_REQUEST
        if is_full and (row_ends is None or end == number):
            yield _Chunk(b"".join(pending), before, size)
            pending, size, before = [heading], 0, number - heading_lines
    if len(pending) > 1 or (heading_lines and before == 0):
        yield _Chunk(b"".join(pending), before, size)


class _Gateway:
    """Client of the running gateway's import call."""

    def __init__(self, url: str, token: str, kind: str | None) -> None:
        self._url = url
        self._kind = {"type": kind} if kind else {}
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_ANSWER_SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, file: Path, chunk: _Chunk) -> _Answer:
        """Send a chunk and return the answer. End the command if the gateway refuses it or does not answer."""
        media_type = "text/csv; charset=utf-8" if file.suffix.lower() == ".csv" else "application/x-ndjson"
        try:
            answer = self._client.post(
                "/api/v1/imports", params=self._kind, content=chunk.content, headers={"Content-Type": media_type}
            )
        except httpx.HTTPError as error:
            exit_with_error(
                f"{self._url} does not answer ({type(error).__name__}): start the gateway (`smsgw serve`) or give "
                f"--url. {file} was sent up to line {chunk.before}; sending it again does no harm."
            )
        if answer.status_code != _OK:
            exit_with_error(f"{file}, from line {chunk.before + 1}: {_error_detail(answer)}")
        return _Answer.model_validate_json(answer.content)


def _error_detail(answer: httpx.Response) -> str:
    try:
        return str(_DETAIL.validate_json(answer.content)["detail"])
    except (ValidationError, KeyError):
        return f"the gateway answered {answer.status_code}"


def _report_problems(
    file: Path, chunk: _Chunk, problems: list[_LineProblem], report: Path | None, *, shown: int
) -> None:
    """Print problems until ``_SHOWN_PROBLEMS`` were printed, and append all of them to the report.

    ``shown`` is the number of problems of earlier chunks.
    """
    for place, problem in enumerate(problems, shown + 1):
        if place <= _SHOWN_PROBLEMS:
            err.print(Text(f"{file}:{chunk.before + problem.line}: {problem.status} {problem.detail}"), soft_wrap=True)
        elif place == _SHOWN_PROBLEMS + 1:
            err.print("… more; --report FILE has them all" if report is None else f"… more in {report}")
    if report is not None and problems:
        rows = [
            {"file": str(file), **problem.model_dump(), "line": chunk.before + problem.line} for problem in problems
        ]
        with report.open("a", encoding="utf-8") as report_file:
            report_file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
