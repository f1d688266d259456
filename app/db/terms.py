"""Announcements of new terms, and how far their questions have got among those who hold the service (safety.md 3)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
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

from app.db import tables
from app.db.columns import metadata, optional, partial_index, required
from app.db.rows import AnyRow
from app.db.types import Id, Instant
from app.domain.catalogue import CancelEffect
from app.domain.values import value

_UNDER_WAY = "done_at IS NULL"
# ``at_bucket`` and ``at_id``: the subscription that was reached last.
terms_change = Table(
    "terms_change",
    metadata,
    Column("id", Id, primary_key=True),
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
_held = tables.subscription.c


@value
class TermsChange:
    """What is announced to everybody who has a service; times are UTC."""

    id: str
    service_code: str
    price_fen: int
    cancel_effect: CancelEffect
    takes_effect_at: datetime
    who: str
    made_at: datetime


@value
class Holder:
    """A subscription of the service, and whose it is."""

    bucket: int
    msisdn: str
    tenure: int
    subscription_id: str


def announce(connection: Connection, change: TermsChange) -> None:
    """Note an announcement; its questions follow."""
    row = {name: getattr(change, name) for name in TermsChange.__dataclass_fields__}
    connection.execute(insert(terms_change).values(**row))


def is_announced(connection: Connection, service_code: str, now: datetime) -> bool:
    """Whether an announcement for the service has not taken effect yet."""
    waiting = exists().where(_change.service_code == service_code, _change.takes_effect_at > now)
    return bool(connection.execute(select(waiting)).scalar())


def unfinished(connection: Connection) -> list[str]:
    """The ids of announcements that have not come to all holders, oldest first."""
    return list(connection.execute(select(_change.id).where(_change.done_at.is_(None)).order_by(_change.id)).scalars())


def next_holders(connection: Connection, change_id: str, most: int) -> tuple[TermsChange, list[Holder]] | None:
    """An announcement and the holders whose turn it is; None if another process is at it."""
    statement = select(terms_change).where(_change.id == change_id, _change.done_at.is_(None))
    row = connection.execute(statement.with_for_update(skip_locked=True)).first()
    return None if row is None else (_read(row), _holders_behind(connection, row, most))


def _read(row: AnyRow) -> TermsChange:
    return TermsChange(
        row.id,
        row.service_code,
        row.price_fen,
        CancelEffect(row.cancel_effect),
        row.takes_effect_at,
        row.who,
        row.made_at,
    )


def _holders_behind(connection: Connection, row: AnyRow, most: int) -> list[Holder]:
    statement = select(_held.bucket, _held.msisdn, _held.tenure, _held.id).where(
        _held.service_code == row.service_code, _held.state != "ended"
    )
    if row.at_id is not None:
        later = and_(_held.bucket == row.at_bucket, _held.id > row.at_id)
        statement = statement.where(or_(_held.bucket > row.at_bucket, later))
    found = connection.execute(statement.order_by(_held.bucket, _held.id).limit(most))
    return [Holder(*one) for one in found]


def note_reached(connection: Connection, change: TermsChange, holders: Sequence[Holder], now: datetime) -> None:
    """Go on behind these next time; without any it is done."""
    last = {"at_bucket": holders[-1].bucket, "at_id": holders[-1].subscription_id} if holders else {"done_at": now}
    connection.execute(update(terms_change).where(_change.id == change.id).values(last))
