"""Parsers of bulk files: JSON Lines, or CSV with a heading row. A bad line does not affect the others."""

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from app.domain.values import value

LONGEST_LINE = 64 * 1024
_TOO_LONG = "is longer than 64 KiB"
# A CSV row may span this many lines because of line breaks in its cells. A quote that is not closed within them is
# stray.
_MAX_LINES_PER_ROW = 20
_OTHER_SEPARATORS = {
    ";": "semicolons",
    "\t": "tabs",
    "|": "bars",
    "\uff0c": "full-width commas",
    "\uff1b": "semicolons",
}


class UnreadableFileError(ValueError):
    """A file in which no line can be valid. The message says why and what to do, and quotes nothing of the file."""


@value
class ImportLine:
    """A line, counted from 1, and its fields. ``problem`` says why it has none."""

    number: int
    fields: Mapping[str, object]
    problem: str | None = None


@value
class Columns:
    """The column names that the heading of a CSV file may contain, and those that it must contain.

    A field of a nested object is named with a dot: ``plan.name``.
    """

    allowed: frozenset[str]
    required: frozenset[str]


def numbered_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line's number, from 1, and its bytes with the line ending; None for a line longer than 64 KiB."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) <= LONGEST_LINE:
            yield number, raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(LONGEST_LINE)
        yield number, None


# ---- JSON Lines


def json_lines(file: BinaryIO) -> Iterator[ImportLine]:
    """Parse JSON Lines: one object per line. Empty lines are skipped."""
    for number, raw in numbered_lines(file):
        if raw is None:
            yield ImportLine(number, {}, _TOO_LONG)
        elif raw.strip():
            yield _json_line(number, raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw)


def _json_line(number: int, raw: bytes) -> ImportLine:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        return ImportLine(number, {}, "is no JSON in UTF-8")
    if not isinstance(fields, dict):
        return ImportLine(number, {}, 'is no JSON object such as {"type": "subscriber", …}')
    return ImportLine(number, fields)


# ---- CSV


def csv_lines(file: BinaryIO, columns: Columns) -> Iterator[ImportLine]:
    """Parse CSV in UTF-8. The first row names the fields; an empty cell is a missing field.

    Raise UnreadableFileError before the first line if the heading is wrong.
    """
    lines = _decoded(file)
    names = _heading(next(lines, _Line(1, "")), columns)
    for number, cells, problem in _rows(lines, len(names)):
        if problem is not None:
            yield ImportLine(number, {}, problem)
        else:
            yield _csv_line(number, names, cells)


def ends_of_rows(file: BinaryIO) -> Iterator[int]:
    """Yield the number of each line, from 1, on which a row of a CSV file ends: there the file can be split."""
    lines = _decoded(file)
    heading = next(lines, _Line(1, ""))
    yield heading.number
    try:
        width = len(_cells(heading.text))
    except csv.Error:
        return
    for number, _, _ in _rows(lines, width):
        yield number


@value
class _Line:
    """A line of the file without its line ending. ``problem`` says why it has no text."""

    number: int
    text: str
    problem: str | None = None


def _decoded(file: BinaryIO) -> Iterator[_Line]:
    for number, raw in numbered_lines(file):
        if raw is None:
            yield _Line(number, "", _TOO_LONG)
            continue
        bare = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        try:
            yield _Line(number, bare.decode().removesuffix("\n").removesuffix("\r"))
        except UnicodeDecodeError:
            yield _Line(number, "", "is not in UTF-8")


def _heading(line: _Line, columns: Columns) -> list[str]:
    if line.problem:
        raise UnreadableFileError(f"The first row {line.problem}; it must name the columns.")
    if "\r" in line.text:
        raise UnreadableFileError("The lines end with CR alone; save the file with LF or CRLF at the ends of lines.")
    try:
        names = [name.strip() for name in _cells(line.text)]
    except csv.Error as error:
        raise UnreadableFileError(f"The first row is no CSV: {error}.") from None
    example = ",".join(sorted(columns.required)) or "msisdn,brand,payment,…"
    if len(names) <= 1:
        for sign, what in _OTHER_SEPARATORS.items():
            if sign in line.text:
                raise UnreadableFileError(f"The columns are separated by {what}; separate them by commas: {example}.")
    if not names or not all(names) or len(set(names)) != len(names):
        raise UnreadableFileError(f"The first row must name the columns, each once: {example}.")
    _check_names(names, columns)
    return names


def _check_names(names: list[str], columns: Columns) -> None:
    """Raise UnreadableFileError for unknown or missing names.

    The message names unknown columns by their position only: without a heading, the first row holds customer data.
    """
    unknown = [place for place, name in enumerate(names, 1) if name not in columns.allowed]
    missing = sorted(columns.required - set(names))
    if unknown:
        places = ", ".join(map(str, unknown[:5]))
        raise UnreadableFileError(
            f"The first row must name the columns; column {places} is none of {', '.join(sorted(columns.allowed))}."
        )
    if missing:
        raise UnreadableFileError(f"The first row lacks columns that every line needs: {', '.join(missing)}.")


def _cells(text: str) -> list[str]:
    """Return the cells of one row. Raise csv.Error if the text is no row."""
    rows = list(csv.reader([text], strict=True))
    return rows[0] if rows else []


def _rows(lines: Iterator[_Line], width: int) -> Iterator[tuple[int, list[str], str | None]]:
    """Yield each row's last line number and cells, or a bad line's number and problem.

    The lines after a stray quote are parsed again as rows of their own.
    """
    ahead: deque[_Line] = deque()
    while line := ahead.popleft() if ahead else next(lines, None):
        if line.problem or not line.text.strip():
            if line.problem:
                yield line.number, [], line.problem
            continue
        try:
            yield line.number, _cells(line.text), None
        except csv.Error as error:
            found = _multi_line_row(line, ahead, lines, width)
            if found is None:
                yield line.number, [], f"is no CSV: {_quote_problem(error, line)}"
            else:
                yield *found, None


def _quote_problem(error: csv.Error, line: _Line) -> str:
    return "a quote in it is not closed" if line.text.count('"') % 2 else str(error)


def _multi_line_row(
    line: _Line, ahead: deque[_Line], lines: Iterator[_Line], width: int
) -> tuple[int, list[str]] | None:
    """Return the last line number and the cells of a row that spans several lines, None if there is no complete row.

    Lines that are read from ``lines`` are buffered in ``ahead``; those of a complete row are removed from it.
    """
    text, place = line.text, 0
    while text.count('"') % 2 and place < _MAX_LINES_PER_ROW and len(text) < LONGEST_LINE:
        if place == len(ahead):
            following = next(lines, None)
            if following is None:
                return None
            ahead.append(following)
        if ahead[place].problem:
            return None
        text = f"{text}\n{ahead[place].text}"
        place += 1
    try:
        rows = list(csv.reader((f"{piece}\n" for piece in text.split("\n")), strict=True))
    except csv.Error:
        return None
    if place == 0 or len(rows) != 1 or len(rows[0]) != width:
        return None
    last = ahead[place - 1].number
    for _ in range(place):
        ahead.popleft()
    return last, rows[0]


def _csv_line(number: int, names: list[str], cells: list[str]) -> ImportLine:
    if len(cells) != len(names):
        return ImportLine(number, {}, f"has {len(cells)} cells where the first row names {len(names)}")
    fields: dict[str, object] = {}
    for name, cell in zip(names, cells, strict=True):
        outer, _, inner = name.partition(".")
        if cell == "":
            continue
        if inner:
            nested = fields.setdefault(outer, {})
            if isinstance(nested, dict):
                nested[inner] = cell
        else:
            fields[name] = cell
    return ImportLine(number, fields)
