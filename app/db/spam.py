"""Counts of spam reports by reported number."""

from sqlalchemy import Connection, func, select

from app.db.readers import RowReader
from app.db.record_tables import RECORD_TABLES
from app.domain.spam import SpamReport
from app.domain.values import value

_report = RECORD_TABLES[SpamReport].table


@value
class SpamCount:
    """A reported number and its number of reports; ``id`` is the id of one of them, for paging."""

    number: str
    count: int
    id: str


_COUNT = RowReader(SpamCount, _report, count=func.count(), id=func.min(_report.c.id))


def counts(connection: Connection, number: str | None, *, after: str | None, limit: int) -> list[SpamCount]:
    """Return at most ``limit`` counts, ordered by number, after that of the report with the id ``after``.

    With ``number`` only that of this number.
    """
    columns = _report.c
    statement = select(*_COUNT.columns).where(columns.number.is_not(None))
    if number is not None:
        statement = statement.where(columns.number == number)
    if after is not None:
        last = select(columns.number).where(columns.id == after).limit(1).scalar_subquery()
        statement = statement.where(columns.number > last)
    grouped = statement.group_by(columns.number).order_by(columns.number).limit(limit)
    return list(map(_COUNT.read, connection.execute(grouped)))
