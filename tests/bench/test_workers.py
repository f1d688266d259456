"""The comparison of several processes with one."""

import pytest

from bench.load.sending import Outcome
from bench.scenarios.round_trips import Share
from bench.scenarios.workers import RATIO, compare
from bench.usage import Used


def share(**milliseconds: float) -> Share:
    """Return a share of 10 messages in a second, and what each part of the gateway used for it."""
    used = Used({name: spent / 1e3 for name, spent in milliseconds.items()})
    return Share(10, 1.0, used, Outcome(started=0.0, finished=1.0, latencies=[]))


def test_the_ratio_of_a_turn_counts_the_time_of_all_processes() -> None:
    turns = [
        (share(gateway=2, server=2), share(web=1, workers=3, server=2)),
        (share(gateway=4, server=4), share(web=2, workers=4, server=2)),
        (share(gateway=2, server=2), share(web=1, workers=2, server=2)),
    ]
    found = {figure.name: figure.values for figure in compare(turns)}
    assert found[RATIO] == pytest.approx((1.5, 1.0, 1.25))
    assert found["one process: processor time a round trip"] == pytest.approx((400, 800, 400))
    assert found["web and 3 workers: of that, by the workers"] == pytest.approx((300, 400, 200))
