"""How often each number was reported as a sender of spam."""

from sqlalchemy import Connection, func, select

from app.db.record_tables import RECORD_TABLES
from app.domain.spam import SpamReport
from app.domain.values import value


@value
class SpamCount:
    """A reported number, and how many reports there are of it."""

    number: str
    count: int


def counts(connection: Connection, number: str | None, *, after: str | None, limit: int) -> list[SpamCount]:
    """Counts by number, behind ``after``; of one number only where it is given."""
    columns = RECORD_TABLES[SpamReport].table.c
    statement = select(columns.number, func.count()).where(columns.number.is_not(None))
    if number is not None:
        statement = statement.where(columns.number == number)
    if after is not None:
        statement = statement.where(columns.number > after)
    grouped = statement.group_by(columns.number).order_by(columns.number).limit(limit)
    return [SpamCount(whose, count) for whose, count in connection.execute(grouped)]
