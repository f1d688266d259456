"""What processes use: processor time, instructions where the machine counts them, and memory."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

# Of clock_getcpuclockid(3), which Python does not offer: the processor time of all threads, also of those that ended.
_PROCESS_CLOCK = 2
_PERF_SECONDS = 5.0
# Fields of /proc/PID/stat, counted from the state, which follows the name in brackets.
_PARENT, _SYSTEM, _REAPED_USER, _REAPED_SYSTEM = 1, 12, 13, 14
_TICKS_A_SECOND = 100


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process, user and system, in seconds.

    It is utime + stime of `/proc/PID/stat`, but in nanoseconds instead of ticks of 10 ms.
    """
    return time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)


def system_seconds(pid: int) -> float:
    """Return the part of the processor time of a process that it spent in the kernel, in seconds (ticks of 10 ms)."""
    return int(_stat(pid)[_SYSTEM]) / _TICKS_A_SECOND


def memory_mb(pid: int, field_name: str = "VmRSS") -> float:
    """Return the resident memory of a process in MB (10⁶ bytes); `VmHWM` is the most it had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [size] = [line.split()[1] for line in lines if line.startswith(f"{field_name}:")]
    return int(size) * 1024 / 1e6


def family_seconds(pid: int) -> float:
    """Return the processor time of a process and its children, also of the children that ended."""
    total = sum(map(int, _stat(pid)[_REAPED_USER : _REAPED_SYSTEM + 1])) / _TICKS_A_SECOND
    for one in family(pid):
        try:
            total += processor_seconds(one)
        except OSError:  # it has just ended
            continue
    return total


def family(pid: int) -> list[int]:
    """Return the ids of a process and its children."""
    found = [pid]
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and int(_stat(int(entry.name))[_PARENT]) == pid:
                found.append(int(entry.name))
        except OSError:  # it has just ended
            continue
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


# ---- instructions


@cache
def counts_instructions() -> bool:
    """Return True if `perf stat` is installed and this machine lets it count instructions."""
    try:
        done = subprocess.run(
            ["perf", "stat", "-x,", "-e", "instructions", "true"],  # noqa: S607  wherever it is installed
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0 and read_perf(done.stderr) is not None


def read_perf(output: str) -> float | None:
    """Return the instructions that `perf stat -x,` counted, None if it counted none."""
    for line in output.splitlines():
        count, *rest = line.split(",")
        if len(rest) > 1 and rest[1].startswith("instructions") and count.isdecimal():
            return float(count)
    return None


@dataclass(slots=True)
class Used:
    """What was used between the making of a meter and its `stop`; `seconds` are processor time, by name."""

    seconds: dict[str, float] = field(default_factory=dict)
    instructions: float | None = None


class Meter:
    """Measures processes from now until `stop`."""

    def __init__(self, clocks: Mapping[str, Callable[[], float]], pids: Sequence[int]) -> None:
        """Start. `clocks` return processor seconds, by name; instructions are counted of `pids`."""
        self._clocks = clocks
        self._perf: subprocess.Popen[str] | None = None
        if counts_instructions():
            command = ["perf", "stat", "-x,", "-e", "instructions", "-p", ",".join(map(str, pids))]
            self._perf = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._before = {name: clock() for name, clock in clocks.items()}

    def stop(self) -> Used:
        """Return what was used."""
        seconds = {name: clock() - self._before[name] for name, clock in self._clocks.items()}
        if self._perf is None:
            return Used(seconds)
        self._perf.send_signal(signal.SIGINT)
        _, output = self._perf.communicate(timeout=_PERF_SECONDS)
        return Used(seconds, read_perf(output))
