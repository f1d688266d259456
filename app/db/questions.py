"""Queries of the management API: the questions to a subscriber."""

from datetime import datetime

from sqlalchemy import Column, Connection, Index, PrimaryKeyConstraint, Table, Text, select

from app.db.asked_texts import asked_texts
from app.db.columns import UPDATED_IN_PLACE, customer, metadata, optional, partial_index, required
from app.db.pages import Part
from app.db.readers import RowReader
from app.db.types import Id, Instant
from app.domain.msisdn import bucket_of
from app.domain.values import value

_ANSWERABLE = "closed_as IS NULL OR closed_as IN ('answered', 'undeliverable')"
question = Table(
    "question",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "kind", "state", "extension"),
    # Only where the messages queued with the question do not say it, as they are held until the morning.
    Column("asked_text", Text),
    *required(Instant, "asked_at", "expires_at"),
    Column("parent_id", Id),
    *optional(Instant, "handed_over_at", "failed_at", "closed_at"),
    Column("closed_as", Text),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index("ix_question_asked_at", "asked_at"),
    # Questions that can still be answered, at least by an explanation; replaced ones cannot.
    partial_index("ix_question_remembered", "bucket", "msisdn", "tenure", "expires_at", where=_ANSWERABLE),
    postgresql_with=UPDATED_IN_PLACE,
)


@value
class QuestionRead:
    """A question and how it ended. Times are UTC.

    Attributes:
        extension: what follows the access number that it was sent from.
        expires_at: the end of the window for an answer.
        parent_id: the question whose answer led to this one; None otherwise.
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
    parent_id: str | None
    handed_over_at: datetime | None
    failed_at: datetime | None
    closed_at: datetime | None
    closed_as: str | None


_READ = RowReader(QuestionRead, question, "asked_text")


def questions_of(connection: Connection, msisdn: str, tenure: int, part: Part) -> list[QuestionRead]:
    """Return a part of the questions to a tenure, by id; the time of a question is ``asked_at``."""
    columns = question.c
    conditions = [columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure]
    statement = select(*_READ.columns, columns.asked_text, columns.id).where(*conditions)
    rows = connection.execute(part.of(statement, columns.id, columns.asked_at)).all()
    places = [(text, id_) for *_, text, id_ in rows]
    texts = asked_texts(connection, [(bucket_of(msisdn), msisdn, id_) for text, id_ in places if text is None])
    return [_READ.read(row, texts.get(id_, text)) for row, (text, id_) in zip(rows, places, strict=True)]
