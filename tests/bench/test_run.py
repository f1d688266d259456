"""A run, with scenarios made for it."""

from pathlib import Path

from bench.display import Display
from bench.errors import BenchError, SkippedError
from bench.figures import Figure, Result
from bench.lab import EmptyEndpoint, Lab, open_lab
from bench.run import run
from bench.scale import SMOKE
from bench.scenarios import Scenario


def works(_lab: Lab, _empty: EmptyEndpoint) -> Result:
    return Result(figures=[Figure.of("answer", "", [42])])


def fails(_lab: Lab, _empty: EmptyEndpoint) -> Result:
    raise BenchError("it broke")


def misses(_lab: Lab, _empty: EmptyEndpoint) -> Result:
    raise SkippedError("no Kannel")


def interrupted(_lab: Lab, _empty: EmptyEndpoint) -> Result:
    raise KeyboardInterrupt


def test_a_run_goes_on_after_a_failure_and_an_interrupted_one_has_what_came_before(tmp_path: Path) -> None:
    scenarios = [Scenario(each.__name__, "", each) for each in (fails, misses, works, interrupted, works)]
    with open_lab(tmp_path, SMOKE, Display(), reports=False, limit_seconds=30) as lab:
        report = run(lab, scenarios)
    assert [(entry.name, entry.failed, entry.skipped) for entry in report.entries] == [
        ("fails", "it broke", ""),
        ("misses", "", "no Kannel"),
        ("works", "", ""),
    ]
    assert report.interrupted
    assert report.failed
