"""``smsgw migrate``: migrate the database's schema, or check its version."""

from typing import Annotated

import typer

from app.cli.database import unchecked_database
from app.cli.terminal import FAILED, examples, out, print_done
from app.db import revisions
from app.services.startup import prepare

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
    """Migrate the database to the newest schema; an empty one is marked with SMSGW_ENV."""
    with unchecked_database() as (database, owner, _):
        newest = revisions.newest_revision()
        before = database.read_now(revisions.current_revision)
        if check and before != newest:
            out.print(f"[yellow]![/] The schema is {before or 'empty'}, the newest is {newest}: run `smsgw migrate`.")
            raise typer.Exit(FAILED)
        if not check:
            prepare(database, owner, migrate=True)
    if before == newest:
        print_done(f"The schema is the newest ({newest}).")
    else:
        print_done(f"Migrated from {before or 'an empty database'} to {newest}.")
