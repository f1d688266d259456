"""``smsgw migrate``: the database's schema."""

from typing import Annotated

import typer

from app.cli.terminal import FAILED, done, examples, out
from app.db import migrations
from app.db.session import Database, normalise_url
from app.settings.check import checked_settings

app = typer.Typer()


@app.command(
    epilog=examples(
        ("smsgw migrate", "bring the database of SMSGW_DATABASE_URL up to date"),
        ("smsgw migrate --check", "exit status 1 if there is something to migrate"),
    )
)
def migrate(
    *, check: Annotated[bool, typer.Option("--check", help="Only say whether the schema is the newest.")] = False
) -> None:
    """Bring the database to the newest schema."""
    database = Database(normalise_url(checked_settings().database_url))
    try:
        newest = migrations.newest_revision()
        before = database.write_now(migrations.current_revision)
        if before == newest:
            done(f"The schema is the newest ({newest}).")
            return
        if check:
            out.print(f"[yellow]![/] The schema is {before or 'empty'}, the newest is {newest}: run `smsgw migrate`.")
            raise typer.Exit(FAILED)
        database.write_now(migrations.upgrade)
        done(f"Migrated from {before or 'an empty database'} to {newest}.")
    finally:
        database.close()
