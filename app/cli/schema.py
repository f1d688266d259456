"""``smsgw migrate``: migrate the database's schema, or check its version."""

from typing import Annotated

import typer

from app.cli.database import unchecked_database
from app.cli.terminal import FAILED, examples, out, print_done
from app.db import revisions
from app.db.revisions import Fit
from app.services.startup import prepare
from app.services.upkeep.partitions import make

app = typer.Typer()


@app.command(
    epilog=examples(
        ("smsgw migrate", "bring the database of SMSGW_DATABASE_URL up to date"),
        ("smsgw migrate --check", "exit status 1 if there is something to migrate, or the schema is too new"),
    )
)
def migrate(
    *, check: Annotated[bool, typer.Option("--check", help="Only say how the schema fits this program.")] = False
) -> None:
    """Migrate the database to the newest schema; an empty one is marked with SMSGW_ENV."""
    with unchecked_database() as (database, owner, settings):
        newest = revisions.newest_revision()
        before, fit = database.read_now(revisions.current_revision), database.read_now(revisions.fit_of)
        if check and fit in (Fit.EMPTY, Fit.OLDER):
            out.print(f"[yellow]![/] The schema is {before or 'empty'}, the newest is {newest}: run `smsgw migrate`.")
            raise typer.Exit(FAILED)
        if not check or fit is Fit.TOO_NEW:
            prepare(database, owner, migrate=not check)
        # In demo and test data are thrown away before they are old.
        if not check and not settings.disposable:
            make(database, settings.spans())
    if fit is Fit.SAME:
        print_done(f"The schema is the newest ({newest}).")
    elif fit is Fit.NEWER_COMPATIBLE:
        print_done(f"The schema ({before}) is newer than this program's ({newest}), and compatible with it.")
    else:
        print_done(f"Migrated from {before or 'an empty database'} to {newest}.")
