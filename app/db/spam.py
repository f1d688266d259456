"""Counts of spam reports by reported number."""

from sqlalchemy import Connection, func, select

from app.db.pages import Part
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


def counts(connection: Connection, number: str | None, part: Part) -> list[SpamCount]:
    """Return a part of the counts, ordered by number; the cursor is the id of a report of the last one.

    With ``number`` only that of this number.
    """
    columns = _report.c
    statement = select(*_COUNT.columns).where(columns.number.is_not(None))
    if number is not None:
        statement = statement.where(columns.number == number)
    if part.after is not None:
        last = select(columns.number).where(columns.id == part.after).limit(1).scalar_subquery()
        statement = statement.where(part.behind(columns.number, last))
    grouped = part.sorted(statement.group_by(columns.number), columns.number)
    return list(map(_COUNT.read, connection.execute(grouped)))
