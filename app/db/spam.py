"""Counts of spam reports by reported number."""

from sqlalchemy import Connection, func, select

from app.db.record_tables import RECORD_TABLES
from app.domain.spam import SpamReport
from app.domain.values import value


@value
class SpamCount:
    """A reported number and its number of reports; ``id`` is the id of one of them, for paging."""

    number: str
    count: int
    id: str


def counts(connection: Connection, number: str | None, *, after: str | None, limit: int) -> list[SpamCount]:
    """Return at most ``limit`` counts, ordered by number, after that of the report with the id ``after``.

    With ``number`` only that of this number.
    """
    columns = RECORD_TABLES[SpamReport].table.c
    statement = select(columns.number, func.count(), func.min(columns.id)).where(columns.number.is_not(None))
    if number is not None:
        statement = statement.where(columns.number == number)
    if after is not None:
        last = select(columns.number).where(columns.id == after).limit(1).scalar_subquery()
        statement = statement.where(columns.number > last)
    grouped = statement.group_by(columns.number).order_by(columns.number).limit(limit)
    return [SpamCount(*row) for row in connection.execute(grouped)]
