"""A gateway for one test run: a database of its own in a temporary folder, gone with the process that started it."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from app import observability
from app.cli.terminal import WRONG_USE, exit_with_error
from app.services.gateway import Gateway
from app.settings import Environment
from app.settings.sources import PREFIX, variables

_FOLDER_PREFIX = "smsgw-"
_READ_AT_ONCE = 4_096
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
log = observability.logger(__name__)


@contextmanager
def ephemeral(port: int | None) -> Iterator[None]:
    """Have the settings name an empty database within the context, and a free port unless one is given."""
    _require_test()
    signal.signal(signal.SIGTERM, _end)
    # The folder is removed as soon as there is one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    with TemporaryDirectory(prefix=_FOLDER_PREFIX) as folder:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        file = Path(folder) / "gateway.db"
        os.environ |= {
            f"{PREFIX}ENV": Environment.TEST.value,
            f"{PREFIX}DATABASE_URL": f"sqlite:///{file}?synchronous=off",
            f"{PREFIX}PORT": str(port or 0),
        }
        yield


async def say_where(_gateway: Gateway, base: str) -> None:
    """Print the one line that the process which started this one waits for."""
    sys.stdout.write(json.dumps({"url": base, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


def _require_test() -> None:
    """Exit if the settings name another environment: somebody may mean a database of theirs."""
    given = variables().get(f"{PREFIX}ENV")
    if given is not None and given.value != Environment.TEST:
        exit_with_error(
            f"{PREFIX}ENV ({given.place}): is {given.value}, and an ephemeral gateway is for tests; "
            f"set {PREFIX}ENV=test, or leave out --ephemeral",
            WRONG_USE,
        )


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def watch_standard_input() -> None:
    """Ask this process to end when its standard input closes, as it does when the one that started it dies."""
    # A job in a terminal's background would be stopped by reading from it.
    if not os.isatty(0):
        threading.Thread(target=_end_with_standard_input, name="standard input", daemon=True).start()


def _end_with_standard_input() -> None:
    """Ask this process to end when its standard input is closed; what comes before that is not used."""
    try:
        while os.read(0, _READ_AT_ONCE):
            pass
    except OSError:
        pass  # it was closed from the beginning
    log.info("the standard input was closed; ending")
    os.kill(os.getpid(), signal.SIGTERM)
