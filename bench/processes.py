"""Child processes: start a server on a free port, wait until it is ready, and end it by its id."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from bench.errors import BenchError

PROJECT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
PAUSE_SECONDS = 0.05
END_SECONDS = 15.0
LOG_LINES = 12


def free_port() -> int:
    """Return a loopback TCP port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str], *, port: int, ready: str, log: Path, env: Mapping[str, str], folder: Path = PROJECT
) -> Iterator[int]:
    """Run a server while the block runs and yield its process id; the block starts when GET `ready` answers 200.

    It runs in `folder`.

    Raises BenchError with the end of the log if the server fails.
    """
    with log.open("ab") as output:
        process = _start(command, output.fileno(), env, folder)
        try:
            _await_ready(process, f"http://127.0.0.1:{port}{ready}")
            yield process.pid
        except BenchError as error:
            raise BenchError(f"{error}\n{tail(log)}".rstrip()) from error
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminate the process, and kill it if it does not end within 15 seconds."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _start(command: Sequence[str], output: int, env: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    # In a new session, so Ctrl-C interrupts only the benchmark, which then ends the process.
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**env, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _await_ready(process: subprocess.Popen[bytes], url: str) -> None:
    give_up = time.monotonic() + READY_SECONDS
    with httpx.Client(trust_env=False, timeout=5.0) as client:
        while time.monotonic() < give_up:
            if process.poll() is not None:
                raise BenchError(f"the server ended with status {process.returncode}")
            with suppress(httpx.TransportError):
                if client.get(url).status_code == httpx.codes.OK:
                    return
            time.sleep(PAUSE_SECONDS)
    raise BenchError(f"{url} was not ready after {READY_SECONDS:g} s")
