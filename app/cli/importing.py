"""``smsgw import``: bulk files into a running gateway, with a progress bar and a report (http-api.md)."""

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
from app.cli.terminal import FAILED, WRONG_USE, done, err, examples, out, refuse
from app.domain.values import value
from app.services.management.import_files import check_json_lines, in_utf8
from app.services.management.import_lines import LONGEST_LINE, UnreadableFileError, ends_of_rows, numbered_lines
from app.services.management.tokens import DEMO_TOKEN

app = typer.Typer()
_LINES_A_REQUEST = 1_000
_BYTES_A_REQUEST = 2 * 1024 * 1024
# Sent in place of a line that the gateway does not read, so that it is reported like any other.
_TOO_LONG = b"x" * (LONGEST_LINE + 1) + b"\n"
_ANSWER_SECONDS = 300.0
_SHOWN_FAULTS = 20
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
class _Part:
    """Some lines of a file; ``before`` is how many lines stand in front of them, ``size`` in bytes."""

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


class _Kept:
    """The fields that imported lines say otherwise, and the gateway keeps as it has them."""

    def __init__(self) -> None:
        self._lines = Counter[str]()
        self._first: dict[str, str] = {}

    def note(self, file: Path, part: _Part, kept: Mapping[int, Sequence[str]]) -> None:
        """Count what was kept of some lines."""
        for line, fields in sorted(kept.items()):
            self._lines.update(fields)
            for field in fields:
                self._first.setdefault(field, f"{file}:{part.before + line}")

    def told(self) -> str:
        """In a line; nothing if nothing was kept."""
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
    """Load files into a running gateway, in the order given; a bad line is reported and keeps none of the others.

    A file may be sent again: what is there already stays as it is, and where a line says otherwise, that is told.
    """
    for file in files:
        if _is_csv(file) and kind is None:
            refuse(f"{file}: a CSV file is of one type; say which with --type.", WRONG_USE)
    lines, problems = 0, 0
    kept = _Kept()
    with _progress() as progress, _Gateway(gateway_url(url), token, kind) as gateway:
        for file in files:
            task = progress.add_task(file.name, total=file.stat().st_size)
            with _opened(file) as text, _opened(file) as again:
                for part in _parts(text, ends_of_rows(again) if _is_csv(file) else None):
                    answer = gateway.send(file, part)
                    lines += answer.lines
                    _tell(file, part, answer.errors, report, shown=problems)
                    problems += answer.failed
                    kept.note(file, part, answer.kept)
                    progress.advance(task, part.size)
    if told := kept.told():
        out.print(Text(told), soft_wrap=True)
    if problems:
        refuse(f"{lines - problems} of {lines} lines imported, {problems} not.", FAILED)
    done(f"{lines} lines imported.")


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err)


def _is_csv(file: Path) -> bool:
    return file.suffix.lower() == ".csv"


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """The file in UTF-8; ends the command where no line of it can be right."""
    with file.open("rb") as opened:
        try:
            with in_utf8(opened) as text:
                if not _is_csv(file):
                    check_json_lines(text)
                yield text
        except UnreadableFileError as error:
            refuse(f"{file}: {error}")


def _parts(file: BinaryIO, ends: Iterator[int] | None) -> Iterator[_Part]:
    """The file in sizes of requests, its lines as they are; CSV is cut between rows, each under the row of names."""
    lines = numbered_lines(file)
    heading = b"" if ends is None else (next(lines, (1, b""))[1] or _TOO_LONG)
    # With that row, the lines of a part are counted from 2.
    above = 0 if ends is None else 1
    end, held, size, before = 0, [heading], 0, 0
    for number, line in lines:
        held.append(line or _TOO_LONG)
        size += len(held[-1])
        while ends is not None and end < number:
            end = next(ends, number)
        is_full = len(held) > _LINES_A_REQUEST or size >= _BYTES_A_REQUEST
        if is_full and (ends is None or end == number):
            yield _Part(b"".join(held), before, size)
            held, size, before = [heading], 0, number - above
    if len(held) > 1 or (above and before == 0):
        yield _Part(b"".join(held), before, size)


class _Gateway:
    """The running gateway's call for imports."""

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

    def send(self, file: Path, part: _Part) -> _Answer:
        """Send some lines; ends the command where the gateway does not take them."""
        media_type = "text/csv; charset=utf-8" if file.suffix.lower() == ".csv" else "application/x-ndjson"
        try:
            answer = self._client.post(
                "/api/v1/imports", params=self._kind, content=part.content, headers={"Content-Type": media_type}
            )
        except httpx.HTTPError as error:
            refuse(
                f"{self._url} does not answer ({type(error).__name__}): start the gateway (`smsgw serve`) or give "
                f"--url. {file} was sent up to line {part.before}; sending it again does no harm."
            )
        if answer.status_code != _OK:
            refuse(f"{file}, from line {part.before + 1}: {_reason(answer)}")
        return _Answer.model_validate_json(answer.content)


def _reason(answer: httpx.Response) -> str:
    try:
        return str(_DETAIL.validate_json(answer.content)["detail"])
    except (ValidationError, KeyError):
        return f"the gateway answered {answer.status_code}"


def _tell(file: Path, part: _Part, problems: list[_LineProblem], report: Path | None, *, shown: int) -> None:
    """Show the first faults, and write all of them to the report."""
    for place, problem in enumerate(problems, shown + 1):
        if place <= _SHOWN_FAULTS:
            err.print(Text(f"{file}:{part.before + problem.line}: {problem.status} {problem.detail}"), soft_wrap=True)
        elif place == _SHOWN_FAULTS + 1:
            err.print("… more; --report FILE has them all" if report is None else f"… more in {report}")
    if report is not None and problems:
        rows = [{"file": str(file), **problem.model_dump(), "line": part.before + problem.line} for problem in problems]
        with report.open("a", encoding="utf-8") as opened:
            opened.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
