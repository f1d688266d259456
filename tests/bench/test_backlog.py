"""The time in which replies go out."""

import pytest

from bench.scenarios.backlog import Left, half_time


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        ([(0, 100), (10, 0)], 5),
        ([(0, 100), (8, 60), (9, 40), (10, 0)], 8.5),
        ([(0, 100), (8, 50), (9, 0)], 8),
    ],
)
def test_half_of_the_replies_have_gone_out_between_two_looks(looks: list[tuple[float, int]], seconds: float) -> None:
    assert half_time([Left(*look) for look in looks]) == seconds
