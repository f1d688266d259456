"""``smsgw config``: whether the settings are in order, and a key for them."""

import typer
from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr
from rich.table import Table

from app.cli.terminal import examples, out
from app.db.session import normalise_url
from app.settings import load_settings
from app.worker import build_gateway

app = typer.Typer(help="Settings.", no_args_is_help=True)


@app.command(epilog=examples(("smsgw config check", "exit status 1 if anything is wrong")))
def check() -> None:
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


@app.command("seal-key", epilog=examples(("smsgw config seal-key", "a new key for SMSGW_SEAL_KEY")))
def make_seal_key() -> None:
    """Print a new key for SMSGW_SEAL_KEY."""
    out.print(Fernet.generate_key().decode(), soft_wrap=True)
