"""How this program was called, so that messages name commands that work as they are typed."""

import os
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from app.domain.values import value
from app.web.serving import listen

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8086
_PORTS = range(9000, 10_000)
# Secrets among the variables are not repeated.
_REPEATED = ("SMSGW_ENV", "SMSGW_CONFIG")


def program() -> str:
    """Return what the user types for this program from the current folder: ``smsgw``, ``.venv/bin/smsgw``."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{_typed(Path(sys.executable))} -m app"
    return _typed(called)


def _typed(path: Path) -> str:
    """Return the name of a program if the shell finds it by that, else its path."""
    found = shutil.which(path.name)
    with suppress(OSError):
        if found is not None and Path(found).samefile(path):
            return path.name
    with suppress(ValueError):
        path = path.absolute().relative_to(Path.cwd())
    return shlex.quote(str(path))


def free_port(host: str) -> int:
    """Return a port on which this program could listen now."""
    for port in _PORTS:
        with suppress(OSError):
            for one in listen(host, port):
                one.close()
            return port
    return _PORTS.start


@value
class Caller:
    """The command line that started the gateway.

    Attributes:
        command: ``serve`` or ``demo``.
        host: the address that was given.
        variables: the variables of the environment that it needs again.
        by_make: it was ``make run`` that started it.
    """

    command: str
    host: str
    variables: tuple[tuple[str, str], ...]
    by_make: bool = False

    def again(self, *, port: int, host: str | None = None, database_url: str | None = None) -> str:
        """Return the command line that starts the gateway with these settings instead."""
        host = host or self.host
        variables = dict(self.variables)
        if database_url is not None:
            variables["SMSGW_DATABASE_URL"] = database_url
        if self.by_make:
            words = ["make", "run", *([f"PORT={port}"] if port != DEFAULT_PORT else [])]
        else:
            words = [self.command, *(["--host", host] if host != DEFAULT_HOST else []), "--port", str(port)]
        given = [f"{name}={shlex.quote(text)}" for name, text in variables.items()]
        return " ".join([*given, *([] if self.by_make else [program()]), shlex.join(words)])


def caller(command: str, host: str, *, by_make: bool = False) -> Caller:
    """Return how a command was called; it is to be asked before the command changes the environment."""
    given = [] if by_make else [(name, os.environ[name]) for name in _REPEATED if os.environ.get(name)]
    return Caller(command, host, tuple(given), by_make)
