"""What ``--smsgw-durations`` prints, and what the check of the wheels makes of it."""

import pytest

from smsgw_testkit.running.durations import Durations
from tests.wheels.durations import check_durations

PROMISED = {"start": 2.0, "reset": 0.05, "send": 0.04, "clock": 0.2}


def printed(times: float, **others: float) -> str:
    durations = Durations()
    for what, seconds in {**PROMISED, **others}.items():
        durations.add({what: [seconds * times] * 3})
    return "\n".join(["= smsgw durations =", *durations.lines(), "10 passed in 9.9s"])


def test_a_busy_machine_is_within_what_is_checked() -> None:
    assert "reset: median 50 ms, 95% within 50 ms, 3 times" in printed(1)
    check_durations(printed(1))
    check_durations(printed(19))


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("start", "start of a gateway: 60000 ms"),
        ("reset", "reset: 1500 ms"),
        ("send", "text with its answers: 1200 ms"),
    ],
)
def test_a_call_that_has_become_something_else_is_named(what: str, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check_durations(printed(1, **{what: PROMISED[what] * 30}))


def test_a_figure_that_is_not_there_is_said() -> None:
    with pytest.raises(AssertionError, match="gives other figures"):
        check_durations("10 passed in 9.9s")
