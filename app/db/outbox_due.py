"""When queued messages may go, as simulated time and the loops of the engine ask (``due.py``)."""

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, Select, and_, case, exists, func, outerjoin, select

from app.db.outbox import may_go, outbound_message, unfinished
from app.db.provider_state import provider_lane
from app.db.rows import one_of

_mt = outbound_message
_provider = provider_lane
_HAS_QUEUE = exists().where(
    _mt.c.provider == _provider.c.provider, unfinished(_mt.c.status), one_of(_mt.c.status, "queued")
)
_QUEUED = and_(unfinished(_mt.c.status), one_of(_mt.c.status, "queued"))


def next_to_go(
    provider: BindParameter[str], after: BindParameter[datetime], pauses_until: BindParameter[datetime]
) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, a provider's next queued message may go: due, and in no pause.

    A pause that ends after ``pauses_until`` does not count. A message behind another one of its line is left out.
    """
    pause = _provider.c.paused_until
    may_go_at = case((and_(pause > _mt.c.due_at, pause <= pauses_until), pause), else_=_mt.c.due_at)
    earlier = _mt.alias("earlier")
    # One of another provider holds it back as well, but is not among those that are looked at.
    is_behind = exists().where(
        earlier.c.bucket == _mt.c.bucket,
        earlier.c.msisdn == _mt.c.msisdn,
        earlier.c.lane == _mt.c.lane,
        earlier.c.id < _mt.c.id,
        unfinished(earlier.c.status),
        one_of(earlier.c.status, "queued"),
        earlier.c.provider == _mt.c.provider,
        # Else the end of its validity lets the others go.
        earlier.c.due_at <= earlier.c.valid_until,
    )
    return (
        select(func.min(may_go_at))
        .select_from(outerjoin(_mt, _provider, _provider.c.provider == _mt.c.provider))
        .where(_QUEUED, _mt.c.provider == provider, may_go_at > after, ~is_behind)
    )


def next_due(but: BindParameter[str], after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, the next queued message of any provider but one is due."""
    later = (_QUEUED, _mt.c.provider != but, _mt.c.due_at > after)
    return select(_mt.c.due_at).where(*later).order_by(_mt.c.due_at).limit(1)


def next_resumed(but: BindParameter[str], after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, the pause of any provider but one that has a queue ends."""
    later = (_provider.c.paused_until > after, _provider.c.provider != but, _HAS_QUEUE)
    return select(_provider.c.paused_until).where(*later).order_by(_provider.c.paused_until).limit(1)


def next_claim(
    provider: str, now: BindParameter[datetime], pauses_until: BindParameter[datetime]
) -> ColumnElement[datetime]:
    """Return the column: when a provider's pause ends, or when a message of it may go; one that is due comes first.

    A pause that ends after ``pauses_until`` does not count.
    """
    pause, own = _provider.c.paused_until, _mt.c.provider == provider
    paused = select(pause).where(_provider.c.provider == provider, pause > now, pause <= pauses_until)
    due = select(_mt.c.due_at).where(own, may_go()).limit(1)
    later = select(_mt.c.due_at).where(own, _QUEUED, _mt.c.due_at > now).order_by(_mt.c.due_at).limit(1)
    return func.coalesce(paused.scalar_subquery(), due.scalar_subquery(), later.scalar_subquery())


def next_lapse() -> Select[tuple[datetime]]:
    """Return the query for when the first lease of a message lapses, by the machine's clock."""
    return select(func.min(_mt.c.leased_until)).where(unfinished(_mt.c.status), one_of(_mt.c.status, "sending"))
