"""The terminal's foreground for this process alone, so that Ctrl-C does not reach the ``make`` that started it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class _Foreground:
    """Moves this process into a process group of its own in the terminal's foreground, and back into make's."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._makes = os.getpgrp()

    def take(self) -> None:
        """Take the foreground, if make's process group has it."""
        if os.getpgrp() == self._makes == os.tcgetpgrp(self._terminal):
            os.setpgid(0, 0)
            os.tcsetpgrp(self._terminal, os.getpgrp())

    def give_back(self) -> None:
        """Return to make's process group, and give it the foreground."""
        if os.getpgrp() != self._makes:
            os.tcsetpgrp(self._terminal, self._makes)
            os.setpgid(0, self._makes)

    def suspend(self) -> None:
        """Stop make and this process, as Ctrl-Z does, until the shell continues both."""
        self.give_back()
        os.killpg(self._makes, signal.SIGSTOP)


@contextmanager
def foreground() -> Iterator[None]:
    """Hold the terminal's foreground within the context; without a terminal, or in the background, do nothing.

    ``make`` kills itself by a signal of Ctrl-C, whatever its recipe does with it.
    """
    try:
        terminal = os.open(os.ctermid(), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield
        return
    own = _Foreground(terminal)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it would stop a process that takes the foreground
    signal.signal(signal.SIGTSTP, lambda _number, _frame: own.suspend())
    signal.signal(signal.SIGCONT, lambda _number, _frame: own.take())
    try:
        own.take()
        yield
    finally:
        # The terminal, or make, may be gone.
        with suppress(OSError):
            own.give_back()
        os.close(terminal)
