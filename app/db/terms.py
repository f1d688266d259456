"""Announcements of new terms, and the position up to which subscribers have been asked (safety.md 3)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    SmallInteger,
    Table,
    Text,
    and_,
    exists,
    insert,
    or_,
    select,
    update,
)

from app.db.columns import metadata, optional, partial_index, required
from app.db.readers import RowReader
from app.db.rows import AnyRow
from app.db.subscriptions import subscription
from app.db.types import Id, Instant
from app.domain.catalogue import CancelEffect
from app.domain.values import value

_UNDER_WAY = "done_at IS NULL"
# ``at_bucket`` and ``at_id``: the last subscription that was processed.
terms_change = Table(
    "terms_change",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    *required(Text, "service_code", "cancel_effect", "who"),
    Column("price_fen", BigInteger, nullable=False),
    *required(Instant, "takes_effect_at", "made_at"),
    Column("at_bucket", SmallInteger),
    *optional(Id, "at_id"),
    *optional(Instant, "done_at"),
    Index("ix_terms_change_service", "service_code", "takes_effect_at"),
    partial_index("ix_terms_change_under_way", "id", where=_UNDER_WAY),
)
_change = terms_change.c
_held = subscription.c


@value
class TermsChange:
    """New terms of a service, announced to all its subscribers. ``price_fen`` is in fen; times are UTC."""

    id: str
    service_code: str
    price_fen: int
    cancel_effect: CancelEffect
    takes_effect_at: datetime
    who: str
    made_at: datetime


@value
class Holder:
    """A subscription of the service, and its subscriber."""

    bucket: int
    msisdn: str
    tenure: int
    subscription_id: str


_CHANGE = RowReader(TermsChange, terms_change)
_HOLDER = RowReader(Holder, subscription, subscription_id=_held.id)


def announce(connection: Connection, change: TermsChange) -> None:
    """Insert an announcement."""
    row = {name: getattr(change, name) for name in TermsChange.__dataclass_fields__}
    connection.execute(insert(terms_change).values(**row))


def is_announced(connection: Connection, service_code: str, now: datetime) -> bool:
    """Return True if the service has an announcement that takes effect after ``now``."""
    waiting = exists().where(_change.service_code == service_code, _change.takes_effect_at > now)
    return bool(connection.execute(select(waiting)).scalar())


def has_unfinished() -> ColumnElement[bool]:
    """Return the condition: an announcement has subscribers left to ask."""
    return exists().where(_change.done_at.is_(None))


def unfinished_ids(connection: Connection) -> list[str]:
    """Return the ids of announcements that have subscribers left to ask, oldest first."""
    return list(connection.execute(select(_change.id).where(_change.done_at.is_(None)).order_by(_change.id)).scalars())


def next_holders(connection: Connection, change_id: str, limit: int) -> tuple[TermsChange, list[Holder]] | None:
    """Lock an announcement, and return it with the next ``limit`` holders; None if another process has locked it."""
    statement = select(*_CHANGE.columns, _change.at_bucket, _change.at_id).where(
        _change.id == change_id, _change.done_at.is_(None)
    )
    row = connection.execute(statement.with_for_update(skip_locked=True)).first()
    return None if row is None else (_CHANGE.read(row), _holders_behind(connection, row, limit))


def _holders_behind(connection: Connection, row: AnyRow, limit: int) -> list[Holder]:
    statement = select(*_HOLDER.columns).where(_held.service_code == row.service_code, _held.state != "ended")
    if row.at_id is not None:
        later = and_(_held.bucket == row.at_bucket, _held.id > row.at_id)
        statement = statement.where(or_(_held.bucket > row.at_bucket, later))
    found = connection.execute(statement.order_by(_held.bucket, _held.id).limit(limit))
    return list(map(_HOLDER.read, found))


def save_progress(connection: Connection, change: TermsChange, holders: Sequence[Holder], now: datetime) -> None:
    """Save the last of ``holders`` as the position; without holders, mark the announcement as done."""
    last = {"at_bucket": holders[-1].bucket, "at_id": holders[-1].subscription_id} if holders else {"done_at": now}
    connection.execute(update(terms_change).where(_change.id == change.id).values(last))
