"""``smsgw evidence verify`` and ``smsgw purge``: the upkeep of what is kept (http-api.md, command line)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.terminal import FAILED, WRONG_USE, complain, done, err, examples, refuse
from app.db import migrations
from app.db.session import Database, normalise_url
from app.db.state import read_state
from app.domain.msisdn import parse_msisdn
from app.services.chains import count_chains, walk_chains
from app.services.gateway import StartError
from app.services.retention import purge
from app.settings import Settings
from app.settings.check import checked_settings

app = typer.Typer()
evidence = typer.Typer(
    help="The evidence of consent.",
    no_args_is_help=True,
    epilog=examples(("smsgw evidence verify", "walk the chains of all tenures")),
)


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(normalise_url(settings.database_url))
    try:
        if database.write_now(migrations.current_revision) != migrations.newest_revision():
            raise StartError("The database's schema is not this program's: run `smsgw migrate` first.")
        if database.write_now(read_state) is None:
            raise StartError("No gateway has used this database yet; is SMSGW_DATABASE_URL the right one?")
        yield database
    finally:
        database.close()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
    )


@evidence.command(
    "verify",
    epilog=examples(
        ("smsgw evidence verify", "the chains of all tenures"),
        ("smsgw evidence verify 13800138000", "those of one number"),
    ),
)
def verify_chains(
    msisdn: Annotated[str | None, typer.Argument(help="One number; all without it.", metavar="[MSISDN]")] = None,
) -> None:
    """Walk the chains of evidence; exit status 1 where one was changed, cut short or added to."""
    number = parse_msisdn(msisdn) if msisdn else None
    if msisdn and number is None:
        refuse(f"{msisdn} is no mobile number: write 13800138000 or +8613800138000.", WRONG_USE)
    bad = walked = 0
    with _database(checked_settings()) as database, _progress() as progress:
        task = progress.add_task("chains", total=None if number else count_chains(database))
        for chain in walk_chains(database, number):
            walked += 1
            progress.advance(task)
            if not chain.found.ok:
                bad += 1
                place = f"record {chain.found.first_bad} of {chain.found.records}"
                complain(f"{chain.msisdn}, tenure {chain.tenure}: {place} does not fit.")
    if bad:
        refuse(f"{bad} of {walked} chains are not whole.", FAILED)
    done(f"{walked} chains are whole." if walked != 1 else "The chain is whole.")


@app.command(
    "purge",
    epilog=examples(("smsgw purge", "once a day, beside a running gateway; how long is kept is a setting (retention)")),
)
def purge_database() -> None:
    """Take away what is past its retention: messages, raw reports, questions, recipients of campaigns, payloads.

    Hashes stay, so that every chain verifies; tickets, amounts and counts are never taken away.
    """
    settings = checked_settings()
    with _database(settings) as database, _progress() as progress:
        tasks = {
            "messages": progress.add_task("messages", total=None),
            "evidence": progress.add_task("evidence", total=count_chains(database)),
        }
        gone = purge(database, settings.kept(), lambda what, count: progress.advance(tasks[what], count))
    done(
        f"Gone: {gone.messages} messages, {gone.reports} raw reports, {gone.questions} questions, "
        f"{gone.recipients} recipients of campaigns, {gone.payloads} payloads of evidence."
    )
