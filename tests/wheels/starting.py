"""Start an installed gateway in a folder that has an ``app`` of its own."""

import http.client
import socket
import subprocess
import time
from pathlib import Path

from tests.wheels.environment import Environment, environment

_READY_SECONDS = 60


def folder_with_an_app(folder: Path) -> Path:
    """Make a project with an ``app``, which is on ``PYTHONPATH``, too, and another module that the gateway must not find."""
    wrong = "raise AssertionError('a module of the project was imported')\n"
    for package in (folder / "app", folder / "src" / "app"):
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(wrong)
    (folder / "yaml.py").write_text(wrong)
    return folder


def check_start(installed: Environment, folder: Path, *, database_url: str) -> None:
    """Start ``smsgw`` by its command and by ``python -m``, and end it. Raise AssertionError if it does not answer."""
    for command in ([installed.script("smsgw")], [str(installed.python), "-m", "smsgw"]):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (folder / "log").open("w+b") as log, subprocess.Popen(
            [*command, "serve", "--port", str(port)],
            cwd=folder,
            env=environment(SMSGW_ENV="test", SMSGW_DATABASE_URL=database_url, PYTHONPATH=str(folder / "src")),
            stdout=log,
            stderr=log,
        ) as process:  # fmt: skip
            try:
                _wait(process, port, Path(log.name))
            finally:
                process.terminate()
        assert process.returncode == 0, (folder / "log").read_text("utf-8")


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while not _is_ready(port):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < until, log.read_text("utf-8")
        time.sleep(0.1)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
