"""``smsgw backup``, ``smsgw restore`` and ``smsgw seal rotate`` (docs/operating.md)."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress as Bar
from rich.progress import TaskID

from app.cli.database import checked_database, unchecked_database
from app.cli.terminal import (
    FAILED,
    WRONG_USE,
    examples,
    exit_with_error,
    out,
    print_done,
    print_errors,
    progress_bar,
)
from app.db.restoring import OnItsWay
from app.db.session import for_postgresqls_programs, normalise_url
from app.services.upkeep.backups import Progress, back_up, prepare_in_place, restore_file
from app.services.upkeep.chains import count_chains
from app.services.upkeep.chains import seal as sign_heads
from app.services.upkeep.resealing import seal_anew
from app.settings import Settings

app = typer.Typer()
seal = typer.Typer(help="The keys of SMSGW_SEAL_KEY.", no_args_is_help=True)
FileToRestore = Annotated[
    Path | None,
    typer.Argument(help="On SQLite: what `smsgw backup` made.", metavar="[FILE]", exists=True, dir_okay=False),
]


def _programs(settings: Settings) -> str:
    """Return how to call PostgreSQL's programs on the database itself, without the password."""
    url = normalise_url(settings.database_direct_url or settings.database_url)
    return f"--dbname={shlex.quote(for_postgresqls_programs(url))}"


@app.command(
    epilog=examples(
        ("smsgw backup gateway-$(date +%F).db", "while the gateway runs; fails if the file exists"),
    )
)
def backup(file: Annotated[Path, typer.Argument(help="The new file.", metavar="FILE", dir_okay=False)]) -> None:
    """Copy the SQLite database to a new file while the gateway runs, and check the copy.

    Only its owner can read it. It does not contain the seal key: keep that elsewhere. Put it back with `smsgw restore`.

    For PostgreSQL this command says what to run instead.
    """
    with checked_database() as (database, owner, settings):
        if not database.is_sqlite:
            exit_with_error(
                "PostgreSQL's own program makes the backup, while gateways run. It asks for the password, or takes it "
                "from PGPASSWORD or ~/.pgpass:\n"
                f"pg_dump --format=custom --file={shlex.quote(str(file))} {_programs(settings)}"
            )
        with progress_bar() as bar:
            back_up(Path(database.url.database or ""), owner, file, _shown_on(bar))
    key = "SMSGW_SEAL_KEY" if settings.seal_key else f"that in {Path(database.url.database or '').parent}/seal.key"
    print_done(
        f"Backed up to {file} ({file.stat().st_size:,} bytes). The seal key, {key}, is not in it: keep it elsewhere."
    )


def _shown_on(bar: Bar) -> Progress:
    tasks: dict[str, TaskID] = {}

    def show(what: str, done: int, of: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=of)
        bar.update(tasks[what], completed=done, total=of)

    return show


@app.command(
    epilog=examples(
        ("smsgw restore gateway-2026-03-01.db", "on SQLite: put a backup in the place of SMSGW_DATABASE_URL"),
        ("smsgw restore", "on PostgreSQL: after pg_restore, before the gateway starts"),
        ("smsgw restore --rolled-back", "after a snapshot of the disk or a recovery to an earlier time"),
    )
)
def restore(
    file: FileToRestore = None,
    *,
    rolled_back: Annotated[
        bool, typer.Option("--rolled-back", help="The database was set back in the place where it lay.")
    ] = False,
    moved: Annotated[
        bool,
        typer.Option("--moved", help="No gateway ran on the other database since the copy was made: let all go on."),
    ] = False,
) -> None:
    """Make a restored database one that the gateway may run on, so that nothing goes twice by itself.

    A backup is older than what was sent last. So messages that it holds for sending are treated as sends of which
    nobody knows the result: by `on_unknown` of their provider. Held ones become tickets, campaigns send to nobody else.

    It refuses while a gateway runs, and FILE also where there is a database already.
    """
    with unchecked_database() as (database, owner, settings):
        if not database.is_sqlite and file is not None:
            exit_with_error(
                "PostgreSQL's own program puts the backup back, into an empty database. Then run `smsgw restore`:\n"
                f"pg_restore --exit-on-error --single-transaction --no-owner {_programs(settings)} "
                f"{shlex.quote(str(file))}",
                WRONG_USE,
            )
        if file is not None:
            if moved or rolled_back:
                exit_with_error("FILE is a backup: leave out --moved and --rolled-back.", WRONG_USE)
            with progress_bar() as bar:
                on_its_way = restore_file(file, owner, database, _shown_on(bar))
        else:
            on_its_way = prepare_in_place(database, owner, moved=moved, rolled_back=rolled_back)
    _say(on_its_way)


def _say(on_its_way: OnItsWay | None) -> None:
    if on_its_way is None:
        print_done("The database is in use here from now on, and all that waits goes on.")
        return
    print_done("The database is restored.")
    out.print(
        f"May have been sent since the backup, and do not go by themselves: {on_its_way.messages} messages "
        f"(by on_unknown of their provider), {on_its_way.held} held over the night (tickets), "
        f"{on_its_way.recipients} recipients of campaigns (skipped).",
        soft_wrap=True,
    )
    out.print("Next: smsgw evidence verify; then start the gateway.")


@seal.command(
    epilog=examples(
        ("smsgw config seal-key", "first: a new key, to be put in front of the others in SMSGW_SEAL_KEY"),
        ("smsgw seal rotate", "then, after all processes were started anew: let nothing need the old ones"),
    )
)
def rotate() -> None:
    """Seal and sign with the newest key what older ones have, so that they can be removed from SMSGW_SEAL_KEY.

    That is: heads of evidence, webhook secrets of SPs, texts with a password that wait. The gateway may run.
    """
    with checked_database() as (database, owner, _), progress_bar() as bar:
        # First, as the signing of the last chain says that no other key is needed any more.
        found = seal_anew(database, owner.sealer)
        task = bar.add_task("chains", total=count_chains(database))
        signed = bad = 0
        for chain in sign_heads(database, owner.heads):
            bar.advance(task)
            signed += chain.signed_again
            bad += not chain.verification.ok
    out.print(f"Signed anew: {signed} chains. Sealed anew: {found.secrets} webhook secrets, {found.texts} texts.")
    if found.unknown:
        print_errors(
            f"{found.unknown} were sealed with a key that is not among those of SMSGW_SEAL_KEY: add it there, and "
            "repeat this; if it is lost, PUT the service providers again with their webhook secrets."
        )
    if bad:
        print_errors(f"{bad} chains are not whole and were left as they are: see `smsgw evidence verify`.")
    if found.unknown or bad:
        raise typer.Exit(FAILED)
    print_done("Only the first key of SMSGW_SEAL_KEY is needed now. Keep the others with the backups of their time.")
