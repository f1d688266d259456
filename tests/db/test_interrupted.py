"""Tests that are interrupted leave no PostgreSQL server and no folder behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHIN_SECONDS = 120
WORKERS = 2
# Each worker writes down its server and its folder, and waits.
TESTS = """
import pathlib, time
import pytest
from tests.databases import postgresql

@pytest.fixture(scope="session")
def server():
    with postgresql() as server:
        yield server

@pytest.mark.parametrize("number", range({workers}))
def test_waits(server, number):
    place = pathlib.Path({folder!r}, f"worker-{{number}}")
    place.with_suffix(".new").write_text(f"{{server.get_pid()}} {{server.pgdata.parent}}")
    place.with_suffix(".new").rename(place)
    time.sleep(600)
"""
Run = subprocess.Popen[bytes]
ENDS: dict[str, Callable[[Run], None]] = {
    "SIGINT to the controller": lambda run: run.send_signal(signal.SIGINT),
    "kill -9 of all": lambda run: os.killpg(run.pid, signal.SIGKILL),
}


def wait(until: Callable[[], bool], why: str) -> None:
    give_up = time.monotonic() + WITHIN_SECONDS
    while not until():
        assert time.monotonic() < give_up, why
        time.sleep(0.05)


def runs(pid: str) -> bool:
    state = subprocess.run(["/bin/ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
    return state.strip()[:1] not in ("", "Z")


@pytest.mark.parametrize("how", ENDS)
def test_interrupted_tests_leave_no_server_and_no_folder(how: str, tmp_path: Path) -> None:
    tests = tmp_path / "test_waiting.py"
    tests.write_text(TESTS.format(workers=WORKERS, folder=str(tmp_path)))
    kept = {name: given for name, given in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(WORKERS), "-c", os.devnull, str(tests)]
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(
            command, cwd=tmp_path, env={**kept, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        places = [tmp_path / f"worker-{number}" for number in range(WORKERS)]
        wait(lambda: all(place.exists() for place in places), (tmp_path / "log").read_text())
        found = [place.read_text().split(" ", 1) for place in places]
        assert all(runs(pid) and Path(folder).exists() for pid, folder in found)
        ENDS[how](run)
        run.wait(WITHIN_SECONDS)
        wait(lambda: not any(runs(pid) or Path(folder).exists() for pid, folder in found), "something is left")
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
