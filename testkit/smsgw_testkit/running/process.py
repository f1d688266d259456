"""A gateway in a process of its own, which ends with this one however that ends."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from smsgw_testkit.errors import GatewayDied, GatewayNotFound

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_KEPT_LINES = 1000
# A neutral folder: a `.env` or an `app` of the project is not the gateway's.
_FOLDER = "/"


class GatewayProcess:
    """A gateway that was started by a command.

    Its standard input is a pipe from this process. The gateway ends when that closes, which the system does even
    when this process is killed.
    """

    def __init__(self, command: Sequence[str], configuration: str, origin: str) -> None:
        """Start it, and return when it answers. ``origin`` names the settings in messages.

        Raise GatewayNotFound if the command cannot be run, GatewayDied if the gateway does not start.
        """
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._first = threading.Event()
        self._said = ""
        with _settings(configuration) as (place, inherited):
            self._process = _started([*command, "serve", "--ephemeral", "--config", place], inherited)
            self.url = self._watched(place, origin)

    def _watched(self, place: str, origin: str) -> str:
        """Read what the process writes, and return its URL once it answers."""
        self._readers = [
            threading.Thread(target=work, args=(pipe,), daemon=True)
            for work, pipe in ((self._read_stdout, self._process.stdout), (self._read_stderr, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        try:
            return self._when_ready(place, origin)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def lines(self, limit: int) -> list[str]:
        """Return the last lines of the log, oldest first, as people read them."""
        return [readable(line) for line in list(self._lines)[-limit:]]

    def lost(self, error: Exception) -> GatewayDied:
        """Return the error of a call that was not answered. A gateway that hangs is ended: another takes its place."""
        try:
            status: int | None = self._process.wait(1)
        except subprocess.TimeoutExpired:
            status = None
            self._process.kill()
            self._process.wait()
        what = f"ended with status {status}" if status is not None else f"did not answer ({error}), and was ended"
        then = "the next test gets a new one, but tests of one wider fixture share its end"
        return GatewayDied(f"the gateway {what}; {then}", status, self.lines(50))

    def require_near(self, why: str) -> None:
        """Do nothing: it runs on this machine."""

    @property
    def has_ended(self) -> bool:
        """True if the process is no more."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(_STOP_SECONDS)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _when_ready(self, place: str, origin: str) -> str:
        if not self._first.wait(_START_SECONDS):
            raise GatewayDied(f"the gateway did not answer within {_START_SECONDS:g} s", None, self.lines(50))
        try:
            url = json.loads(self._said)["url"]
        except (ValueError, KeyError, TypeError):
            status = self._process.wait(_STOP_SECONDS)
            self._readers[1].join(_STOP_SECONDS)
            words = [line.replace(place, origin) for line in [*filter(None, [self._said]), *self.lines(50)]]
            raise GatewayDied(f"the gateway did not start (exit status {status}):", status, words) from None
        return str(url)

    def _read_stdout(self, pipe: IO[str]) -> None:
        self._said = pipe.readline().strip()
        self._first.set()
        for line in pipe:
            self._lines.append(line.rstrip("\n"))

    def _read_stderr(self, pipe: IO[str]) -> None:
        for line in pipe:
            self._lines.append(line.rstrip("\n"))


@contextmanager
def _settings(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the path of a file with this text, and the descriptors that a process needs to open it.

    On Linux it has no name, so that nothing is left of it when this process is killed. Elsewhere a file without a name
    can be read only once, so it has one.
    """
    if sys.platform == "linux":
        with tempfile.TemporaryFile() as unnamed:
            unnamed.write(text.encode())
            unnamed.flush()
            yield f"/dev/fd/{unnamed.fileno()}", (unnamed.fileno(),)
    else:
        with tempfile.NamedTemporaryFile(prefix="smsgw-", suffix=".json") as named:
            named.write(text.encode())
            named.flush()
            yield named.name, ()


def _started(command: Sequence[str], inherited: tuple[int, ...]) -> "subprocess.Popen[str]":
    # Neither settings of the gateway nor warnings that are errors in the tests are meant for it.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SMSGW_", "PYTHONWARNINGS"))
    }
    try:
        return subprocess.Popen(  # noqa: S603  what the user named
            command,
            cwd=_FOLDER,
            env={**environment, "SMSGW_ENV": "test", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=inherited,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the tests, which end the gateway when they are done
        )
    except OSError as error:
        raise GatewayNotFound(f"{command[0]} cannot be run ({error.strerror}); see --smsgw-command") from None


def readable(line: str) -> str:
    """Return a line of the log as people read it: time, level, event, and the rest as ``name=value``."""
    try:
        found = json.loads(line)
    except ValueError:
        return line
    return _words(found) if isinstance(found, dict) else line


def _words(record: dict[str, object]) -> str:
    rest = {name: value for name, value in record.items() if name not in ("timestamp", "level", "event")}
    head = (record.get("timestamp"), record.get("level"), record.get("event"))
    return " ".join([*(str(part) for part in head if part), *(f"{name}={value}" for name, value in rest.items())])
