"""Run a program in a pseudo-terminal: read its output and type keys."""

import codecs
import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_WITHIN_SECONDS = 40
_HEARD_WITHIN_SECONDS = 3
_ROWS_AND_COLUMNS = (40, 100)


def free_port() -> int:
    """Return a TCP port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Terminal:
    """The controlling side of a program's pseudo-terminal."""

    def __init__(self, side: int, process: "subprocess.Popen[bytes]") -> None:
        self._side = side
        self._process = process
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._read = ""

    def type(self, keys: str) -> None:
        os.write(self._side, keys.encode())

    def until(self, words: str) -> str:
        """Wait for these words and return the output up to their end. The next call continues after them."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        while words not in self._read:
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} is not shown, but: {self._read!r}"
            assert self._more(left), f"the program ended without {words!r}, but with: {self._read!r}"
        shown, _, self._read = self._read.partition(words)
        return shown + words

    def _more(self, seconds: float) -> bool:
        if not select.select([self._side], [], [], seconds)[0]:
            return True
        # Linux reports the end of a terminal by an error.
        with suppress(OSError):
            if part := os.read(self._side, 65536):
                self._read += self._decoder.decode(part)
                return True
        return False

    def end(self, keys: str) -> int:
        """End the program by these keys and return its exit status.

        The keys are repeated until it ends: a key that arrives while the program is printing can get lost.
        """
        deadline = time.monotonic() + _WITHIN_SECONDS
        going_on = True
        while going_on and time.monotonic() < deadline:
            self.type(keys)
            heard_until = time.monotonic() + _HEARD_WITHIN_SECONDS
            while going_on and (left := heard_until - time.monotonic()) > 0:
                going_on = self._more(left)
        return self._process.wait(_WITHIN_SECONDS)

    @property
    def rest(self) -> str:
        """The output that ``until`` has not returned yet."""
        return self._read


@contextmanager
def at_a_terminal(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Iterator[Terminal]:
    """Run a program in a pseudo-terminal of its own."""
    controller, program_side = pty.openpty()
    fcntl.ioctl(program_side, termios.TIOCSWINSZ, struct.pack("HHHH", *_ROWS_AND_COLUMNS, 0, 0))
    # This terminal does not answer requests for the cursor's position (CPR).
    env = {**environment, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = subprocess.Popen(
        command, stdin=program_side, stdout=program_side, stderr=program_side, env=env, cwd=cwd, start_new_session=True
    )
    os.close(program_side)
    try:
        yield Terminal(controller, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(controller)
