"""``smsgw``: the command line (http-api.md, command line). Exit status 0 done, 1 it did not work, 2 wrong use."""

import asyncio
import gc
import ipaddress
import os
import signal
from typing import Annotated

import typer
import uvicorn
from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from app import observability
from app.db import migrations
from app.db.session import Database, StorageUnavailableError, normalise_url
from app.main import create_app
from app.services.gateway import StartError, prepare
from app.services.ids import IdSource
from app.services.tokens import Scope, TokenError, Tokens
from app.settings import Environment, Settings, SettingsError, load_settings
from app.worker import build_gateway

app = typer.Typer(
    help="SMS command gateway: what “send 0000 to 10086” does.", no_args_is_help=True, rich_markup_mode=None
)
token_app = typer.Typer(help="Tokens of the management API.", no_args_is_help=True)
config_app = typer.Typer(help="Settings.", no_args_is_help=True)
app.add_typer(token_app, name="token")
app.add_typer(config_app, name="config")
out = Console()
err = Console(stderr=True)
_GRACE_SECONDS = 3

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; default SMSGW_PORT or 8086.")]


def main() -> None:
    """Run the command line; what users can mend is said in a line or two, without a traceback."""
    try:
        app()
    except (SettingsError, StartError, TokenError) as error:
        for line in str(error).splitlines():
            err.print(f"[bold red]✗[/] {line}", highlight=False)
        raise SystemExit(1) from None
    except StorageUnavailableError as error:
        err.print(
            f"[bold red]✗[/] The database cannot be reached ({error}); check SMSGW_DATABASE_URL.", highlight=False
        )
        raise SystemExit(1) from None


def _refuse_exposure(settings: Settings, host: str) -> None:
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


def _prepare(settings: Settings) -> None:
    """A gateway that holds nothing of value brings its schema up by itself; production is migrated on purpose."""
    database = Database(normalise_url(settings.database_url))
    try:
        prepare(database, settings.env.value, migrate=settings.env is not Environment.PRODUCTION)
    finally:
        database.close()


def _serve(settings: Settings, host: str, port: int | None) -> None:
    observability.configure_logging(settings.log_level)
    _refuse_exposure(settings, host)
    _prepare(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=host,
            port=settings.port if port is None else port,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    _spare_the_collector()
    # When it is done, the server raises the signal that ended it once more; all is drained then, and that is no error.
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked_to_stop, lambda _number, _frame: None)
    server.run()
    if not server.started:
        raise StartError("The gateway did not start; the reason is in the lines above.")


def _spare_the_collector() -> None:
    """What start-up made lives as long as the process, and a turn makes no cycles: look for garbage far less often.

    Without this a third of a busy gateway's time went into walking objects that are never garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = None) -> None:
    """Run everything in one process: web, processing, sending, timers."""
    _serve(load_settings(), host, port)


@app.command()
def demo(host: Host = "127.0.0.1", port: Port = None) -> None:
    """Run the gateway with the demo customers loaded, and say where to look."""
    os.environ.setdefault("SMSGW_ENV", Environment.DEMO.value)
    settings = load_settings()
    if not settings.disposable:
        raise SettingsError(
            f"SMSGW_ENV is {settings.env.value}: the demo empties its database, so it runs in demo or test only"
        )
    _refuse_exposure(settings, host)
    _prepare(settings)
    asyncio.run(_load_demo(settings))
    base = f"http://{host}:{settings.port if port is None else port}"
    text = (
        f"A phone on the screen   [bold cyan]{base}/handset[/]\n"
        f"The API reference       [bold cyan]{base}/docs[/] (token: demo)\n"
        "A conversation by curl  [bold]examples/demo.sh[/]\n"
        "Stop with Ctrl-C."
    )
    out.print(Panel.fit(text, title="SMS command gateway", border_style="green"))
    _serve(settings, host, port)


async def _load_demo(settings: Settings) -> None:
    gateway = build_gateway(settings)
    async with gateway.running():
        await gateway.simulation.reset("demo")


@app.command()
def migrate(
    *, check: Annotated[bool, typer.Option("--check", help="Only say whether the schema is the newest.")] = False
) -> None:
    """Bring the database to the newest schema."""
    database = Database(normalise_url(load_settings().database_url))
    try:
        newest = migrations.newest_revision()
        before = database.write_now(migrations.current_revision)
        if before == newest:
            out.print(f"[green]✓[/] The schema is the newest ({newest}).")
            return
        if check:
            out.print(f"[yellow]![/] The schema is {before or 'empty'}, the newest is {newest}: run `smsgw migrate`.")
            raise typer.Exit(1)
        database.write_now(migrations.upgrade)
        out.print(f"[green]✓[/] Migrated from {before or 'an empty database'} to {newest}.")
    finally:
        database.close()


# ---- tokens


def _tokens() -> Tokens:
    database = Database(normalise_url(load_settings().database_url))
    if database.write_now(migrations.current_revision) != migrations.newest_revision():
        raise StartError("The database's schema is not this program's: run `smsgw migrate` first.")
    return Tokens(database, IdSource(), accept_demo=False)


@token_app.command("create")
def create_token(
    name: str, scope: Annotated[list[Scope], typer.Option(help="What it may do; give it several times for several.")]
) -> None:
    """Make a token and print it, this once: only its hash is stored."""
    token = _tokens().create(name, frozenset(item.value for item in scope))
    out.print(token, highlight=False, soft_wrap=True)


@token_app.command("list")
def list_tokens() -> None:
    """Show the tokens, without their secrets."""
    table = Table("name", "scopes", "made", "revoked")
    for token in _tokens().all():
        revoked = f"{token.revoked_at:%Y-%m-%d %H:%M}" if token.revoked_at else ""
        table.add_row(token.name, " ".join(sorted(token.scopes)), f"{token.created_at:%Y-%m-%d %H:%M}", revoked)
    out.print(table)


@token_app.command("revoke")
def revoke_token(name: str) -> None:
    """Make a token worthless from now on."""
    _tokens().revoke(name)
    out.print(f"[green]✓[/] {name} is revoked.")


# ---- settings


@config_app.command("check")
def check_config() -> None:
    """Load the settings; say what is wrong, or print them with secrets hidden."""
    settings = load_settings()
    build_gateway(settings).database.close()
    table = Table("setting", "value", title="Settings are in order")
    for name, field in type(settings).model_fields.items():
        if not field.exclude:
            value = getattr(settings, name)
            if name == "database_url":
                value = normalise_url(value).render_as_string(hide_password=True)
            table.add_row(f"SMSGW_{name.upper()}", "(hidden)" if isinstance(value, SecretStr) else _shown(value))
    for name in type(settings.file).model_fields:
        table.add_row(name, _shown(getattr(settings.file, name)))
    for name, provider in settings.provider_table().items():
        table.add_row(f"provider {name}", f"{provider.kind}{', signed' if provider.secret else ''}")
    out.print(table)


def _shown(value: object) -> str:
    """A setting as one would write it."""
    match value:
        case None:
            return ""
        case BaseModel():
            return ", ".join(f"{name} {_shown(part)}" for name, part in value)
        case list() | tuple():
            return ", ".join(map(_shown, value))
        case dict():
            return ", ".join(f"{name}: {_shown(part)}" for name, part in value.items())
        case bool():
            return "true" if value else "false"
    return str(value)


@config_app.command("seal-key")
def make_seal_key() -> None:
    """Print a new key for SMSGW_SEAL_KEY."""
    out.print(Fernet.generate_key().decode(), highlight=False)
