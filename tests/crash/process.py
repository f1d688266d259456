"""A gateway in a process of its own, which tests kill, stop and continue by signals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.running import SEAL_KEY

READY_SECONDS = 90


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Process:
    """A gateway, or a part of one, in a process of its own, on a database that outlives it."""

    port: int
    running: "subprocess.Popen[bytes]"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self, how: signal.Signals) -> int:
        """Send a signal to this process and wait for its end."""
        os.kill(self.running.pid, how)
        return self.running.wait(timeout=READY_SECONDS)


def gateway_process(database: Path) -> AbstractContextManager[Process]:
    """Start a gateway on an SQLite file, wait until it is ready, and kill it at the end if it still runs."""
    return process_of("serve", f"sqlite:///{database}", database.with_suffix(".log"))


@contextmanager
def process_of(role: str, database_url: str, log_file: Path, **settings: str) -> Iterator[Process]:
    """Start ``serve``, ``web`` or ``worker``, wait until it is ready, and kill it at the end if it still runs.

    ``settings`` are further variables of the environment.
    """
    port = free_port()
    environment = {**os.environ, "SMSGW_ENV": "test", "SMSGW_DATABASE_URL": database_url, "SMSGW_SEAL_KEY": SEAL_KEY}
    environment.update(settings)
    command = [sys.executable, "-m", "app", role, "--port", str(port)]
    log = log_file.open("ab")
    running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    started = Process(port, running)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if httpx.get(f"{started.base}/readyz", timeout=1).status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                assert running.poll() is None, log_file.read_text()
            assert time.monotonic() < deadline, "the gateway did not become ready"
            time.sleep(0.05)
        yield started
    finally:
        if running.poll() is None:
            running.kill()
            running.wait(timeout=READY_SECONDS)
        log.close()
