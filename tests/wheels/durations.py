"""How long the calls of a run with the test kit may take."""

import re
from collections.abc import Mapping

# Some twenty times what is promised on two idle cores (2 s, 50 ms, 40 ms and 200 ms): a busy machine stays within it, and
# only a call that has become something else does not, such as a reset that waits for a timeout.
LONGEST_MS: Mapping[str, int] = {
    "start of a gateway": 40_000,
    "reset": 1_000,
    "text with its answers": 800,
    "move of the clock": 4_000,
}
_FIGURE = re.compile(r"^(?P<what>[a-z ]+): median (?P<median>\d+) ms, 95% within \d+ ms, \d+ times$", re.MULTILINE)


def check_durations(output: str) -> None:
    """Check the medians of ``pytest --smsgw-durations``. Raise AssertionError if one is missing or far too long."""
    found = {figure["what"]: int(figure["median"]) for figure in _FIGURE.finditer(output)}
    assert found.keys() == LONGEST_MS.keys(), f"--smsgw-durations gives other figures: {sorted(found)}"
    slow = [f"{what}: {found[what]} ms, at most {most} ms" for what, most in LONGEST_MS.items() if found[what] > most]
    assert not slow, f"the test kit is far slower than promised: {'; '.join(slow)}"
