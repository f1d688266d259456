"""Garbage is collected when the process is idle, and in the end also when it never is."""

import subprocess
import sys

import pytest

from app.garbage import is_time


@pytest.mark.parametrize(
    ("used", "used_since", "elapsed_since", "due"),
    [
        (0.01, 5.0, 3.0, True),
        (0.9, 5.0, 3.0, False),
        (0.9, 50.0, 60.0, True),
        (0.01, 0.5, 3600.0, False),
    ],
    ids=["idle after work", "busy", "busy for a minute", "idle without work"],
)
def test_when_a_pass_is_due(used: float, used_since: float, elapsed_since: float, *, due: bool) -> None:
    assert is_time(used=used, used_since=used_since, elapsed_since=elapsed_since) is due


_CYCLES = """
import gc, time, weakref
from app import garbage
class Node: pass
garbage.collect_when_idle()
assert not gc.isenabled() and gc.get_freeze_count() > 0
node = Node(); node.self = node
gone = weakref.ref(node)
del node
until = time.process_time() + 1.1
while time.process_time() < until: pass
assert gone() is not None
time.sleep(2.5)
assert gone() is None
"""


def test_cycles_are_collected_once_the_process_is_idle() -> None:
    subprocess.run([sys.executable, "-c", _CYCLES], check=True, timeout=60)
