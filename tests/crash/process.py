"""A gateway in a process of its own, which tests kill, stop and continue by signals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

READY_SECONDS = 90


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Process:
    """A gateway in a process of its own, on a database file that outlives it."""

    database: Path
    port: int
    running: "subprocess.Popen[bytes]"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self, how: signal.Signals) -> int:
        """Send a signal to this process and wait for its end."""
        os.kill(self.running.pid, how)
        return self.running.wait(timeout=READY_SECONDS)


@contextmanager
def gateway_process(database: Path) -> Iterator[Process]:
    """Start a gateway, wait until it is ready, and kill it at the end if it still runs."""
    port = _free_port()
    environment = {**os.environ, "SMSGW_ENV": "test", "SMSGW_DATABASE_URL": f"sqlite:///{database}"}
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    log = database.with_suffix(".log").open("ab")
    running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    started = Process(database, port, running)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if httpx.get(f"{started.base}/readyz", timeout=1).status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                assert running.poll() is None, database.with_suffix(".log").read_text()
            assert time.monotonic() < deadline, "the gateway did not become ready"
            time.sleep(0.05)
        yield started
    finally:
        if running.poll() is None:
            running.kill()
            running.wait(timeout=READY_SECONDS)
        log.close()
