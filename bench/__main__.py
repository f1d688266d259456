"""The command line: `python -m bench`."""

import os
import resource
import shlex
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.display import Display
from bench.errors import BenchError
from bench.lab import open_lab
from bench.picture import to_svg
from bench.processes import PROJECT
from bench.report import FULL_MARKS, USUAL_MARKS, on_page, to_json, to_markdown, to_text
from bench.run import Report, run
from bench.scale import FULL, SMOKE, USUAL, Scale
from bench.scenarios import FULL_SCENARIOS, SCENARIOS, Scenario

DESCRIPTION = """Measures the gateway: processor time a message by stage, rates, latencies, memory, imports, the clock.
Everything takes turns with an empty FastAPI endpoint on the same machine, and each figure is the median of five turns.
docs/performance.md says what the figures mean. Progress goes to standard error."""
INTERRUPTED = 130
LIMIT_SECONDS, FULL_LIMIT_SECONDS = 300.0, 3600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status: 1 if a scenario failed."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.list:
        print(*(f"{scenario.name:<12}{scenario.title}" for scenario in _table(given)), sep="\n")
        return 0
    scenarios, scale = _chosen(parser, given), _scale(given)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    _allow_connections()
    display = Display()
    try:
        limit = given.limit_seconds or (FULL_LIMIT_SECONDS if given.full else LIMIT_SECONDS)
        with open_lab(given.directory, scale, display, reports=given.reports, limit_seconds=limit) as lab:
            report = run(lab, scenarios)
    except (BenchError, OSError) as error:
        display.problem(f"No figure: {error}")
        return 1
    except KeyboardInterrupt:
        display.problem("Interrupted.")
        return INTERRUPTED
    if report.interrupted:
        display.problem("Interrupted.")
        if not given.full or not report.entries:
            return INTERRUPTED
    _write(replace(report, command=_command(arguments), left_out=_left_out(given, report)), given)
    return INTERRUPTED if report.interrupted else 1 if report.failed else 0


def _command(arguments: Sequence[str] | None) -> str:
    return shlex.join(["python", "-m", "bench", *(sys.argv[1:] if arguments is None else arguments)])


def _left_out(given: Namespace, report: Report) -> Sequence[str]:
    ran = {entry.name for entry in report.entries}
    return [scenario.name for scenario in _table(given) if scenario.name not in ran]


def _write(report: Report, given: Namespace) -> None:
    print(to_markdown(report) if given.markdown else to_text(report))
    if given.json is not None:
        given.json.write_text(to_json(report), "utf-8")
    if given.picture is not None:
        given.picture.write_text(to_svg(report), "utf-8")
    if given.page is not None:
        marks = FULL_MARKS if given.full else USUAL_MARKS
        given.page.write_text(on_page(given.page.read_text("utf-8"), report, marks), "utf-8")
    if given.smoke:
        print("a smoke run: all works, but it is too short for its figures to say much")


def _allow_connections() -> None:
    """Raise the limit of open files to the maximum, as each connection is an open file on both sides."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m bench", description=DESCRIPTION)
    add = parser.add_argument
    add("--list", action="store_true", help="list the scenarios and end")
    add("--only", metavar="NAMES", help="run only these scenarios, such as single,array")
    add("--full", action="store_true", help="the scenarios of a full run instead, which takes hours")
    add("--smoke", action="store_true", help="only see that all works: every scenario, tiny")
    add("--turns", type=int, help=f"turns of each figure (default: {USUAL.turns})")
    add("--connections", type=int, help=f"connections for single messages (default: {USUAL.connections})")
    add("--many", type=int, help=f"customers of many-5 and many-50 (default: {FULL.many_customers:,})")
    add("--hour-seconds", type=float, help=f"seconds of an hour of the day (default: {FULL.hour_seconds:g})")
    add("--reports", action="store_true", help="let the simulated network send a delivery report for each reply, too")
    add("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    add("--markdown", action="store_true", help="print Markdown")
    add("--picture", type=Path, metavar="FILE", help="draw the figures into this SVG file")
    add("--page", type=Path, metavar="FILE", help="put the figures between the marks on this Markdown page")
    add(
        "--directory",
        type=Path,
        default=PROJECT / "data" / "bench",
        help="a real disk, for a run's own files (default: data/bench)",
    )
    add("--limit-seconds", type=float, help="give up when one step takes longer (default: 300; with --full, 3600)")
    return parser


def _chosen(parser: ArgumentParser, given: Namespace) -> Sequence[Scenario]:
    """Return the scenarios to run; exit with status 2 if there is no such one."""
    for option in ("turns", "connections", "limit_seconds"):
        number = getattr(given, option)
        if number is not None and number <= 0:
            parser.error(f"--{option.replace('_', '-')} must be more than 0")
    for option in ("json", "picture", "page"):
        file = getattr(given, option)
        if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
            parser.error(f"--{option}: {file} cannot be written")
    if given.smoke and given.page is not None:
        parser.error("the figures of --smoke say too little for a page")
    if given.only is None:
        return _table(given)
    by_name = {scenario.name: scenario for scenario in _table(given)}
    names = [name.strip() for name in given.only.split(",")]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in names]


def _table(given: Namespace) -> Sequence[Scenario]:
    return FULL_SCENARIOS if given.full else SCENARIOS


def _scale(given: Namespace) -> Scale:
    scale = SMOKE if given.smoke else FULL if given.full else USUAL
    return replace(
        scale,
        turns=given.turns or scale.turns,
        connections=given.connections or scale.connections,
        many_customers=given.many or scale.many_customers,
        hour_seconds=given.hour_seconds or scale.hour_seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
