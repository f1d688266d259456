"""Messages in: stored once, claimed in order, marked as handled."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, bindparam, literal_column, or_, select, update
from sqlalchemy.sql.base import Executable

from app.db import tables
from app.db.account_rows import instant_or_none
from app.db.rows import (
    AnySelect,
    as_keys,
    as_parameter,
    fetch,
    from_json,
    insert_new_rows,
    insert_rows,
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
_KEY = ("bucket", "provider", "provider_message_id", "msisdn", "part", "repeat")
# What makes a repeat the same message once more; its time is its own at each attempt.
_CONTENT = ("dialled", "text", "parts", "concat_ref")
_REFERENCE = ("bucket", "msisdn", "concat_ref")
Key = tuple[int, str]
Reference = tuple[int, str, str]


def stamp(received_at: datetime | None, stored_at: datetime) -> datetime:
    """The provider's stamp, however old; one in the future is not believed (safety.md 34)."""
    return min(received_at or stored_at, stored_at)


@value
class StoredMessage:
    """A row of the inbox, as a turn needs it; one with a ``concat_ref`` is a part that was not joined yet."""

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
    received_at: datetime | None = None
    concat_ref: str | None = None
    missing: int | None = None

    @property
    def stamped_at(self) -> datetime:
        """When it was sent, for whose it is (safety.md 1)."""
        return stamp(self.received_at, self.stored_at)


@value
class StoreResult:
    """What became of a message to store: its id, or the first one's; ``differs``: its content is another than that."""

    id: str
    is_new: bool
    differs: bool = False


@cache
def _existing(dialect: str) -> Executable:
    given = from_json(dialect, shape_of(_inbound, _KEY))
    columns = [_inbound.c[name] for name in ("id", *_CONTENT)]
    return select(*columns, *(given.c[key] for key in _KEY)).join_from(_inbound, given, matching(_inbound, given, _KEY))


def store(connection: Connection, rows: Sequence[dict[str, object]]) -> list[StoreResult]:
    """Store messages that are not known yet. A repeat gets the id of the first one, also when both are in this list."""
    if insert_new_rows(connection, _inbound, rows) == len(rows):
        return [StoreResult(str(row["id"]), is_new=True) for row in rows]
    found = connection.execute(
        _existing(connection.dialect.name), as_parameter([{key: row[key] for key in _KEY} for row in rows])
    )
    key_at = 1 + len(_CONTENT)
    first = {tuple(row[key_at:]): (str(row[0]), tuple(row[1:key_at])) for row in found}
    known = [(row, *first[tuple(row[key] for key in _KEY)]) for row in rows]
    return [
        StoreResult(id_, is_new=id_ == row["id"], differs=content != tuple(row[name] for name in _CONTENT))
        for row, id_, content in known
    ]


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
            instant_or_none(received),
            concat_ref,
            missing,
        )
        for (
            bucket, msisdn, id_, provider, dialled, text, sealed, sent, stored, due, tries, received, concat_ref,
            missing,
        ) in rows
    ]  # fmt: skip


# ---- parts of long messages


@value
class StoredPart:
    """A part that waits for the others, or that was joined at ``handled_at``."""

    bucket: int
    msisdn: str
    id: str
    provider: str
    dialled: str
    concat_ref: str
    part: int
    parts: int
    text: str
    sealed: str | None
    received_at: datetime | None
    sent_at: datetime
    stored_at: datetime
    due_at: datetime
    handled_at: datetime | None
    tenure: int | None

    @property
    def stamped_at(self) -> datetime:
        """When it was sent, for whose it is (safety.md 1)."""
        return stamp(self.received_at, self.stored_at)


@cache
def _parts_of(dialect: str) -> AnySelect:
    given = from_json(dialect, shape_of(_inbound, _REFERENCE))
    joined = one_of(_inbound.c.status, "joined") & (_inbound.c.handled_at >= bindparam("since", type_=Instant))
    return (
        select(*(_inbound.c[name] for name in StoredPart.__dataclass_fields__))
        .join_from(_inbound, given, matching(_inbound, given, _REFERENCE))
        .where(_inbound.c.part > literal_column("0"), or_(one_of(_inbound.c.status, "pending"), joined))
        .order_by(_inbound.c.id)
    )


def parts_of(connection: Connection, references: Sequence[Reference], since: datetime) -> list[StoredPart]:
    """The parts of locked numbers that wait, and those joined since a moment, in the order of storing."""
    keys = as_keys(_REFERENCE, references)
    found = connection.execute(_parts_of(connection.dialect.name), {**keys, "since": since})
    return [StoredPart(*row) for row in found]


def add(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Store what is known to be new: messages made of parts, and repeats that are kept under their own ids."""
    insert_rows(connection, _inbound, rows)


# ---- what became of them


def mark(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Set columns of messages that a turn dealt with; all rows have the same keys."""
    update_rows(connection, _inbound, rows, ("bucket", "msisdn", "id"))


def ignore_waiting(connection: Connection, number: Key, tenure: int, verdict: str, now: datetime) -> int:
    """Let what still waits of a number come to nothing, as that tenure's; how many messages that were."""
    bucket, msisdn = number
    waiting = (_inbound.c.bucket == bucket, _inbound.c.msisdn == msisdn, one_of(_inbound.c.status, "pending"))
    ended = {"status": "ignored", "verdict": verdict, "tenure": tenure, "handled_at": now, "sealed": None}
    return connection.execute(update(_inbound).where(*waiting).values(**ended)).rowcount


def set_aside_waiting(
    connection: Connection, number: Key, until: datetime, most_tries: int, trace: str, now: datetime
) -> int:
    """Count a try of all that waits of a number and let it wait on; how many messages have had their last one.

    Parts only wait: what they belong to is not known yet.
    """
    bucket, msisdn = number
    mine = (_inbound.c.bucket == bucket, _inbound.c.msisdn == msisdn, one_of(_inbound.c.status, "pending"))
    due, whole = _inbound.c.due_at < until, _inbound.c.concat_ref.is_(None)
    connection.execute(update(_inbound).where(*mine, due).values(due_at=until, tries=_inbound.c.tries + 1))
    dead = {"status": "dead", "trace": trace, "handled_at": now}
    return connection.execute(
        update(_inbound).where(*mine, whole, _inbound.c.tries >= most_tries).values(**dead)
    ).rowcount


_NEXT_DUE = (
    select(_inbound.c.due_at)
    .where(one_of(_inbound.c.status, "pending"), _inbound.c.due_at > bindparam("after", type_=Instant))
    .order_by(_inbound.c.due_at)
    .limit(1)
)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """When the next waiting message is due, behind an instant."""
    return connection.execute(_NEXT_DUE, {"after": after}).scalar()
