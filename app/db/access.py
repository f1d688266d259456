"""Access records: who looked at whose data, when and why.

One statement writes the records of a whole page of results; staff read them back.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    Column,
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
from app.db.pages import Part
from app.db.readers import RowReader
from app.db.rows import AnySelect, Row, as_keys, fetch, given_keys, matching
from app.db.subscribers import subscriber
from app.db.types import Id, Instant, from_micros
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
    """Which access records to read; None: no condition."""

    msisdn: str | None = None
    tenure: int | None = None
    who: str | None = None


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


def page(connection: Connection, wanted: AccessFilter, part: Part) -> list[AccessRead]:
    """Return a part of the access records, by time and id.

    A cursor is the time of a record, in microseconds since the epoch, a dot, and its id.
    """
    conditions = part.within(_access.at)
    if wanted.msisdn is not None:
        conditions += [_access.bucket == bucket_of(wanted.msisdn), _access.msisdn == wanted.msisdn]
    if wanted.tenure is not None:
        conditions.append(_access.tenure == wanted.tenure)
    if wanted.who is not None:
        conditions.append(_access.who == wanted.who)
    keys = (_access.at, _access.id)
    if part.after is not None:
        micros, _, last = part.after.partition(".")
        given = tuple_(literal(from_micros(int(micros)), Instant), literal(last, Id))
        conditions.append(part.behind(tuple_(*keys), given))
    statement = part.sorted(select(*_READ.columns).where(*conditions), *keys)
    return list(map(_READ.read, connection.execute(statement)))
