"""``smsgw purge`` and ``smsgw partitions``: what the daily tasks do, at once (http-api.md, command line)."""

from typing import Annotated

import typer
from rich.table import Table

from app.cli.database import checked_database
from app.cli.terminal import examples, out, print_done, progress_bar
from app.db.partitions import Partition, time_of
from app.domain.ids import first_at
from app.services.upkeep.partitions import listed, make
from app.services.upkeep.retention import purge

app = typer.Typer()


@app.command(
    "purge",
    epilog=examples(
        ("smsgw purge", "at once, beside a running gateway, which does it daily (settings: schedule, retention)")
    ),
)
def purge_database() -> None:
    """Delete what is past its retention: messages, raw reports, questions, recipients of campaigns, payloads.

    Numbers without a subscriber that have not written for two days are deleted too. Hashes stay, and a record names
    each purged payload, so every chain still verifies. Tickets, amounts and counts are never deleted.
    """
    with checked_database() as (database, owner, settings), progress_bar() as progress:
        tasks = {
            "messages": progress.add_task("messages", total=None),
            "evidence": progress.add_task("evidence", total=None),
        }
        gone = purge(database, settings.kept(), owner.heads, lambda what, count: progress.advance(tasks[what], count))
    print_done(
        f"Gone: {gone.messages} messages, {gone.reports} raw reports, {gone.questions} questions, "
        f"{gone.recipients} recipients of campaigns, {gone.payloads} payloads of evidence, "
        f"{gone.strangers} numbers that are nobody's, {gone.calls} kept answers of calls."
    )


@app.command(
    "partitions",
    epilog=examples(
        ("smsgw partitions", "which there are"),
        ("smsgw partitions --make", "make those of the time ahead first, as a gateway does daily (settings: schedule)"),
    ),
)
def show_partitions(
    *, do_make: Annotated[bool, typer.Option("--make", help="Make those of the time ahead first.")] = False
) -> None:
    """List the partitions of the tables of messages: their times (UTC), about how many rows, whether past or ahead.

    PostgreSQL divides these tables by time. What is past its retention is dropped as a whole by the daily task. Rows
    for whose time there was no partition are in the default ones.
    """
    with checked_database() as (database, _, settings):
        made = make(database, settings.spans()) if do_make else 0
        found, now = listed(database), database.clock()
    if not found:
        print_done("SQLite's tables have no partitions.")
        return
    if do_make:
        print_done(f"Made the partitions of {made} spans of time.")
    table = Table("table", "from", "to", "rows", "state")
    for one in found:
        times = ("", "") if one.is_default else (f"{time_of(one.since):%F %H:%M}", f"{time_of(one.until):%F %H:%M}")
        table.add_row(one.table, *times, "?" if one.rows is None else f"{one.rows}", _state(one, first_at(now)))
    out.print(table)


def _state(partition: Partition, now: int) -> str:
    if partition.is_default:
        return "default"
    return "past" if partition.until <= now else "ahead" if partition.since > now else "now"
