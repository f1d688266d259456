"""``smsgw serve`` and ``smsgw demo``: the gateway in this process."""

import asyncio
import gc
import ipaddress
import os
import signal
from typing import Annotated

import typer
from rich.panel import Panel

from app import observability
from app.cli.database import unchecked_database
from app.cli.terminal import examples, out
from app.composition import build_gateway
from app.main import create_app
from app.services.startup import StartError, prepare
from app.settings import Environment, Settings, SettingsError
from app.settings.check import checked_settings
from app.web.serving import server_of

app = typer.Typer()

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; default SMSGW_PORT or 8086.")]


def _require_loopback(settings: Settings, host: str) -> None:
    """demo, dev and test hold a token that everybody knows, so they listen on loopback (safety.md 26)."""
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


def _prepare() -> None:
    """A gateway that holds nothing of value brings its schema up by itself; production is migrated on purpose."""
    with unchecked_database() as (database, owner, settings):
        prepare(database, owner, migrate=settings.env is not Environment.PRODUCTION, starting=True)


def _serve(settings: Settings, host: str, port: int | None) -> None:
    observability.configure_logging(settings.log_level)
    _require_loopback(settings, host)
    _prepare()
    gateway_app = create_app(settings, host)
    gateway_app.openapi()  # made now, as it takes longer than a request may keep the others waiting
    server = server_of(gateway_app, host, settings.port if port is None else port)
    _tune_garbage_collection()
    # When it is done, the server raises the signal that ended it once more; all is drained then, and that is no error.
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked_to_stop, lambda _number, _frame: None)
    server.run()
    if not server.started:
        raise StartError("The gateway did not start; the reason is in the lines above.")


def _tune_garbage_collection() -> None:
    """What start-up made lives as long as the process, and a turn makes no cycles: look for garbage far less often.

    Without this a third of a busy gateway's time went into walking objects that are never garbage. What a batch
    holds while it is under way must not set off a search either.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


@app.command(
    epilog=examples(
        ("SMSGW_ENV=test smsgw serve", "on http://127.0.0.1:8086"),
        ("smsgw serve --host 0.0.0.0 --port 9000", "for others too; demo, dev and test refuse that"),
    )
)
def serve(host: Host = "127.0.0.1", port: Port = None) -> None:
    """Run everything in one process: web, processing, sending, timers."""
    _serve(checked_settings(), host, port)


@app.command(
    epilog=examples(
        ("smsgw demo", "on http://127.0.0.1:8086"),
        ("smsgw demo --port 9000", "on another port"),
    )
)
def demo(host: Host = "127.0.0.1", port: Port = None) -> None:
    """Run the gateway with the demo customers loaded, and say where to look."""
    os.environ.setdefault("SMSGW_ENV", Environment.DEMO.value)
    settings = checked_settings()
    if not settings.disposable:
        raise SettingsError(
            f"SMSGW_ENV is {settings.env.value}: the demo empties its database, so it runs in demo or test only"
        )
    _require_loopback(settings, host)
    _prepare()
    asyncio.run(_load_demo(settings))
    base = f"http://{host}:{settings.port if port is None else port}"
    text = (
        f"A phone on the screen   [bold cyan]{base}/handset[/]\n"
        f"The API reference       [bold cyan]{base}/docs[/] (token: demo)\n"
        "A phone in a terminal   [bold]smsgw chat[/]\n"
        "A conversation by curl  [bold]examples/demo.sh[/]\n"
        "Stop with Ctrl-C."
    )
    out.print(Panel.fit(text, title="SMS command gateway", border_style="green"))
    _serve(settings, host, port)


async def _load_demo(settings: Settings) -> None:
    gateway = build_gateway(settings)
    async with gateway.running():
        await gateway.simulator.simulation.reset("demo")
