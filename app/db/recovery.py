"""Recovery of MTs: end the leases of dead workers, move queued messages off failing and removed providers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, or_, select

from app.db.keys import ITEM
from app.db.outbox import outbound_message, unfinished
from app.db.rows import AnyRow, one_of, update_rows
from app.db.types import Instant
from app.domain.messages import OutboundStatus
from app.domain.values import value

_mt = outbound_message
_LOST = (
    select(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
    .where(
        unfinished(_mt.c.status),
        one_of(_mt.c.status, "sending"),
        or_(_mt.c.leased_until < bindparam("machine_now", type_=Instant), bindparam("all_of_them")),
    )
    .order_by(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
    .with_for_update(skip_locked=True)
)


def release_lost_leases(
    connection: Connection, provider: str, machine_now: datetime, now: datetime, *, resend: bool, everything: bool
) -> int:
    """End expired leases; the results of their attempts are unknown (delivery.md 8). Return the number of messages.

    ``resend``: queue the messages again, as the provider recognises their references. ``everything``: end all leases,
    also those that have not expired, as no worker is alive.
    """
    lost = _LOST.where(_mt.c.provider == provider)
    rows = [
        {
            "bucket": row.bucket,
            "msisdn": row.msisdn,
            "id": row.id,
            "status": OutboundStatus.QUEUED if resend else OutboundStatus.UNKNOWN,
            "due_at": now,
            "leased_by": None,
            "leased_until": None,
        }
        for row in connection.execute(lost, {"machine_now": machine_now, "all_of_them": everything})
    ]
    update_rows(connection, _mt, rows, ITEM)
    return len(rows)


@value
class FailoverRoute:
    """Another provider that messages may be sent through.

    Attributes:
        only_number: the one service number that it can send from; None: all.
        prefixes: the prefixes of numbers that it reaches; empty: all.
    """

    provider: str
    only_number: str | None = None
    prefixes: tuple[str, ...] = ()


def fail_over(connection: Connection, provider: str, route: FailoverRoute, now: datetime, limit: int) -> int:
    """Move at most ``limit`` queued messages of a failing provider to another one. Return their number.

    One that the provider has taken in part stays.
    """
    conditions = [
        _mt.c.provider == provider,
        unfinished(_mt.c.status),
        one_of(_mt.c.status, "queued"),
        _mt.c.progress.is_(None),
    ]
    if route.only_number is not None:
        conditions.append(_mt.c.service_number == route.only_number)
    if route.prefixes:
        conditions.append(or_(*(_mt.c.msisdn.startswith(prefix, autoescape=True) for prefix in route.prefixes)))
    waiting = (
        select(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
        .where(*conditions)
        .order_by(_mt.c.lane.desc(), _mt.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = [
        {
            "bucket": row.bucket,
            "msisdn": row.msisdn,
            "id": row.id,
            "provider": route.provider,
            "reply_token": None,
            "due_at": now,
        }
        for row in connection.execute(waiting)
    ]
    update_rows(connection, _mt, rows, ITEM)
    return len(rows)


def adopt_orphans(
    connection: Connection, configured: Sequence[str], default_provider: str, machine_now: datetime, now: datetime
) -> int:
    """Move queued messages of providers that are no longer configured to the default provider. Return their number.

    Messages that were being sent when a worker died are counted too; their results are unknown (delivery.md 8), and so
    are those of messages that the provider has taken in part.
    """
    gone = or_(one_of(_mt.c.status, "queued"), _mt.c.leased_until < machine_now)
    found = (
        select(_mt.c.bucket, _mt.c.msisdn, _mt.c.id, _mt.c.status, _mt.c.provider, _mt.c.progress)
        .where(unfinished(_mt.c.status), gone, _mt.c.provider.not_in(configured))
        .order_by(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
        .with_for_update()
    )
    rows = [
        {
            "bucket": row.bucket,
            "msisdn": row.msisdn,
            "id": row.id,
            "provider": default_provider if _is_untouched(row) else row.provider,
            "status": OutboundStatus.QUEUED if _is_untouched(row) else OutboundStatus.UNKNOWN,
            "reply_token": None,
            "due_at": now,
            "leased_by": None,
            "leased_until": None,
        }
        for row in connection.execute(found)
    ]
    update_rows(connection, _mt, rows, ITEM)
    return len(rows)


def _is_untouched(row: AnyRow) -> bool:
    """Return True if certainly no part of a message has been sent."""
    return row.status == OutboundStatus.QUEUED and row.progress is None
