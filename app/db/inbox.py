"""Messages in: stored once, claimed in order, marked as handled."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.sql.base import Executable

from app.db import tables
from app.db.rows import (
    AnySelect,
    as_keys,
    as_parameter,
    fetch,
    from_json,
    insert_new_rows,
    matching,
    one_of,
    raw,
    shape_of,
    update_rows,
)
from app.db.types import Instant, from_micros
from app.domain.msisdn import bucket_of
from app.domain.values import value

_inbound = tables.inbound_message
_KEY = ("bucket", "provider", "provider_message_id", "msisdn")
Key = tuple[int, str]


@value
class StoredMessage:
    """A row of the inbox, as a turn needs it."""

    bucket: int
    msisdn: str
    id: str
    provider: str
    dialled: str
    text: str
    sealed: str | None
    sent_at: datetime
    stored_at: datetime
    due_at: datetime
    tries: int


@cache
def _existing(dialect: str) -> Executable:
    given = from_json(dialect, shape_of(_inbound, _KEY))
    return select(_inbound.c.id, *(given.c[key] for key in _KEY)).join_from(
        _inbound, given, matching(_inbound, given, _KEY)
    )


def store(connection: Connection, rows: Sequence[dict[str, object]]) -> list[tuple[str, bool]]:
    """Store messages that are not known yet; for each its id and whether it is new.

    A repeat gets the id of the first one, also when both are in this list.
    """
    if insert_new_rows(connection, _inbound, rows) == len(rows):
        return [(str(row["id"]), True) for row in rows]
    found = connection.execute(
        _existing(connection.dialect.name), as_parameter([{key: row[key] for key in _KEY} for row in rows])
    )
    first = {tuple(row[1:]): row[0] for row in found}
    ids = [first[row["bucket"], row["provider"], row["provider_message_id"], row["msisdn"]] for row in rows]
    return [(known, known == row["id"]) for known, row in zip(ids, rows, strict=True)]


def open_conversations(connection: Connection, msisdns: Sequence[str]) -> None:
    """Make the conversation rows that are missing; rows that exist are not touched, so nobody is waited for."""
    rows = [{"bucket": bucket_of(msisdn), "msisdn": msisdn, "tenure": 0} for msisdn in set(msisdns)]
    insert_new_rows(connection, tables.conversation, sorted(rows, key=lambda row: (row["bucket"], row["msisdn"])))


_PENDING_KEYS = (
    select(_inbound.c.bucket, _inbound.c.msisdn)
    .where(one_of(_inbound.c.status, "pending"), _inbound.c.due_at <= bindparam("now", type_=Instant))
    .order_by(_inbound.c.id)
    .limit(bindparam("most"))
)


def pending_numbers(connection: Connection, now: datetime, most: int) -> list[Key]:
    """The numbers of the oldest messages that are due."""
    return [(row[0], row[1]) for row in fetch(connection, _PENDING_KEYS, {"now": now, "most": most})]


@cache
def _pending_of(dialect: str) -> AnySelect:
    given = from_json(dialect, shape_of(_inbound, ("bucket", "msisdn")))
    columns = [raw(_inbound.c[name]) for name in StoredMessage.__dataclass_fields__]
    return (
        select(*columns)
        .join_from(_inbound, given, matching(_inbound, given, ("bucket", "msisdn")))
        .where(one_of(_inbound.c.status, "pending"), _inbound.c.due_at <= bindparam("now", type_=Instant))
        .order_by(_inbound.c.id)
        .limit(bindparam("most"))
    )


def pending_of(connection: Connection, numbers: Sequence[Key], now: datetime, most: int) -> list[StoredMessage]:
    """The due messages of locked numbers, in the order in which they were stored."""
    keys = as_keys(("bucket", "msisdn"), numbers)
    rows = fetch(connection, _pending_of(connection.dialect.name), {**keys, "now": now, "most": most})
    return [
        StoredMessage(
            bucket,
            msisdn,
            id_,
            provider,
            dialled,
            text,
            sealed,
            from_micros(sent),
            from_micros(stored),
            from_micros(due),
            tries,
        )
        for bucket, msisdn, id_, provider, dialled, text, sealed, sent, stored, due, tries in rows
    ]


def mark(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Set columns of messages that a turn dealt with; all rows have the same keys."""
    update_rows(connection, _inbound, rows, ("bucket", "msisdn", "id"))


_NEXT_DUE = (
    select(_inbound.c.due_at)
    .where(one_of(_inbound.c.status, "pending"), _inbound.c.due_at > bindparam("after", type_=Instant))
    .order_by(_inbound.c.due_at)
    .limit(1)
)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """When the next waiting message is due, behind an instant."""
    return connection.execute(_NEXT_DUE, {"after": after}).scalar()
