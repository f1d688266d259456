"""Access records: who looked at whose data, when and why.

One statement writes the records of a whole page of results; staff read them back.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    literal,
    select,
    tuple_,
)

from app.db.columns import customer, metadata, required
from app.db.keys import NUMBER
from app.db.readers import RowReader
from app.db.rows import AnySelect, Row, as_keys, fetch, given_keys, matching
from app.db.subscribers import subscriber
from app.db.types import Id, Instant
from app.db.writing import insert_rows
from app.domain.msisdn import bucket_of
from app.domain.values import value

# ``at`` is a time of the gateway's clock. The tenure is 0 where the number had no subscriber.
access_record = Table(
    "access_record",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "who", "what"),
    Column("reason", Text),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index("ix_access_record_at", "at", "id"),
    Index("ix_access_record_who", "who", "at", "id"),
)
_access = access_record.c


def record_access(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert access records (mission.md, M16)."""
    insert_rows(connection, access_record, rows)


@cache
def _tenures(dialect: str) -> AnySelect:
    given = given_keys(dialect, subscriber, NUMBER)
    newest = select(subscriber.c.msisdn, func.max(subscriber.c.tenure))
    return newest.join_from(subscriber, given, matching(subscriber, given, NUMBER)).group_by(subscriber.c.msisdn)


def tenures_now(connection: Connection, numbers: Sequence[str]) -> dict[str, int]:
    """Return the newest tenure of each number; numbers that never had a subscriber are left out."""
    keys = as_keys([(bucket_of(number), number) for number in numbers])
    return {row[0]: row[1] for row in fetch(connection, _tenures(connection.dialect.name), keys)}


@value
class AccessFilter:
    """Which access records to read: from ``since`` up to, but not including, ``until``. None: no condition."""

    msisdn: str | None = None
    tenure: int | None = None
    who: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@value
class AccessRead:
    """An access record.

    Attributes:
        who: the name of the token or the agent that looked.
        what: the kind of data that was shown.
        at: UTC, by the gateway's clock.
    """

    msisdn: str
    tenure: int
    id: str
    who: str
    what: str
    reason: str | None
    at: datetime


_READ = RowReader(AccessRead, access_record)


def page(
    connection: Connection, wanted: AccessFilter, behind: tuple[datetime, str] | None, limit: int
) -> list[AccessRead]:
    """Return at most ``limit`` access records, newest first.

    ``behind`` is the time and the id of the last record of the page before, None for the first page.
    """
    conditions: list[ColumnElement[bool]] = []
    if wanted.msisdn is not None:
        conditions += [_access.bucket == bucket_of(wanted.msisdn), _access.msisdn == wanted.msisdn]
    if wanted.tenure is not None:
        conditions.append(_access.tenure == wanted.tenure)
    if wanted.who is not None:
        conditions.append(_access.who == wanted.who)
    if wanted.since is not None:
        conditions.append(_access.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_access.at < wanted.until)
    if behind is not None:
        conditions.append(tuple_(_access.at, _access.id) < tuple_(literal(behind[0], Instant), literal(behind[1], Id)))
    statement = select(*_READ.columns).where(*conditions).order_by(_access.at.desc(), _access.id.desc()).limit(limit)
    return list(map(_READ.read, connection.execute(statement)))
