"""``smsgw serve`` and ``smsgw demo``: the gateway in this process."""

import asyncio
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
from app.garbage import collect_when_idle
from app.main import create_app
from app.providers import provider_kinds
from app.services.startup import StartError, prepare
from app.settings import Environment, Settings, SettingsError
from app.settings.check import checked_settings
from app.web.serving import server_of

app = typer.Typer()

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; default SMSGW_PORT or 8086.")]


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


def _prepare() -> None:
    """Check the database's owner and migrate its schema; in production only ``smsgw migrate`` migrates."""
    with unchecked_database() as (database, owner, settings):
        prepare(database, owner, migrate=settings.env is not Environment.PRODUCTION, starting=True)


def _serve(settings: Settings, host: str, port: int | None) -> None:
    observability.configure_logging(settings.log_level)
    _require_loopback(settings, host)
    _prepare()
    gateway_app = create_app(settings, host)
    gateway_app.openapi()  # cached now: building it would delay other requests
    server = server_of(gateway_app, host, settings.port if port is None else port)
    collect_when_idle()
    # After its shutdown the server raises the signal that ended it again. By then all is drained, so it is ignored.
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked_to_stop, lambda _number, _frame: None)
    server.run()
    if not server.started:
        raise StartError("The gateway did not start; the reason is in the lines above.")


@app.command(
    epilog=examples(
        ("SMSGW_ENV=test smsgw serve", "on http://127.0.0.1:8086"),
        ("smsgw serve --host 0.0.0.0 --port 9000", "for others too; demo, dev and test refuse that"),
    )
)
def serve(host: Host = "127.0.0.1", port: Port = None) -> None:
    """Run everything in one process: web, processing, sending, timers."""
    _serve(checked_settings(provider_kinds()), host, port)


@app.command(
    epilog=examples(
        ("smsgw demo", "on http://127.0.0.1:8086"),
        ("smsgw demo --port 9000", "on another port"),
    )
)
def demo(host: Host = "127.0.0.1", port: Port = None) -> None:
    """Run the gateway with the demo customers loaded, and say where to look."""
    os.environ.setdefault("SMSGW_ENV", Environment.DEMO.value)
    settings = checked_settings(provider_kinds())
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
