"""``smsgw migrate``: migrate the database's schema, check its version, or distribute its tables."""

from typing import Annotated

import typer

from app.cli.database import unchecked_database
from app.cli.terminal import FAILED, examples, out, print_done
from app.db import distributing, revisions
from app.db.distributing import NotDistributableError
from app.db.revisions import Fit
from app.db.session import Database
from app.services.startup import StartError, prepare
from app.services.upkeep.partitions import make

app = typer.Typer()
_SHARDS = 32


@app.command(
    epilog=examples(
        ("smsgw migrate", "bring the database of SMSGW_DATABASE_URL up to date"),
        ("smsgw migrate --check", "exit status 1 if there is something to migrate, or the schema is too new"),
        ("smsgw migrate --distribute", "then distribute its tables over the nodes of a Citus cluster"),
    )
)
def migrate(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say how the schema fits this program.")] = False,
    distribute: Annotated[
        bool, typer.Option("--distribute", help="Distribute the tables over the nodes of a Citus cluster.")
    ] = False,
    shards: Annotated[
        int, typer.Option(help="Into how many shards to distribute them, the first time.", min=1, max=256)
    ] = _SHARDS,
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
        if distribute and not check:
            _distribute(database, shards)
        # In demo and test data are thrown away before they are old.
        if not check and not settings.disposable:
            make(database, settings.spans())
    if fit is Fit.SAME:
        print_done(f"The schema is the newest ({newest}).")
    elif fit is Fit.NEWER_COMPATIBLE:
        print_done(f"The schema ({before}) is newer than this program's ({newest}), and compatible with it.")
    else:
        print_done(f"Migrated from {before or 'an empty database'} to {newest}.")


def _distribute(database: Database, shards: int) -> None:
    try:
        for name, left in distributing.distribute(database, shards):
            out.print(f"Distributed {name} ({left} left).")
    except NotDistributableError as error:
        raise StartError(str(error)) from None
