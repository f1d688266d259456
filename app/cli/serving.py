"""A gateway in this process, from its port and its database to its end by a signal."""

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType

from fastapi import FastAPI

from app import observability
from app.cli.beside import carrier_beside
from app.cli.caller import DEFAULT_HOST, Caller, free_port
from app.cli.database import unchecked_database
from app.cli.terminal import out
from app.db.session import is_volatile, normalise_url
from app.garbage import collect_when_idle
from app.main import create_app
from app.services.gateway import Gateway
from app.services.membership import BOTH, Role
from app.services.startup import DatabaseInUseError, StartError, is_in_use, prepare
from app.settings import Environment, Settings, SettingsError
from app.settings.model import demo_database_url
from app.toys.carrier import ToyCarrier
from app.web.serving import Server, listen, server_of

# Called with the gateway and its URL once both are there, before the first request is served.
Ready = Callable[[Gateway, str], Awaitable[None]]
log = observability.logger(__name__)


def run(
    settings: Settings, called: Caller, ready: Ready, roles: frozenset[Role] = BOTH, *, says_end: bool = True
) -> None:
    """Bind the port, open the database, call ``ready``, and serve in these roles until a signal.

    ``says_end``: print a line at the end. Raise StartError, with nothing changed, if the port or the database is not
    to be had.
    """
    _require_loopback(settings, called.host)
    stop = _Stop()
    _on_signals(stop)
    try:
        with (
            _listening(settings, called) as sockets,
            carrier_beside(settings, called, url := _url(called.host, sockets)) as toy,
            _database_for(settings, called),
        ):
            prepare_database()
            gateway_app = create_app(settings, called.host, roles, toy)
            if not settings.disposable:
                gateway_app.openapi()  # cached now: building it would delay other requests
            server = server_of(gateway_app, lifespan="off")
            # At its end the server raises again the signal that ended it.
            _on_signals(server.handle_exit)
            server.should_exit = stop.is_asked_for
            collect_when_idle(at_once=not is_volatile(normalise_url(settings.database_url)))
            with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
                runner.run(_serve(gateway_app, server, sockets, partial(ready, gateway_app.state.gateway, url), toy))
    except KeyboardInterrupt:
        pass  # the second signal before there was a server
    if says_end:
        out.print("Stopped.")


async def _serve(
    app: FastAPI,
    server: Server,
    sockets: Sequence[socket.socket],
    ready: Callable[[], Awaitable[None]],
    toy: ToyCarrier | None,
) -> None:
    if not sys.stdin.isatty():  # where the terminal is closed it ends with that
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _say_what_a_hangup_does)
    # The carrier is there before the gateway, and as long as it takes leave.
    async with toy.running() if toy else nullcontext(), app.router.lifespan_context(app):
        if not server.should_exit:
            await ready()
        await server.serve(list(sockets))


def _say_what_a_hangup_does() -> None:
    log.warning("SIGHUP changes nothing: settings are read at the start, and logs go to standard error; start it anew")


def _url(host: str, sockets: Sequence[socket.socket]) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{sockets[0].getsockname()[1]}"


class _Stop:
    """Notes a signal until there is a server that it can end. A second one ends what may hang, such as a connection."""

    is_asked_for = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal. Raise KeyboardInterrupt at the second."""
        if self.is_asked_for:
            raise KeyboardInterrupt
        self.is_asked_for = True


def _on_signals(handle: Callable[[int, FrameType | None], None]) -> None:
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked_to_stop, handle)


def prepare_database() -> None:
    """Check the database's owner and migrate its schema; in production only ``smsgw migrate`` migrates."""
    with unchecked_database() as (database, owner, settings):
        prepare(database, owner, migrate=settings.env is not Environment.PRODUCTION, starting=True)


# ---- what may be in the way


def _require_loopback(settings: Settings, host: str) -> None:
    """Raise SettingsError if demo, dev or test would listen on more than loopback (safety.md 26)."""
    if settings.env is Environment.PRODUCTION or settings.demo_expose:
        return
    loopback = host == "localhost"
    try:
        loopback = loopback or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise SettingsError(
            f"{settings.env.value} listens on loopback only, not on {host}: set SMSGW_DEMO_EXPOSE=1 if you mean it"
        )


@contextmanager
def _listening(settings: Settings, called: Caller) -> Iterator[list[socket.socket]]:
    """Listen. Raise StartError, which names the command to type instead."""
    host, port = called.host, settings.port
    try:
        sockets = listen(host, port)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            what, instead = f"This machine has no address {host}.", called.again(host=DEFAULT_HOST, port=port)
        elif error.errno == errno.EADDRINUSE:
            what = f"Port {port} is taken by another program."
            instead = _elsewhere(settings, called, free_port(host))
        else:
            what = f"Port {port} cannot be used ({os.strerror(error.errno or 0)})."
            instead = _elsewhere(settings, called, free_port(host))
        raise StartError(f"{what} Try: {instead}") from None
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


@contextmanager
def _database_for(settings: Settings, called: Caller) -> Iterator[None]:
    """Raise StartError, which names the command to type instead, if another gateway uses the database."""
    try:
        yield
    except DatabaseInUseError as error:
        port = free_port(called.host) if _port_decides(settings) else settings.port
        raise StartError(f"{error.what} Try: {_elsewhere(settings, called, port)}") from None


def _port_decides(settings: Settings) -> bool:
    """Return True if another port means another database."""
    return settings.env is Environment.DEMO and settings.database_url == demo_database_url(settings.port)


def _elsewhere(settings: Settings, called: Caller, port: int) -> str:
    """Return the command line that starts the gateway on this port, on another database if this one is in use."""
    url = normalise_url(settings.database_url)
    if _port_decides(settings) or (url.get_backend_name() == "sqlite" and not is_in_use(url)):
        return called.again(port=port)
    file = Path(url.database or "") if url.get_backend_name() == "sqlite" else Path("data/gateway.db")
    numbered = (file.with_stem(f"{file.stem}-{number}") for number in range(2, 1000))
    unused = next((one for one in numbered if not one.exists()), file)
    return called.again(port=port, database_url=f"sqlite:///{'' if unused.is_absolute() else './'}{unused}")
