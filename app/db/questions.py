"""Queries of the management API: the questions to a subscriber."""

from datetime import datetime

from sqlalchemy import Connection, select

from app.db import tables
from app.domain.msisdn import bucket_of
from app.domain.values import value


@value
class QuestionRead:
    """A question and how it ended. Times are UTC.

    Attributes:
        extension: what follows the access number that it was sent from.
        expires_at: the end of the window for an answer.
        handed_over_at: when the network had taken all its messages.
        failed_at: when one of its messages failed.
        closed_as: how it ended; None while it is open.
    """

    msisdn: str
    tenure: int
    id: str
    kind: str
    extension: str
    asked_text: str
    asked_at: datetime
    expires_at: datetime
    handed_over_at: datetime | None
    failed_at: datetime | None
    closed_at: datetime | None
    closed_as: str | None


def questions_of(
    connection: Connection, msisdn: str, tenure: int, *, before: str | None, limit: int
) -> list[QuestionRead]:
    """Return at most ``limit`` questions to a tenure, newest first, that are older than the id ``before``."""
    columns = tables.question.c
    conditions = [columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure]
    if before is not None:
        conditions.append(columns.id < before)
    fields = [columns[name] for name in QuestionRead.__dataclass_fields__]
    statement = select(*fields).where(*conditions).order_by(columns.id.desc()).limit(limit)
    return [QuestionRead(*row) for row in connection.execute(statement)]
