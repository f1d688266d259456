"""Databases that were restored from a backup: how one is known, and what must not go on by itself in one.

A backup is older than what was sent last: what lay in it to be sent may have been sent since.
"""

from datetime import datetime

from sqlalchemy import Connection, case, inspect, select, text, update

from app.db.campaigns import campaign, campaign_recipient
from app.db.clock import clock_of
from app.db.outbox import outbox
from app.db.postgresql import allow_long_statements
from app.db.rows import one_of
from app.db.state import gateway_state, set_state
from app.db.timers import timer
from app.domain.turn import HELD_MESSAGE, MESSAGE_UNKNOWN
from app.domain.values import value

# The place of a copy of an SQLite file that was not restored yet, and the worker that is said to have leased messages.
_BACKUP = "backup"
# Why the recipients of a campaign were skipped that it had not come to.
RESTORED = "restored"


def place(connection: Connection) -> str | None:
    """Return where this database lies: the server and the database in it; None for an SQLite file, which has none.

    A database that `pg_restore` made is another one. One that a standby took over, or that went to another disk, is
    the same.
    """
    if connection.dialect.name != "postgresql":
        return None
    here = "SELECT oid FROM pg_database WHERE datname = current_database()"
    database = connection.execute(text(here)).scalar_one()
    may_ask = text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
    server = text("SELECT system_identifier FROM pg_control_system()")
    return f"{connection.execute(server).scalar_one() if connection.execute(may_ask).scalar() else ''}/{database}"


def knows_place(connection: Connection) -> bool:
    """Return False for a schema of before places were noted."""
    return any(column["name"] == "place" for column in inspect(connection).get_columns(gateway_state.name))


def noted_place(connection: Connection) -> str | None:
    """Return where the database lay when a gateway last ran on it, None if that is not known."""
    found: str | None = connection.execute(select(gateway_state.c.place)).scalar()
    return found


def is_copy(connection: Connection) -> bool:
    """Return True if the database does not lie where a gateway last ran on it."""
    if not knows_place(connection):
        return False
    noted = noted_place(connection)
    return noted is not None and noted != place(connection)


def note_place(connection: Connection, where: str | None) -> None:
    """Note where the database lies."""
    set_state(connection, place=where)


def mark_as_backup(connection: Connection) -> None:
    """Mark a copy, so that no gateway starts on it before it was restored."""
    set_state(connection, place=_BACKUP)


@value
class OnItsWay:
    """What is not sent by itself after a restore.

    Attributes:
        messages: in the outbox: each is treated as one whose attempt has an unknown result (delivery.md 8).
        held: messages that the quiet hours held back until before the restore; staff get a ticket in place of each.
        recipients: of campaigns, who are skipped.
    """

    messages: int
    held: int
    recipients: int


def hold_what_was_on_its_way(connection: Connection, now: datetime) -> OnItsWay:
    """See to it that nothing goes by itself that may have been sent after the backup. ``now``: the gateway's time.

    Every message of the outbox is leased by a worker that is gone, so its attempt counts. A second call changes
    nothing.
    """
    allow_long_statements(connection)
    counted = case((outbox.c.leased_by.is_(None), outbox.c.attempts + 1), else_=outbox.c.attempts)
    over = clock_of(connection)()
    leased = update(outbox).values(attempts=counted, leased_by=_BACKUP, leased_until=over)
    held = update(timer).where(one_of(timer.c.kind, HELD_MESSAGE), timer.c.due_at <= now).values(kind=MESSAGE_UNKNOWN)
    waiting = one_of(campaign_recipient.c.status, "waiting")
    skipped = update(campaign_recipient).where(waiting).values(status="skipped", reason=RESTORED)
    # Nobody is added to those that are not expanded yet.
    connection.execute(update(campaign).where(campaign.c.done_at.is_(None)).values(expanded=True))
    return OnItsWay(*(connection.execute(one).rowcount for one in (leased, held, skipped)))
