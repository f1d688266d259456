"""``smsgw purge``: delete data past its retention (http-api.md, command line)."""

import typer

from app.cli.database import checked_database
from app.cli.terminal import examples, print_done, progress_bar
from app.services.upkeep.retention import purge

app = typer.Typer()


@app.command(
    "purge",
    epilog=examples(("smsgw purge", "once a day, beside a running gateway; how long is kept is a setting (retention)")),
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
