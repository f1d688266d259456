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
        return f"{_typed(Path(sys.executable))} -m {called.parent.name}"
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
        command: ``serve`` or ``demo``, with the options that have no value.
        host: the address that was given.
        variables: the variables of the environment that it needs again.
        by_make: it was ``make run`` that started it.
        carrier: the kind of the toy carrier beside a demo; None: there is none.
        carrier_port: where that listens; None: where its kind usually does.
    """

    command: str
    host: str
    variables: tuple[tuple[str, str], ...]
    by_make: bool = False
    carrier: str | None = None
    carrier_port: int | None = None

    def again(
        self,
        *,
        port: int,
        host: str | None = None,
        database_url: str | None = None,
        carrier_port: int | None = None,
    ) -> str:
        """Return the command line that starts the gateway with these settings instead."""
        host, carrier_port = host or self.host, carrier_port or self.carrier_port
        variables = dict(self.variables)
        if database_url is not None:
            variables["SMSGW_DATABASE_URL"] = database_url
        options: dict[str, object] = {
            "--host": host if host != DEFAULT_HOST else None,
            "--port": port,
            "--carrier": self.carrier,
            "--carrier-port": carrier_port,
        }
        if self.by_make:
            options |= {"--host": None, "--port": port if port != DEFAULT_PORT else None}
            words = ["make", "run", *(f"{_variable(name)}={it}" for name, it in options.items() if it is not None)]
        else:
            words = [
                *self.command.split(),
                *(w for name, it in options.items() if it is not None for w in (name, str(it))),
            ]
        given = [f"{name}={shlex.quote(text)}" for name, text in variables.items()]
        return " ".join([*given, *([] if self.by_make else [program()]), shlex.join(words)])


def _variable(option: str) -> str:
    """Return the name by which ``make run`` takes an option: ``CARRIER_PORT``."""
    return option.strip("-").replace("-", "_").upper()


def caller(
    command: str,
    host: str,
    *,
    by_make: bool = False,
    carrier: str | None = None,
    carrier_port: int | None = None,
) -> Caller:
    """Return how a command was called; it is to be asked before the command changes the environment."""
    given = [] if by_make else [(name, os.environ[name]) for name in _REPEATED if os.environ.get(name)]
    return Caller(command, host, tuple(given), by_make, carrier, carrier_port)
