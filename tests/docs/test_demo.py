"""The demo script examples/demo.sh."""

import pytest

from tests.docs.reading import ROOT
from tests.docs.terminal import free_port, run, shell

DEMO = ROOT / "examples" / "demo.sh"


def test_the_demo_works(gateway: str) -> None:
    done = run(shell(), DEMO, gateway)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\033" not in done.stdout, "colours are for terminals"
    for line in (
        "手机报 (SJB) ended with the month.",
        "Ordered, with the day",
        "A ticket, with its number",
        "Waived in the customer's favour",
        "The chain verifies.",
        "One reply to two posts.",
        "Once on the",
    ):
        assert f"✓ {line}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["--help"], 0, "Usage:"),
        (["--colour"], 2, "no option --colour"),
        (["nonsense"], 2, "no URL"),
        (["http://127.0.0.1", "http://127.0.0.1"], 2, "one URL"),
        (["http://gateway.example"], 2, "--allow-remote"),
        (["http://127.0.0.1@gateway.example"], 2, "--allow-remote"),
        (["http://127.0.0.1.gateway.example"], 2, "--allow-remote"),
    ],
)
def test_the_demo_explains_invalid_arguments(arguments: list[str], status: int, expected: str) -> None:
    done = run(shell(), DEMO, *arguments)
    assert (done.returncode, expected in done.stdout + done.stderr) == (status, True), done


def test_the_demo_reports_a_missing_gateway() -> None:
    done = run(shell(), DEMO, f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "No gateway answers" in done.stderr
