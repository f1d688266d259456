"""Simulated lives keep what is promised, whatever happens in them; and a broken promise would be seen."""

from collections import Counter

import pytest

from tests.simulation.faults import FAULTS
from tests.simulation.seeds import Seeds

SEEDS, BLOCK = 200, 20
# Three times as many seeds as it took to find a planted fault: most are found in the first two.
WITHIN = {
    "an MO is marked as handled in the commit of its effects": 12,
    "events are written in the commit of the change": 18,
    "an MT waits for the earlier ones of its subscriber and lane": 18,
    "an unknown attempt is repeated only where its carrier recognises it": 12,
    "what a dead worker was sending counts as an unknown attempt": 9,
    "a worker that lost its lease records nothing but an acceptance": 33,
}
FEW = 6
EVERYTHING = (
    "crashes", "pauses", "failed commits", "lost answers of the database", "clock jumps", "stops", "faults of the network",
    "repeats recognised", "repeats of MOs", "MOs", "MTs taken", "reports", "fees", "events received",
)  # fmt: skip


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    return Seeds(tmp_path_factory.mktemp("lives"))


@pytest.fixture(autouse=True)
def _cache_is_right() -> None:
    """To compare accounts at every step would take as long as the life itself."""


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_a_life_keeps_every_promise(seeds: Seeds, first: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(first, first + BLOCK):
        lived = seeds.live(seed)
        counts += lived.counts
        assert not lived.breaches, f"\n{lived.story}"
    assert [name for name in EVERYTHING if not counts[name]] == [], "it did not happen in any of these lives"


def test_a_seed_lives_the_same_life_again(seeds: Seeds) -> None:
    assert seeds.live(3).trace.lines == seeds.live(3).trace.lines


@pytest.mark.parametrize("promise", FAULTS)
def test_a_broken_promise_is_seen(seeds: Seeds, promise: str) -> None:
    within = WITHIN.get(promise, FEW)
    assert any(seeds.live(seed, FAULTS[promise]).breaches for seed in range(within)), f"not within {within} seeds"
