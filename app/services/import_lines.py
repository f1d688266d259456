"""Bulk files taken apart: JSON Lines, or CSV with a row of names on top; one bad line spoils no other."""

import csv
import json
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from typing import BinaryIO

from app.domain.values import value

LONGEST_LINE = 64 * 1024


@value
class ImportLine:
    """A line, counted from 1, and its fields; ``fault`` says why there are none."""

    number: int
    fields: Mapping[str, object]
    fault: str | None = None


def json_lines(file: BinaryIO) -> Iterator[ImportLine]:
    """One JSON object a line; empty lines are passed over."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            _skip_rest(file, raw)
            yield ImportLine(number, {}, "the line is longer than 64 KiB")
        elif raw.strip():
            yield _json_line(number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)


def _skip_rest(file: BinaryIO, raw: bytes) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(LONGEST_LINE)


def _json_line(number: int, raw: bytes) -> ImportLine:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        return ImportLine(number, {}, "is no JSON in UTF-8")
    if not isinstance(fields, dict):
        return ImportLine(number, {}, 'is no JSON object such as {"type": "subscriber", …}')
    return ImportLine(number, fields)


class HeadingError(ValueError):
    """The first row of a CSV file does not name its columns; the words say what is wrong."""


def csv_lines(file: BinaryIO) -> Iterator[ImportLine]:
    """CSV in UTF-8: the first row names the fields (``plan.name`` for one inside another), an empty cell is none.

    Raises HeadingError before the first line.
    """
    rows = csv.reader(TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline=""), strict=True)
    names = _heading(rows)
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield ImportLine(rows.line_num, {}, f"is no CSV: {error}")
            continue
        if cells:
            yield _csv_line(rows.line_num, names, cells)


def _heading(rows: Iterator[list[str]]) -> list[str]:
    try:
        names = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise HeadingError(f"The first row is no CSV: {error}.") from None
    if not names or not all(names) or len(set(names)) != len(names):
        raise HeadingError("The first row must name the columns, each once: msisdn,brand,payment,…")
    return names


def _csv_line(number: int, names: list[str], cells: list[str]) -> ImportLine:
    if len(cells) != len(names):
        return ImportLine(number, {}, f"has {len(cells)} cells where the first row names {len(names)}")
    if any("\udc80" <= char <= "\udcff" for cell in cells for char in cell):
        return ImportLine(number, {}, "is not in UTF-8")
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
