"""A few rounds of chaos, and a small backlog; ``make chaos`` and ``make drain`` do many and a large one."""

from pathlib import Path

import pytest

from tests.crash import backlog, plan, rounds
from tests.crash.process import CARRIER_SECRET, PASSWORD, Process
from tests.running import SEAL_KEY

WAITING = 3000


@pytest.mark.parametrize(
    ("seed", "database", "carrier"),
    [
        (4, "sqlite", "http"),
        (7, "postgresql", "http"),
        (32, "postgresql", "smpp"),
        (33, "postgresql", "cmpp3"),
        (35, "postgresql", "cmpp2"),
    ],
)
def test_whatever_is_killed_nothing_is_lost_doubled_or_out_of_order(
    seed: int, database: str, carrier: str, tmp_path: Path
) -> None:
    assert rounds.play(plan.draw(seed, database, carrier), tmp_path).wrong == []


@pytest.mark.parametrize(
    "said",
    ["13800138000", "+8613800138000", "您好", "ＴＳ", CARRIER_SECRET, SEAL_KEY, f"#{PASSWORD}#", "Bearer demo"],
    ids=["number", "international number", "text", "wide text", "carrier", "seal", "password", "token"],
)
def test_a_log_that_says_too_much_is_noticed(said: str, tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    process = Process("serve", {}, log)
    log.write_text("2026-03-02T10:00:00.080868Z a bind is up, of +86138****8000, 1858513718529228801\n", "utf-8")
    process.check_log()
    log.write_text(f"a line\nsaid={said!r}\n", "utf-8")
    with pytest.raises(AssertionError, match="what is private"):
        process.check_log()


def test_three_workers_of_which_one_is_killed_drain_what_waits(tmp_path: Path) -> None:
    assert backlog.drain(WAITING, tmp_path).wrong == []
