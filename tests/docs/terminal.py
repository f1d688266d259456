"""Runs the blocks of a document in a shell, one after the other, in a copy of the project."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, Block, blocks

WITHIN_SECONDS = 60
# The languages of blocks that are run.
RUN = ("sh", "python")
# Not part of the project, or written to by the blocks.
_NOT_COPIED = {".git", ".env", ".venv", "data"}


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without the caller's gateway settings, plus ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMSGW_")}
    return {**kept, "LC_ALL": "C.UTF-8", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(*command: str | Path, cwd: Path = ROOT, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with a timeout of 60 seconds."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(**more),
        capture_output=True,
        text=True,
        timeout=WITHIN_SECONDS,
        check=False,
    )


def shell() -> str:
    """Return the path of bash; skip the test if bash, curl or python3 is missing."""
    bash = shutil.which("bash")
    if bash is None or shutil.which("curl") is None or shutil.which("python3") is None:
        pytest.skip("bash, curl or python3 is not there")
    return bash


@contextmanager
def server(command: list[str], port: int, folder: Path, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run a server until the block ends; the block starts once it listens on the port. Its children end with it."""
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdout=written, stderr=written, start_new_session=True
        )
    try:
        deadline = time.monotonic() + WITHIN_SECONDS
        while not _answers(port):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, f"nothing listens: {log.read_text('utf-8')}"
            time.sleep(0.05)
        yield
    finally:
        _end(process, signal.SIGTERM)
        try:
            process.wait(WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process, signal.SIGKILL)
            process.wait()


def _end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Terminal:
    """A shell session: folder, variables, functions and files carry over from one block to the next."""

    def __init__(self, folder: Path, ports: Mapping[str, int], **more: str) -> None:
        """Link the project's files into a folder. ``ports`` maps documented ports to free ones, ``more`` are variables."""
        self._ports = ports
        self._state = folder / "state"
        self._state.mkdir()
        self.clone = folder / "clone"
        self.clone.mkdir()
        for entry in ROOT.iterdir():
            if entry.name not in _NOT_COPIED:
                (self.clone / entry.name).symlink_to(entry)
        (self.clone / ".venv").symlink_to(sys.prefix)
        (self._state / "folder").write_text(str(self.clone), encoding="utf-8")
        (self._state / "variables").touch()
        self.environment = clean_environment(
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            SMSGW_PORT=str(ports["8086"]),
            **more,
        )

    @property
    def folder(self) -> Path:
        """The current folder of the shell."""
        return Path((self._state / "folder").read_text("utf-8").rstrip("\n"))

    def save(self, place: str, block: Block) -> None:
        """Write a block to a file at a path relative to the current folder."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._local(block.code), encoding="utf-8")

    def run(self, block: Block) -> str:
        """Run a block and return its output; fail if it fails or does not print what its notes say."""
        if block.language == "python":
            command, code = [sys.executable, "-c", self._local(block.code)], ""
        else:
            code = (
                f"set -a\n. '{self._state}/variables'\ncd '{self.folder}'\n{self._local(block.code)}"
                f"pwd >'{self._state}/folder'\n{{ export -p; declare -f; }} >'{self._state}/variables'\n"
            )
            command = [shell(), "-euo", "pipefail", "-c", code]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WITHIN_SECONDS,
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{block.code}\n{output}"
        for kind, words in block.notes:
            assert kind != "prints" or self._local(words) in output, f"{block.code}\n{output}"
        return output

    @contextmanager
    def serving(self, block: Block) -> Iterator[None]:
        """Run a block in the background, such as a gateway, and wait until it listens."""
        port = next((actual for named, actual in self._ports.items() if named in block.code), self._ports["8086"])
        code = f". '{self._state}/variables'\n{self._local(block.code)}"
        with server([shell(), "-euc", code], port, self.folder, self.environment, self._state / f"{port}.log"):
            yield

    def _local(self, text: str) -> str:
        for named, actual in self._ports.items():
            text = re.sub(rf"\b{named}\b", str(actual), text)
        return text


def follow(reader: Terminal, document: Path) -> None:
    """Do what a document says, from top to bottom, in one shell session; its servers end at the end."""
    with ExitStack() as running:
        for block in blocks(document, *RUN, "yaml"):
            if (place := block.note("save")) is not None:
                reader.save(place, block)
            elif block.note("server") is not None:
                running.enter_context(reader.serving(block))
            elif block.language in RUN and not block.is_skipped:
                reader.run(block)
