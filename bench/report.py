"""The report of a run: as text, as Markdown, as JSON."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from bench.figures import REST, Figure, Stages
from bench.inside.stages import COMMIT, GARBAGE, STAGES, STATEMENTS
from bench.run import Entry, Report

Marks: TypeAlias = tuple[str, str]
USUAL_MARKS: Marks = ("<!-- bench: begin -->", "<!-- bench: end -->")
FULL_MARKS: Marks = ("<!-- bench-full: begin -->", "<!-- bench-full: end -->")
"""Between such marks a page has the figures of the last run of `make bench` and of `make bench-full`."""
_SMALL, _MIDDLE = 1, 100


def to_json(report: Report) -> str:
    """Return everything as a JSON document."""
    document = dataclasses.asdict(report)
    for entry, given in zip(report.entries, document["entries"], strict=True):
        if entry.result is not None:
            figures = zip(entry.result.figures, given["result"]["figures"], strict=True)
            given["result"]["figures"] = [{**values, "median": figure.median} for figure, values in figures]
            if entry.result.stages is not None:
                given["result"]["stages"]["scaled_us"] = entry.result.stages.scaled_us
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def to_text(report: Report) -> str:
    """Return the report for a terminal."""
    lines = list(_head(report))
    for entry in report.entries:
        lines += ["", f"{entry.name}: {entry.title} ({entry.seconds:.0f} s)"]
        lines += [f"  {line}" for line in (*_aligned(_rows(entry)), *_notes(entry))]
    stages = _stage_rows(report)
    if stages:
        lines += ["", "processor time a message by stage, µs", *(f"  {line}" for line in _aligned(stages))]
    return "\n".join(lines)


def to_markdown(report: Report) -> str:
    """Return the report as Markdown: the machine as a list, one table of figures, one of stages."""
    lines = [f"- {line}" for line in _head(report)]
    lines += ["", "| scenario | figure | median | lowest to highest | unit |", "|---|---|---:|---:|---|"]
    for entry in report.entries:
        lines += [f"| {entry.name} | {' | '.join(row)} |" for row in _rows(entry)[1:]]
        lines += [f"| {entry.name} | {note} | | | |" for note in _notes(entry)]
    head, *rows = _stage_rows(report) or [[]]
    if rows:
        lines += ["", "Processor time a message by stage, in µs:", "", f"| {' | '.join(head)} |"]
        lines += [f"|---{'|---:' * (len(head) - 1)}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def on_page(page: str, report: Report, marks: Marks) -> str:
    """Return a Markdown page with the report between the marks on it. Raise ValueError if it has no marks."""
    before, begin, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError(f"the page has no {marks[0]} or no {marks[1]}")
    return f"{before}{begin}\n\n{to_markdown(report)}\n\n{end}{after}"


def number(value: float) -> str:
    """Return a number with as many decimals as say something."""
    size = abs(value)
    return f"{value:.2f}" if size < _SMALL else f"{value:.1f}" if size < _MIDDLE else f"{value:,.0f}"


def _head(report: Report) -> Iterator[str]:
    machine = report.machine
    if report.command:
        yield f"command: `{report.command}`"
    versions = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    yield f"machine: {machine.cores} cores, {machine.processor}, {machine.system}, load {machine.load:.1f} at the start"
    yield f"software: Python {machine.python}, {versions}"
    yield f"disk: {machine.fsync_ms:.2f} ms for 4 KiB and fsync"
    yield f"load generator: {report.generator_per_second:,.0f} requests/s to a server that does not look at them"
    if not report.counts_instructions:
        yield "instructions: `perf stat -e instructions` is missing or not supported here, so they are not counted"
    if report.left_out:
        yield f"not run: {', '.join(report.left_out)}"
    yield f"the run took {report.seconds / 60:.1f} minutes"


def _rows(entry: Entry) -> list[list[str]]:
    """Return a head and a row for each figure."""
    figures = entry.result.figures if entry.result else []
    return [["", "median", "lowest to highest", ""], *(_row(figure) for figure in figures)] if figures else []


def _row(figure: Figure) -> list[str]:
    low, high = figure.spread
    spread = f"{number(low)} to {number(high)}" if len(figure.values) > 1 else ""
    return [figure.name, number(figure.median), spread, figure.unit]


def _notes(entry: Entry) -> Iterator[str]:
    if entry.skipped:
        yield f"left out: {entry.skipped}"
    if entry.failed:
        yield f"failed: {entry.failed.splitlines()[0]}"
    if entry.result is not None:
        yield from entry.result.notes
        turns = max(len(figure.values) for figure in entry.result.figures)
        yield f"{turns} {entry.result.taken_in}" if turns > 1 else "one turn"


def _stage_rows(report: Report) -> list[list[str]]:
    """Return a head and a row for each stage, with a column for each scenario that has them."""
    found = {entry.name: entry.result.stages for entry in report.entries if entry.result and entry.result.stages}
    if not found:
        return []
    names = stage_names(found.values())
    rows = [[name, *(number(stages.scaled_us.get(name, 0.0)) for stages in found.values())] for name in names]
    total = ["together", *(number(stages.total_us) for stages in found.values())]
    cost = ["what the wrappers add", *(f"{stages.wrappers_cost:+.0%}" for stages in found.values())]
    return [["", *found], *rows, total, cost]


def stage_names(several: Iterable[Stages]) -> list[str]:
    """Return the names of all stages, in the order of `bench.inside.stages`, then the rest, then other processes."""
    known = [*STAGES, STATEMENTS, COMMIT, GARBAGE, REST]
    given = dict.fromkeys(name for stages in several for name in stages.found_us)
    return [*(name for name in known if name in given), *(name for name in given if name not in known)]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines: the first column to the left, the others to the right, but units."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([first.strip().ljust(widths[0]), *others]).rstrip()
