"""The project in examples/testkit, whose tests find faults that are planted into the gateway."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.testkit.conftest import ROOT, command, environment

EXAMPLE = ROOT / "examples" / "testkit"
FAULTY = Path(__file__).with_name("faulty.py")
PICK = "tests/test_stopping.py::test_a_pick_stops_it_within_a_day"
LISTING = "tests/test_stopping.py::test_the_listing_shows_it"


def suite(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command("-p", "no:cacheprovider", *arguments),
        cwd=EXAMPLE,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_tests_pass(shared: str, smsgw: object) -> None:
    done = suite(shared)
    assert "10 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("fault", "test", "named"),
    [
        ("dropped-reply", PICK, "NoMessage: nothing came; '1' to 10086977 was understood as: unsubscribed"),
        ("wrong-number", LISTING, "AssertionError: assert '10086' == '10086977'"),
        ("unsigned-event", PICK, "an event to ZHIYINBAO did not verify: it is not signed"),
    ],
)
def test_a_planted_fault_is_named(fault: str, test: str, named: str) -> None:
    done = suite(f"--smsgw-command={sys.executable} {FAULTY} {fault}", test)
    assert "1 failed" in done.stdout
    assert named in done.stdout
