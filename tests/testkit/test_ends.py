"""Nothing of a gateway is left when its tests are killed."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.testkit.conftest import command, environment

_WITHIN_SECONDS = 120
HANGS = """
import json, os, pathlib, time

def test_it(smsgw):
    told = {"pytest": os.getpid(), "gateway": smsgw._parts.backend.pid, "url": smsgw.url}
    pathlib.Path("told").with_suffix(".new").write_text(json.dumps(told))
    pathlib.Path("told.new").rename("told")
    time.sleep(600)
"""


@pytest.mark.parametrize("how", ["kill", "terminate", "kill a worker"])
def test_a_gateway_ends_with_its_tests(tmp_path: Path, how: str) -> None:
    (tmp_path / "test_it.py").write_text(HANGS, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    workers = "1" if how == "kill a worker" else "0"
    with subprocess.Popen(
        command("-n", workers, "--max-worker-restart=0", "-p", "no:cacheprovider"),
        cwd=tmp_path,
        env={**environment(), "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            told = _told(tmp_path / "told", running)
            os.kill(told["pytest"], signal.SIGTERM if how == "terminate" else signal.SIGKILL)
            running.wait(_WITHIN_SECONDS)
        finally:
            if running.poll() is None:
                running.kill()
    port = int(told["url"].rpartition(":")[2])
    _wait(lambda: not _exists(told["gateway"]) and not _listens(port) and not _folders(temporary))


def _told(place: Path, running: "subprocess.Popen[bytes]") -> dict[str, Any]:
    _wait(lambda: place.exists() or running.poll() is not None)
    found: dict[str, Any] = json.loads(place.read_text("utf-8"))
    return found


def _wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + _WITHIN_SECONDS
    while not until():
        assert time.monotonic() < end
        time.sleep(0.05)


def _exists(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _folders(place: Path) -> list[Path]:
    return [found for found in place.glob("smsgw-*") if found.is_dir()]
