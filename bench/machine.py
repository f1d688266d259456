"""The machine that figures were measured on."""

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

SYNCS = 40
BLOCK = bytes(4096)
PACKAGES = ("fastapi", "pydantic", "sqlalchemy", "uvicorn", "uvloop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine, the versions of packages, and the cost of a write to disk."""

    processor: str
    cores: int
    load: float
    """The load average of the last minute when the run began; more than 0.5 means that something else runs, too."""
    system: str
    python: str
    packages: dict[str, str]
    fsync_ms: float
    """Median time of appending 4 KiB and fsync, in milliseconds. Far below 0.1, it is not a real disk."""


def describe(directory: Path) -> Machine:
    """Return a description of this machine and of the disk with the directory."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages={name: version(name) for name in PACKAGES},
        fsync_ms=_fsync_seconds(directory / "fsync") * 1000,
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _fsync_seconds(path: Path) -> float:
    times: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            file.write(BLOCK)
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    path.unlink()
    return sorted(times)[SYNCS // 2]
