"""``smsgw serve``, ``web``, ``worker`` and ``demo``: the gateway, or a part of it, in this process."""

import logging
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app import observability
from app.cli.beside import CarrierKind, CarrierPort, check_carrier
from app.cli.caller import DEFAULT_HOST, DEFAULT_PORT, caller, program
from app.cli.ephemeral import ephemeral, say_where, watch_standard_input
from app.cli.foreground import foreground
from app.cli.serving import run
from app.cli.terminal import WRONG_USE, examples, exit_with_error, out
from app.db.session import normalise_url
from app.main import what_runs
from app.providers import provider_kinds
from app.services.delivery import binds
from app.services.gateway import Gateway
from app.services.membership import BOTH, Role
from app.services.simulator.beside import CarrierBeside
from app.settings import Environment, Settings, SettingsError
from app.settings.check import checked_settings

app = typer.Typer()
log = observability.logger(__name__)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Port to listen on; default SMSGW_PORT or 8086. "
        "In demo, another port has data of its own in data/demo-PORT.db, unless SMSGW_DATABASE_URL is set.",
    ),
]
WorkerPort = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the health calls; 0: a free one, which the log names."),
]
Config = Annotated[Path | None, typer.Option(help="Path of the settings file; default SMSGW_CONFIG.")]
Ephemeral = Annotated[
    bool,
    typer.Option(
        "--ephemeral",
        help="For one test run: environment test, an empty SQLite file in a temporary folder, a free port unless one "
        "is given. Prints one line of JSON, with url and pid, when it can answer. Ends, and removes its folder, on "
        "SIGTERM, on SIGINT and when its standard input closes.",
    ),
]
ByMake = Annotated[bool, typer.Option("--by-make", hidden=True)]


@app.command(
    epilog=examples(
        ("SMSGW_ENV=test smsgw serve", "on http://127.0.0.1:8086"),
        ("smsgw serve --host 0.0.0.0 --port 9000", "for others too; demo, dev and test refuse that"),
        ("smsgw serve --ephemeral", "for one test run: prints its URL, ends when its standard input closes"),
    )
)
def serve(
    host: Host = DEFAULT_HOST, port: Port = None, config: Config = None, *, for_a_test: Ephemeral = False
) -> None:
    """Run everything in one process: web, processing, sending, timers."""
    if config is not None:
        os.environ["SMSGW_CONFIG"] = str(config)
    if for_a_test:
        _serve_ephemeral(host, port)
    else:
        _serve("serve", host, port, BOTH)


def _serve_ephemeral(host: str, port: int | None) -> None:
    """Serve on a database of its own. Exit with 2 where the settings are wrong, as the arguments are then."""
    called = caller("serve --ephemeral", host)
    with ephemeral(port):
        try:
            settings = checked_settings(provider_kinds())
            _configure_logging(settings)
            watch_standard_input()
            run(settings, called, say_where, says_end=False)
        except SettingsError as error:
            exit_with_error(str(error), WRONG_USE)


@app.command(
    epilog=examples(
        ("smsgw web --host 0.0.0.0", "webhooks and API, beside any number of others on one PostgreSQL"),
    )
)
def web(host: Host = DEFAULT_HOST, port: Port = None) -> None:
    """Answer HTTP requests only; `smsgw worker` does the rest. Needs PostgreSQL."""
    _serve("web", host, port, frozenset({Role.WEB}))


@app.command(
    epilog=examples(
        ("smsgw worker", "beside `smsgw web` and any number of other workers on one PostgreSQL"),
        ("smsgw worker --port 8087", "with /livez, /readyz and /metrics on a port of your choice"),
    )
)
def worker(host: Host = DEFAULT_HOST, port: WorkerPort = 0) -> None:
    """Handle and send messages, without webhooks and API. Needs PostgreSQL."""
    _serve("worker", host, port, frozenset({Role.WORKER}))


def _serve(command: str, host: str, port: int | None, roles: frozenset[Role]) -> None:
    called = caller(command, host)
    settings = _settings(port)
    _configure_logging(settings)

    async def ready(gateway: Gateway, base: str) -> None:
        port = base.rpartition(":")[2]
        log.info("the gateway runs", url=base, port=int(port), **what_runs(gateway, settings, roles))

    run(settings, called, ready, roles)


@app.command(
    epilog=examples(
        ("smsgw demo", "on http://127.0.0.1:8086"),
        ("smsgw demo --port 9000", "on another port, beside the first"),
        ("smsgw demo --carrier cmpp", "with a toy ISMG between the phones and the gateway"),
    )
)
def demo(
    host: Host = DEFAULT_HOST,
    port: Port = None,
    carrier: CarrierKind = None,
    carrier_port: CarrierPort = None,
    by_make: ByMake = False,  # noqa: FBT002  an option
) -> None:
    """Run the gateway with the demo customers loaded, and say where to look. Each start empties the demo's data."""
    called = caller("demo", host, by_make=by_make, carrier=carrier, carrier_port=carrier_port)
    os.environ.setdefault("SMSGW_ENV", Environment.DEMO.value)
    settings = _settings(port)
    if not settings.disposable:
        raise SettingsError(
            f"SMSGW_ENV is {settings.env.value}: the demo empties its database, so it runs in demo or test only"
        )
    check_carrier(settings, called)
    # These lines are for people, who can do without those about the server's steps.
    _configure_logging(settings, plain=True)
    for steps in ("uvicorn.error", binds.__name__):
        logging.getLogger(steps).setLevel(logging.WARNING)

    async def ready(gateway: Gateway, base: str) -> None:
        gateway.require_alone()
        await gateway.simulator.simulation.reset("demo")
        _say_where_to_look(settings, base, gateway.carriers.beside)

    with foreground() if by_make else nullcontext():
        run(settings, called, ready)


def _configure_logging(settings: Settings, *, plain: bool = False) -> None:
    observability.configure_logging(settings.log_level, plain=plain)
    if settings.disposable:
        observability.keep_lines()


def _settings(port: int | None) -> Settings:
    """Return the settings, with the port of the command line if it names one."""
    if port is not None:
        os.environ["SMSGW_PORT"] = str(port)
    return checked_settings(provider_kinds())


def _say_where_to_look(settings: Settings, base: str, beside: CarrierBeside | None) -> None:
    is_default = base == f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
    chat, curl = f"{program()} chat", "examples/demo.sh"
    if not is_default:
        chat, curl = f"{chat} --url {base}", f"{curl} {base}"
    by_curl = f"; by curl: [bold]{escape(curl)}[/]" if Path("examples/demo.sh").exists() else ""
    through = "what the phones send and get goes through it"
    carrier = (
        [f"Beside it a toy carrier, [bold]{beside.toy.kind}[/] on {beside.toy.address}: {through}"] if beside else []
    )
    lines = (
        f"A phone on the screen: [bold]{escape(base)}/handset[/] (send 0000, then answer 1,3)",
        *carrier,
        f"In a terminal: [bold]{escape(chat)}[/]{by_curl}",
        f"The API reference: [bold]{escape(base)}/docs[/] (token: demo)",
        f"Each start empties the demo's data, {escape(_place(settings))}. Stop with Ctrl-C.",
    )
    for line in lines:
        out.print(line, soft_wrap=True)


def _place(settings: Settings) -> str:
    """Return the database's file, or its URL without a password."""
    url = normalise_url(settings.database_url)
    return (
        url.render_as_string() if url.get_backend_name() != "sqlite" else os.path.normpath(url.database or ":memory:")
    )
