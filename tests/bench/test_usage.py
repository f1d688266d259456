"""What processes use."""

import os
import subprocess
import sys
import time

from bench.usage import family, family_seconds, memory_mb, processor_seconds, read_perf


def test_the_processor_time_of_this_process() -> None:
    before = processor_seconds(os.getpid())
    assert abs(before - time.process_time()) < 0.1
    while time.process_time() - before < 0.01:
        pass
    assert processor_seconds(os.getpid()) - before >= 0.009


def test_the_memory_of_this_process() -> None:
    assert 10 < memory_mb(os.getpid()) <= memory_mb(os.getpid(), "VmHWM")


def test_a_family_is_a_process_and_its_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert {os.getpid(), child.pid} <= set(family(os.getpid()))
        assert family_seconds(os.getpid()) >= processor_seconds(os.getpid())


def test_children_that_ended_are_counted() -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass"
    before = family_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", code], check=True)
    assert family_seconds(os.getpid()) - before > 0.25


def test_instructions_are_read_from_what_perf_prints() -> None:
    counted = "1234567890,,instructions,1001,100.00,1.21,insn per cycle\n"
    assert read_perf(counted) == 1_234_567_890
    assert read_perf(f"# started on a day\n\n{counted.replace('instructions', 'instructions:u')}") == 1_234_567_890
    assert read_perf("<not supported>,,instructions,0,100.00,,\n") is None
    assert read_perf("") is None
