"""Medians, spreads, quantiles and schedules."""

import pytest

from bench.figures import Figure, Stages
from bench.load.generator import evenly, quantile


def test_a_figure_is_the_median_of_its_turns_with_their_spread() -> None:
    figure = Figure.of("time", "µs", [5, 1, 9, 2, 4])
    assert figure.median == 4
    assert figure.spread == (1, 9)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_quantile_is_the_smallest_latency_that_so_many_do_not_exceed(share: float, expected: float) -> None:
    assert quantile([float(number) for number in range(100, 0, -1)], share) == expected


def test_the_quantile_of_one_latency_is_that_latency() -> None:
    assert quantile([7.0], 0.5) == quantile([7.0], 0.99) == 7.0


def test_a_schedule_is_even_and_as_long_as_asked() -> None:
    due = evenly(100, 0.5)
    assert len(due) == 50
    assert due[0] == 0
    assert due[-1] == pytest.approx(0.49)


def test_stages_are_scaled_to_the_time_without_wrappers() -> None:
    stages = Stages(100, {"HTTP": 30, "turns": 60, "rest": 30})
    assert stages.scaled_us == {"HTTP": 25, "turns": 50, "rest": 25}
    assert stages.wrappers_cost == pytest.approx(0.2)
