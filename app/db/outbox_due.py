"""When queued messages may go, as simulated time and the loops of the engine ask (``due.py``)."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    literal_column,
    outerjoin,
    select,
    type_coerce,
)

from app.db.lookups import by_index
from app.db.outbox import behind, may_go, outbox
from app.db.provider_state import provider_lane
from app.db.types import Instant

_provider = provider_lane
_QUEUED = outbox.c.leased_by.is_(None)
# Not an EXISTS for each provider, which Citus refuses for a table that is on every node.
_HAS_QUEUE = _provider.c.provider.in_(select(outbox.c.provider).where(_QUEUED))


def next_to_go(
    provider: BindParameter[str], after: BindParameter[datetime], pauses_until: BindParameter[datetime]
) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, a provider's next queued message may go: due, and in no pause.

    A pause that ends after ``pauses_until`` does not count. A message behind another one of its line is left out.
    """
    pause = _provider.c.paused_until
    may_go_at = case((and_(pause > outbox.c.due_at, pause <= pauses_until), pause), else_=outbox.c.due_at)
    earlier = outbox.alias("earlier")
    # One of another provider holds it back as well, but is not among those that are looked at.
    is_behind = exists().where(
        behind(earlier),
        earlier.c.leased_by.is_(None),
        earlier.c.provider.is_not_distinct_from(outbox.c.provider),
        # Else the end of its validity lets the others go.
        earlier.c.due_at <= earlier.c.valid_until,
    )
    return (
        select(func.min(may_go_at))
        .select_from(outerjoin(outbox, _provider, by_index(_provider.c.provider, outbox.c.provider)))
        .where(_QUEUED, outbox.c.provider == provider, may_go_at > after, ~is_behind)
    )


def next_due(but: BindParameter[str], after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, the next queued message of any provider but one is due."""
    later = (_QUEUED, outbox.c.provider != but, outbox.c.due_at > after)
    return select(outbox.c.due_at).where(*later).order_by(outbox.c.due_at).limit(1)


def next_resumed(but: BindParameter[str], after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, the pause of any provider but one that has a queue ends."""
    later = (_provider.c.paused_until > after, _provider.c.provider != but, _HAS_QUEUE)
    return select(_provider.c.paused_until).where(*later).order_by(_provider.c.paused_until).limit(1)


def next_expiry(but: BindParameter[str], after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, the next queued message of any provider but one expires.

    Then those of other providers go that it held back.
    """
    later = (_QUEUED, outbox.c.provider != but, outbox.c.valid_until > after)
    return select(outbox.c.valid_until).where(*later).order_by(outbox.c.valid_until).limit(1)


def next_claim(
    provider: str, now: BindParameter[datetime], pauses_until: BindParameter[datetime]
) -> ColumnElement[datetime]:
    """Return the column: when a provider's pause ends, or when a message of it may go; one that is due comes first.

    A pause that ends after ``pauses_until`` does not count. What is due and held back by another message may go at any
    time: in a second.
    """
    pause, own = _provider.c.paused_until, outbox.c.provider == provider
    paused = select(pause).where(_provider.c.provider == provider, pause > now, pause <= pauses_until)
    due = select(outbox.c.due_at).where(own, may_go()).limit(1)
    later = select(outbox.c.due_at).where(own, _QUEUED, outbox.c.due_at > now).order_by(outbox.c.due_at).limit(1)
    in_a_second = type_coerce(now, BigInteger) + literal_column("1000000")
    held_back = select(type_coerce(in_a_second, Instant)).where(own, _QUEUED, outbox.c.due_at <= now).limit(1)
    first, second = later.scalar_subquery(), held_back.scalar_subquery()
    sooner = case((first < second, first), else_=func.coalesce(second, first))
    return func.coalesce(paused.scalar_subquery(), due.scalar_subquery(), sooner)


def next_lapse() -> Select[tuple[datetime]]:
    """Return the query for when the first lease of a message lapses, by the database's clock."""
    return select(func.min(outbox.c.leased_until)).where(outbox.c.leased_by.is_not(None))
