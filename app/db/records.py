"""Records of every kind: load those of a batch of tenures, write changes, and query them for the management API."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, bindparam, case, literal, or_, select, tuple_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.db.conversations import conversation
from app.db.keys import TENURE, TenureKey
from app.db.pages import Part
from app.db.record_tables import RECORD_TABLES, OwnedRecord, RecordTable
from app.db.rows import AnySelect, as_keys, fetch, given_keys, matching, raw
from app.db.types import Instant
from app.db.writing import upsert_rows
from app.domain.msisdn import bucket_of
from app.domain.records import Record

KINDS: tuple[type[Record], ...] = tuple(RECORD_TABLES)
_KEY = (*TENURE, "id")
Ordering = Callable[[ReadOnlyColumnCollection[str, Column[Any]]], ColumnElement[int]]


def deadline(columns: ReadOnlyColumnCollection[str, Column[Any]]) -> ColumnElement[int]:
    """Return the next deadline of a ticket in microseconds since the epoch, as ``Ticket.deadline`` has it."""
    first, due = raw(columns.first_response_due), raw(columns.due)
    return case((columns.first_response_at.is_(None) & (first < due), first), else_=due)


@cache
def _of_tenures(dialect: str, kind: RecordTable) -> AnySelect:
    table = kind.table
    given = given_keys(dialect, table, TENURE)
    lately = or_(table.c.open, table.c.made_at >= bindparam("since", type_=Instant))
    return select(*kind.reader.columns).join_from(table, given, matching(table, given, TENURE)).where(lately)


def load(
    connection: Connection, kind: type[Record], tenures: Sequence[TenureKey], since: datetime
) -> dict[str, dict[str, Record]]:
    """Return the records of a kind that are open or made since ``since`` (UTC), by number and id."""
    table = RECORD_TABLES[kind]
    keys = as_keys(tenures)
    found: dict[str, dict[str, Record]] = {}
    for row in fetch(connection, _of_tenures(connection.dialect.name, table), {**keys, "since": since}):
        owned = table.reader.read(row)
        found.setdefault(owned.msisdn, {})[owned.record.id] = owned.record
    return found


class Changes:
    """Collects changed records until they are written; the last value of each counts."""

    def __init__(self) -> None:
        self._rows: dict[type[Record], dict[tuple[TenureKey, str], dict[str, object]]] = {}

    def note(self, tenure: TenureKey, record: Record) -> None:
        """Add a changed record."""
        row = RECORD_TABLES[type(record)].row(tenure, record)
        self._rows.setdefault(type(record), {})[tenure, record.id] = row

    def write(self, connection: Connection) -> None:
        """Insert or replace all collected records."""
        for kind, rows in self._rows.items():
            upsert_rows(connection, RECORD_TABLES[kind].table, list(rows.values()), _KEY)


def _of_all(kind: RecordTable, *, former: bool) -> AnySelect:
    """Return the query of all records; of former tenures only with ``former`` (safety.md 1)."""
    chosen = select(*kind.reader.columns)
    present = matching(kind.table, conversation, TENURE)
    return chosen if former else chosen.join_from(kind.table, conversation, present)


def find(connection: Connection, kind: type[Record], record_id: str, *, former: bool = True) -> OwnedRecord | None:
    """Return the record with an id, or None; that of the newest tenure, if there are several."""
    table = RECORD_TABLES[kind]
    columns = table.table.c
    chosen = _of_all(table, former=former)
    statement = chosen.where(columns.id == record_id).order_by(columns.tenure.desc()).limit(1)
    row = connection.execute(statement).one_or_none()
    return None if row is None else table.reader.read(row)


def of_number(connection: Connection, kind: type[Record], msisdn: str, tenure: int) -> list[OwnedRecord]:
    """Return all records of a kind of one tenure, ordered by id."""
    table = RECORD_TABLES[kind]
    columns = table.table.c
    mine = (columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure)
    found = connection.execute(select(*table.reader.columns).where(*mine).order_by(columns.id))
    return list(map(table.reader.read, found))


def page(
    connection: Connection,
    kind: type[Record],
    equal: Mapping[str, object],
    part: Part,
    *,
    former: bool = True,
    by: Ordering | None = None,
) -> list[OwnedRecord]:
    """Return a part of the records whose columns equal ``equal``, ordered by id, which is the cursor.

    ``by`` orders by an instant first. Then the cursor is that instant in microseconds, a dot, and the id:
    ``1772416800000000.1858…``. The time of a record is when it was made.
    """
    table = RECORD_TABLES[kind]
    columns = table.table.c
    conditions: list[ColumnElement[bool]] = [columns[name] == wanted for name, wanted in equal.items()]
    chosen = _of_all(table, former=former).where(*conditions)
    if by is None:
        statement = part.of(chosen, columns.id, columns.made_at)
    else:
        order = (by(columns), columns.id)
        if part.after is not None:
            instant, _, last = part.after.partition(".")
            chosen = chosen.where(part.behind(tuple_(*order), tuple_(literal(int(instant)), literal(last))))
        statement = part.sorted(chosen.where(*part.within(columns.made_at)), *order)
    return list(map(table.reader.read, connection.execute(statement)))
