"""A gateway in a process of its own, which tests kill, stop and continue by signals."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx

from tests.running import SEAL_KEY

# On a machine that is busy with other tests a start takes long.
READY_SECONDS = 180
ANSWERED_WITHIN_SECONDS = 60
# What gateways bind with, and a customer's service password: they stand in nothing else that may be in a log.
CARRIER_SECRET, PASSWORD = "SeSaMe77", "080868"
# Numbers that are not masked, the Chinese that is in every text to a customer and in no line of a log, and secrets.
_PRIVATE = {
    "a number": re.compile(r"(?<!\d)(?:\+|00)?(?:86)?1[3-9]\d{9}(?!\d)"),
    "a text": re.compile("[\u3000-\u9fff\uff00-\uffef]"),
    "a secret": re.compile(f"{re.escape(SEAL_KEY)}|{CARRIER_SECRET}|Bearer |(?<![.\\d]){PASSWORD}(?!\\d)"),
}


@cache
def client() -> httpx.Client:
    """Return the client of all calls to gateways.

    Each call has a connection of its own, as processes are killed. No certificates are loaded, which takes longer than
    a call.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(verify=unused, trust_env=False, limits=limits, timeout=ANSWERED_WITHIN_SECONDS)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment_of(database_url: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a gateway's process; ``settings`` are further variables."""
    own = {"SMSGW_ENV": "test", "SMSGW_DATABASE_URL": database_url, "SMSGW_SEAL_KEY": SEAL_KEY}
    return {**os.environ, **own, **settings}


@dataclass
class Process:
    """A gateway, or a part of one, in a process of its own, on a database that outlives it."""

    role: str
    environment: Mapping[str, str]
    log_file: Path
    port: int = field(default_factory=free_port)
    running: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, again on the same port if it ran before."""
        command = [sys.executable, "-m", "app", self.role, "--port", str(self.port)]
        with self.log_file.open("ab") as log:
            self.running = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    @property
    def status(self) -> int:
        """What it answers to the question whether it is ready; 0: nothing."""
        try:
            return client().get(f"{self.base}/readyz", timeout=10).status_code
        except httpx.TransportError:
            return 0

    def wait_until_ready(self) -> None:
        """Wait until it is ready, at most READY_SECONDS."""
        deadline = time.monotonic() + READY_SECONDS
        while self.status != httpx.codes.OK:
            assert self.running.poll() is None, self.log_file.read_text()
            assert time.monotonic() < deadline, "the gateway did not become ready"
            time.sleep(0.05)

    def kill(self, how: signal.Signals) -> int:
        """Send a signal to this process and wait for its end."""
        os.kill(self.running.pid, how)
        return self.running.wait(timeout=READY_SECONDS)

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.running.poll() is None:
            self.kill(signal.SIGKILL)

    def check_log(self) -> None:
        """Fail if a line that it logged holds a number, a text or a secret."""
        lines = self.log_file.read_text("utf-8", errors="replace").splitlines()
        found = [(what, line) for line in lines for what, pattern in _PRIVATE.items() if pattern.search(line)]
        assert found == [], f"{self.log_file} has what is private"


def gateway_process(database: Path) -> AbstractContextManager[Process]:
    """Start a gateway on an SQLite file, wait until it is ready, and kill it at the end if it still runs."""
    return process_of("serve", f"sqlite:///{database}", database.with_suffix(".log"))


@contextmanager
def process_of(role: str, database_url: str, log_file: Path, **settings: str) -> Iterator[Process]:
    """Start ``serve``, ``web`` or ``worker``, wait until it is ready, and kill it at the end if it still runs.

    ``settings`` are further variables of the environment. At the end its log is checked, too.
    """
    started = Process(role, environment_of(database_url, settings), log_file)
    started.start()
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.end()
    started.check_log()


@contextmanager
def processes_of(roles: Sequence[str], database_url: str, folder: Path, **settings: str) -> Iterator[list[Process]]:
    """Start several processes at once, as ``process_of`` does each; their logs are in a folder, by their places."""
    with ExitStack() as stack, ThreadPoolExecutor(len(roles)) as pool:
        starting = [
            pool.submit(stack.enter_context, process_of(role, database_url, folder / f"{place}.log", **settings))
            for place, role in enumerate(roles)
        ]
        yield [one.result() for one in starting]
