"""The inbox: store each MO once, and mark those that were handled. What waits is read by ``waiting.py``."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from operator import itemgetter

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Select,
    SmallInteger,
    Table,
    Text,
    and_,
    literal_column,
    select,
    update,
)

from app.db import inbound_keys
from app.db.columns import by_time, customer, metadata, optional, partial_index, required
from app.db.keys import ITEM, NUMBER, NumberKey, TenureKey
from app.db.rows import AnySelect, as_keys, given_keys, matching, one_of
from app.db.types import Id, Instant
from app.db.writing import Given, insert_rows, update_rows
from app.domain.messages import InboundStatus
from app.domain.values import value

_PENDING = "status = 'pending'"
# The status in the form of ``is_pending_of_number``.
_POSTPONED = "(status || '') = 'pending' AND due_at > stored_at"
_IN_PARTS = "part > 0"
inbound_message = Table(
    "inbound_message",
    metadata,
    *customer(tenure=False),
    Column("id", Id, nullable=False),
    Column("tenure", Integer),
    *required(Text, "provider", "provider_message_id", "dialled", "text", "status"),
    Column("sealed", Text),
    *required(Instant, "sent_at", "stored_at", "due_at"),
    Column("tries", SmallInteger, nullable=False),
    *optional(Instant, "received_at", "handled_at"),
    *optional(Text, "verdict", "trace", "concat_ref", "reply_token"),
    # ``part``: which of ``parts``, from 1; 0: a whole message. ``missing``: how many parts of a joined one never came.
    Column("part", SmallInteger, nullable=False),
    *optional(SmallInteger, "parts", "missing"),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    partial_index("ix_inbound_message_pending", "id", where=_PENDING),
    Index("ix_inbound_message_id", "id"),
    partial_index("ix_inbound_message_postponed", "bucket", "msisdn", where=_POSTPONED),
    partial_index("ix_inbound_message_dead", "id", where="status = 'dead'"),
    partial_index("ix_inbound_message_part", "bucket", "msisdn", "concat_ref", where=_IN_PARTS),
    **by_time(),
)

_inbound = inbound_message
_number_of = itemgetter(*NUMBER)
# The columns in which a repeat equals the first message. Its time may differ at each attempt.
_CONTENT = ("dialled", "text", "parts", "concat_ref")


def stamp(received_at: datetime | None, stored_at: datetime) -> datetime:
    """Return when a message was sent: the provider's stamp, unless it lies in the future (safety.md 34)."""
    return min(received_at or stored_at, stored_at)


@value
class StoredMessage:
    """A pending MO. Times are UTC.

    Attributes:
        dialled: the service number that it was sent to.
        sealed: the encrypted text of a message that may contain a password; ``text`` is masked then.
        sent_at: when it counts as sent, for windows of answers.
        due_at: not handled before.
        tries: how often handling it failed.
        received_at: the provider's stamp.
        concat_ref: the concatenation reference of a part that is not joined yet; None for whole messages.
        missing: of a message joined from parts: how many never came.
        reply_token: what the carrier wants back with each answer.
    """

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
    reply_token: str | None = None

    @property
    def stamped_at(self) -> datetime:
        """When it was sent, to find the tenure that it belongs to (safety.md 1)."""
        return stamp(self.received_at, self.stored_at)


@value
class StoreResult:
    """The result of storing a message.

    Attributes:
        id: the message's id, or that of the message which it repeats.
        is_new: it was stored now.
        differs: its content is not that of the message which it repeats.
    """

    id: str
    is_new: bool
    differs: bool = False


def is_pending_of_number() -> ColumnElement[bool]:
    """Return the condition for pending messages in statements that look messages up by their numbers.

    It is not that of the index of all pending messages, so that PostgreSQL cannot read these instead.
    """
    return _inbound.c.status.concat(literal_column("''")) == literal_column(f"'{InboundStatus.PENDING}'")


def is_postponed() -> ColumnElement[bool]:
    """Return the condition for pending messages that are due later than they were stored: few, with an index."""
    return and_(is_pending_of_number(), _inbound.c.due_at > _inbound.c.stored_at)


@cache
def _contents(dialect: str) -> AnySelect:
    given = given_keys(dialect, _inbound, ITEM)
    columns = [_inbound.c[name] for name in ("id", *_CONTENT)]
    return select(*columns).join_from(_inbound, given, matching(_inbound, given, ITEM))


def store(connection: Connection, rows: Sequence[dict[str, object]]) -> list[StoreResult]:
    """Store new messages, and return the results in order. A repeat in ``rows`` gets the id of the first one, too."""
    if inbound_keys.add(connection, rows) == len(rows):
        insert_rows(connection, _inbound, rows)
        return [StoreResult(str(row["id"]), is_new=True) for row in rows]
    ids = inbound_keys.ids_of(connection, rows)
    known = [(row, ids[inbound_keys.key_of(row)]) for row in rows]
    insert_rows(connection, _inbound, [row for row, id_ in known if id_ == row["id"]])
    repeated = [(*_number_of(row), id_) for row, id_ in known if id_ != row["id"]]
    found = connection.execute(_contents(connection.dialect.name), as_keys(repeated))
    contents = {str(row[0]): tuple(row[1:]) for row in found}
    results = []
    for row, id_ in known:
        content = tuple(row[name] for name in _CONTENT)
        # Of a message that is gone, a repeat says nothing new.
        results.append(StoreResult(id_, is_new=id_ == row["id"], differs=contents.get(id_, content) != content))
    return results


# ---- parts of long messages


def add(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert messages that cannot be repeats: joined ones, and repeats stored under ids of their own."""
    insert_rows(connection, _inbound, rows)


# ---- results of handling


def mark(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Set columns of handled messages; all rows must have the same keys."""
    update_rows(connection, _inbound, rows, ITEM)


def _is_pending(_given: Given) -> ColumnElement[bool]:
    return is_pending_of_number()


def ignore_pending(connection: Connection, tenures: Sequence[TenureKey], verdict: str, now: datetime) -> int:
    """Ignore all pending messages of the numbers of ``tenures``, as messages of these. Return how many they are.

    Of several tenures of a number the first counts.
    """
    of_numbers = {(bucket, msisdn): tenure for bucket, msisdn, tenure in reversed(tenures)}
    rows = [
        {
            "bucket": bucket,
            "msisdn": msisdn,
            "status": InboundStatus.IGNORED,
            "verdict": verdict,
            "tenure": tenure,
            "handled_at": now,
            "sealed": None,
        }
        for (bucket, msisdn), tenure in of_numbers.items()
    ]
    return update_rows(connection, _inbound, rows, NUMBER, only=_is_pending)


def postpone_pending(
    connection: Connection, number: NumberKey, until: datetime, most_tries: int, trace: str, now: datetime
) -> int:
    """Postpone all pending messages of a number to ``until``, and count a try of each.

    Messages with ``most_tries`` tries become dead letters. Parts never do: their whole message is not known yet. Return
    the number of new dead letters.
    """
    bucket, msisdn = number
    mine = (_inbound.c.bucket == bucket, _inbound.c.msisdn == msisdn, is_pending_of_number())
    due, whole = _inbound.c.due_at < until, _inbound.c.concat_ref.is_(None)
    connection.execute(update(_inbound).where(*mine, due).values(due_at=until, tries=_inbound.c.tries + 1))
    dead = {"status": InboundStatus.DEAD.value, "trace": trace, "handled_at": now}
    return connection.execute(
        update(_inbound).where(*mine, whole, _inbound.c.tries >= most_tries).values(**dead)
    ).rowcount


def next_due(after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when the first pending message after ``after`` is due."""
    pending = one_of(_inbound.c.status, InboundStatus.PENDING)
    return select(_inbound.c.due_at).where(pending, _inbound.c.due_at > after).order_by(_inbound.c.due_at).limit(1)
