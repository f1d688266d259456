"""A few rounds of chaos, and a small backlog; ``make chaos`` and ``make drain`` do many and a large one."""

from pathlib import Path

import pytest

from tests.crash import backlog, plan, rounds

WAITING = 3000


@pytest.mark.parametrize(
    ("seed", "database", "carrier"), [(4, "sqlite", "http"), (7, "postgresql", "http"), (32, "postgresql", "smpp")]
)
def test_whatever_is_killed_nothing_is_lost_doubled_or_out_of_order(
    seed: int, database: str, carrier: str, tmp_path: Path
) -> None:
    assert rounds.play(plan.draw(seed, database, carrier), tmp_path).wrong == []


def test_three_workers_of_which_one_is_killed_drain_what_waits(tmp_path: Path) -> None:
    assert backlog.drain(WAITING, tmp_path).wrong == []
