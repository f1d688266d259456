"""All commands of ``smsgw``. Exit status 0: done, 1: failed, 2: wrong use (http-api.md, command line)."""

import typer

from app.cli import chat, config, evidence, importing, keeping, running, schema, tokens, upkeep
from app.cli.terminal import FAILED, examples, print_errors
from app.domain.storage import StorageUnavailableError
from app.services.management.tokens import TokenError
from app.services.startup import StartError
from app.services.upkeep.backups import BackupError
from app.settings import SettingsError

app = typer.Typer(
    name="smsgw",
    help="SMS command gateway: what “send 0000 to 10086” does.",
    epilog=examples(
        ("smsgw demo", "the gateway with demo customers, and where to look"),
        ("smsgw chat", "a handset in this terminal, beside a running gateway"),
        ("smsgw config check", "what is wrong in the settings, or what is in force"),
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    # A rich traceback can show the values of variables.
    pretty_exceptions_enable=False,
)
for group in (running.app, chat.app, schema.app, importing.app, upkeep.app, keeping.app):
    app.registered_commands += group.registered_commands
app.add_typer(tokens.app, name="token")
app.add_typer(config.app, name="config")
app.add_typer(evidence.app, name="evidence")
app.add_typer(keeping.seal, name="seal")


def run() -> None:
    """Run the command line. Print errors that users can fix in a line or two, without a traceback."""
    try:
        app()
    except (SettingsError, StartError, TokenError, BackupError) as error:
        print_errors(str(error))
    except StorageUnavailableError as error:
        print_errors(f"SMSGW_DATABASE_URL: {error}.")
    except OSError as error:  # such as a key's file that cannot be read
        if error.filename is None:
            raise
        print_errors(f"{error.filename}: {error.strerror}.")
    raise SystemExit(FAILED)
