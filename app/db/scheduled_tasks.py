"""Scheduled tasks: the day for which each was last done (ADR 29)."""

from datetime import date, datetime

from sqlalchemy import Column, Connection, Table, Text, select

from app.db.columns import metadata, required
from app.db.types import Instant
from app.db.writing import upsert_rows

# ``done_for``: a day in Asia/Shanghai, as in ISO 8601. ``done_at`` is by the database's clock.
scheduled_task = Table(
    "scheduled_task",
    metadata,
    Column("name", Text, primary_key=True),
    *required(Text, "done_for"),
    *required(Instant, "done_at"),
)
_task = scheduled_task.c


def done_for(connection: Connection, name: str) -> date | None:
    """Return the day for which a task was last done; None: it never was."""
    found = connection.execute(select(_task.done_for).where(_task.name == name)).scalar()
    return None if found is None else date.fromisoformat(found)


def mark_done(connection: Connection, name: str, day: date, now: datetime) -> None:
    """Note that a task is done for a day (in Asia/Shanghai)."""
    upsert_rows(connection, scheduled_task, [{"name": name, "done_for": day.isoformat(), "done_at": now}], ("name",))
