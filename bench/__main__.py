"""The command line: `python -m bench`."""

import resource
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
from bench.report import on_page, to_json, to_markdown, to_text
from bench.run import Report, run
from bench.scale import FULL, SMOKE, Scale
from bench.scenarios import SCENARIOS, Scenario

DESCRIPTION = """Measures the gateway: processor time a message by stage, rates, latencies, memory, imports, the clock.
Everything takes turns with an empty FastAPI endpoint on the same machine, and each figure is the median of five turns.
docs/performance.md says what the figures mean. Progress goes to standard error."""
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status: 1 if a scenario failed."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.list:
        print(*(f"{scenario.name:<12}{scenario.title}" for scenario in SCENARIOS), sep="\n")
        return 0
    scenarios, scale = _chosen(parser, given), _scale(given)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    _allow_connections()
    display = Display()
    try:
        with open_lab(given.directory, scale, display, reports=given.reports, limit_seconds=given.limit_seconds) as lab:
            report = run(lab, scenarios)
    except (BenchError, OSError) as error:
        display.problem(f"No figure: {error}")
        return 1
    except KeyboardInterrupt:
        display.problem("Interrupted.")
        return INTERRUPTED
    _write(report, given)
    return 1 if report.failed else 0


def _write(report: Report, given: Namespace) -> None:
    print(to_markdown(report) if given.markdown else to_text(report))
    if given.json is not None:
        given.json.write_text(to_json(report), "utf-8")
    if given.picture is not None:
        given.picture.write_text(to_svg(report), "utf-8")
    if given.page is not None:
        given.page.write_text(on_page(given.page.read_text("utf-8"), report), "utf-8")
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
    add("--smoke", action="store_true", help="only see that all works: every scenario, tiny")
    add("--turns", type=int, help=f"turns of each figure (default: {FULL.turns})")
    add("--connections", type=int, help=f"connections for single messages (default: {FULL.connections})")
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
    add("--limit-seconds", type=float, default=300.0, help="give up when one step takes longer (default: %(default)s)")
    return parser


def _chosen(parser: ArgumentParser, given: Namespace) -> Sequence[Scenario]:
    """Return the scenarios to run; exit with status 2 if there is no such one."""
    if given.turns is not None and given.turns < 1:
        parser.error("--turns must be 1 or more")
    if given.only is None:
        return SCENARIOS
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    names = [name.strip() for name in given.only.split(",")]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in names]


def _scale(given: Namespace) -> Scale:
    scale = SMOKE if given.smoke else FULL
    return replace(scale, turns=given.turns or scale.turns, connections=given.connections or scale.connections)


if __name__ == "__main__":
    sys.exit(main())
