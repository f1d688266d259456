"""The files in ops: units that systemd takes, and a proxy that lets in what it is to let in."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values

from app.settings import Settings
from tests.crash.process import READY_SECONDS, free_port
from tests.programs import program
from tests.running import SEAL_KEY

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "ops" / "systemd").glob("*.service"))
CADDYFILE = ROOT / "ops" / "caddy" / "Caddyfile"
# The gateway's own limit, 2,000 connections, and files besides.
LEAST_FILES = 4096
# Of 10; what systemd itself calls OK ends at 4.
MOST_EXPOSED = 2.0
WITHIN_SECONDS = 60


# ---- systemd


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units as they would be installed, with a program that is there; instances of templates."""
    found = []
    for unit in UNITS:
        path = tmp_path / unit.name.replace("@", "@8087")
        path.write_text(unit.read_text("utf-8").replace("/opt/smsgw/.venv/bin/smsgw", sys.executable))
        found.append(path)
    return found


def test_systemd_takes_the_units(units: list[Path]) -> None:
    analyze = program("systemd-analyze", package="the package systemd")
    for unit in units:
        done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_units_can_do_little_harm(units: list[Path]) -> None:
    analyze = program("systemd-analyze", package="the package systemd")
    for unit in units:
        done = subprocess.run(
            [analyze, "security", "--offline=true", unit], capture_output=True, text=True, check=False
        )
        [level] = re.findall(r"exposure level for .*: ([\d.]+)", done.stdout)
        assert float(level) <= MOST_EXPOSED


def test_the_units_run_what_there_is() -> None:
    assert len(UNITS) == 3
    for unit in UNITS:
        text = unit.read_text("utf-8")
        [command] = re.findall(r"^ExecStart=/opt/smsgw/\.venv/bin/smsgw (.+)$", text, re.MULTILINE)
        # A worker's port is a free one unless it is given: then nobody knows where to ask it.
        assert command in ("serve", "web", "worker --port %i")
        [files] = re.findall(r"^LimitNOFILE=(\d+)$", text, re.MULTILINE)
        assert int(files) >= LEAST_FILES
        for needed in ("NoNewPrivileges=yes", "ProtectSystem=strict", "EnvironmentFile=/etc/smsgw/smsgw.env"):
            assert needed in text


def test_every_variable_of_the_environment_file_is_a_setting() -> None:
    path = ROOT / "ops" / "systemd" / "smsgw.env"
    named = {*dotenv_values(path), *re.findall(r"^#(SMSGW_\w+)=", path.read_text("utf-8"), re.MULTILINE)}
    assert named >= {"SMSGW_ENV", "SMSGW_SEAL_KEY", "SMSGW_DATABASE_URL"}
    assert named <= {f"SMSGW_{name.upper()}" for name in Settings.model_fields}


def test_a_hangup_is_answered_in_the_log_and_changes_nothing(tmp_path: Path) -> None:
    port = free_port()
    own = {"SMSGW_ENV": "test", "SMSGW_SEAL_KEY": SEAL_KEY, "PYTHONPATH": str(ROOT)}
    log = tmp_path / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", str(port)],
            env={**os.environ, **own}, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=written, stderr=written,
        )  # fmt: skip
    try:
        _wait_until(lambda: b'"the gateway runs"' in log.read_bytes(), process)
        process.send_signal(signal.SIGHUP)
        _wait_until(lambda: b"SIGHUP changes nothing" in log.read_bytes(), process)
        assert httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False).status_code == httpx.codes.OK
    finally:
        process.terminate()
        assert process.wait(READY_SECONDS) == 0


def _wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_so():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- Caddy


def test_caddy_takes_its_file() -> None:
    done = subprocess.run(
        [program("caddy", package="the package caddy"), "validate", "--adapter", "caddyfile", "--config", CADDYFILE],
        capture_output=True, text=True, check=False, timeout=WITHIN_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


class _Gateway(BaseHTTPRequestHandler):
    """Answers with the address that it was called from, as the proxy names it."""

    def do_GET(self) -> None:
        content = str(self.headers["X-Forwarded-For"]).encode()
        self.send_response(httpx.codes.OK)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, *_args: object) -> None:
        """Write nothing."""


@contextmanager
def proxy(folder: Path) -> Iterator[tuple[int, int]]:
    """Run Caddy as its file says, without TLS; yield the ports of the outside and the inside."""
    outside, inside = free_port(), free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Gateway) as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        text = CADDYFILE.read_text("utf-8").replace("127.0.0.1:8086", f"127.0.0.1:{gateway.server_address[1]}")
        text = text.replace("sms.example.com", f"http://127.0.0.1:{outside}")
        text = text.replace("sms-api.internal.example.com", f"http://127.0.0.1:{inside}")
        (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
        command = [
            program("caddy", package="the package caddy"),
            "run",
            "--adapter",
            "caddyfile",
            "--config",
            str(folder / "Caddyfile"),
        ]
        with subprocess.Popen(
            command, env={**os.environ, "HOME": str(folder)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as running:
            try:
                for port in (outside, inside):
                    _wait_until(partial(_listens, port), running)
                yield outside, inside
            finally:
                running.terminate()
                running.wait(WITHIN_SECONDS)
                gateway.shutdown()


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def test_the_proxy_lets_in_webhooks_alone_and_names_the_caller(tmp_path: Path) -> None:
    with proxy(tmp_path) as (outside, inside), httpx.Client(trust_env=False, timeout=WITHIN_SECONDS) as client:
        forged = {"X-Forwarded-For": "203.0.113.7"}
        answer = client.post(f"http://127.0.0.1:{outside}/webhooks/theirs/inbound", content=b"{}", headers=forged)
        assert (answer.status_code, answer.text) == (200, "127.0.0.1")
        for path in ("/", "/api/v1/messages", "/docs", "/metrics", "/simulator/clock", "/webhooksx"):
            assert client.get(f"http://127.0.0.1:{outside}{path}").status_code == httpx.codes.NOT_FOUND
        for path in ("/api/v1/messages", "/docs", "/openapi.json"):
            assert client.get(f"http://127.0.0.1:{inside}{path}").status_code == httpx.codes.OK
        for path in ("/metrics", "/webhooks/theirs/inbound"):
            assert client.get(f"http://127.0.0.1:{inside}{path}").status_code == httpx.codes.NOT_FOUND
