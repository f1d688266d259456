"""Recovery of MTs: end the leases of dead workers, move queued messages off failing and removed providers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, or_, select

from app.db.claims import Key, remove_rows
from app.db.handovers import attempt
from app.db.keys import ITEM
from app.db.outbound_messages import outbound_message, set_fates
from app.db.outbox import change_free, end_leases, is_own, of_row, outbox
from app.db.rows import Row, one_of
from app.db.shares import Share, of_share
from app.db.types import Instant
from app.db.writing import update_rows
from app.domain.messages import AttemptResult, OutboundStatus
from app.domain.values import value

_mt = outbound_message
_LOST = select(*(outbox.c[name] for name in ITEM), outbox.c.attempts, outbox.c.error_code, outbox.c.leased_by).where(
    # Compared in a way that no index is used for: the leased ones are few, whatever else waits for the provider.
    outbox.c.provider.is_not_distinct_from(bindparam("provider")),
    outbox.c.leased_by.is_not(None),
    or_(outbox.c.leased_until < bindparam("machine_now", type_=Instant), bindparam("all_of_them")),
)


def release_lost_leases(
    connection: Connection,
    provider: str,
    machine_now: datetime,
    now: datetime,
    *,
    resend: bool,
    everything: bool,
    share: Share | None = None,
) -> list[tuple[int, str]]:
    """End a share's expired leases. Return the messages (bucket, id); what became of them is unknown (delivery.md 8).

    ``resend``: queue the messages again, as the provider recognises their references. ``everything``: end all leases,
    also those that have not expired, as no worker is alive.
    """
    given = {"provider": provider, "machine_now": machine_now, "all_of_them": everything}
    found = connection.execute(*of_share(connection, _LOST, outbox, share, given)).mappings().all()
    if resend:
        rows: list[Row] = [{**_key_of(row), "leased_by": row["leased_by"], "due_at": now} for row in found]
        end_leases(connection, rows)
        return [(row["bucket"], row["id"]) for row in found]
    return [(bucket, message_id) for bucket, _, message_id in _give_up(connection, found)]


def _key_of(row: RowMapping) -> dict[str, object]:
    return {name: row[name] for name in ITEM}


def _give_up(connection: Connection, found: Sequence[RowMapping]) -> set[Key]:
    """Take messages out of the outbox that may have been sent, or in part. Return their keys."""
    leases = [{**_key_of(row), "leased_by": row["leased_by"]} for row in found]
    ours = remove_rows(connection, outbox, leases, ITEM, is_own)
    fates = [
        {
            **_key_of(row),
            "status": OutboundStatus.UNKNOWN,
            "attempts": row["attempts"],
            "error_code": row["error_code"],
        }
        for row in found
        if tuple(row[name] for name in ITEM) in ours
    ]
    set_fates(connection, fates)
    return ours


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


# An attempt of a worker that died has no row.
_REFUSALS = select(func.count()).where(
    attempt.c.bucket == outbox.c.bucket,
    attempt.c.message_id == outbox.c.id,
    one_of(attempt.c.result, AttemptResult.REFUSED_FOR_NOW),
)
_CERTAINLY_NOT_TAKEN = and_(outbox.c.progress.is_(None), outbox.c.attempts == _REFUSALS.scalar_subquery())


def fail_over(
    connection: Connection, provider: str, route: FailoverRoute, now: datetime, limit: int, share: Share | None = None
) -> int:
    """Move at most ``limit`` queued messages of a share from a failing provider to another one. Return their number.

    One that the provider has taken in part, or may have taken, stays: only that provider may know it again.
    """
    conditions = [outbox.c.provider == provider, outbox.c.leased_by.is_(None), _CERTAINLY_NOT_TAKEN]
    if route.only_number is not None:
        conditions.append(_mt.c.service_number == route.only_number)
    if route.prefixes:
        conditions.append(or_(*(outbox.c.msisdn.startswith(prefix, autoescape=True) for prefix in route.prefixes)))
    waiting = (
        select(*(outbox.c[name] for name in ITEM))
        .join_from(outbox, _mt, of_row())
        .where(*conditions)
        .order_by(outbox.c.lane.desc(), outbox.c.id)
        .limit(limit)
    )
    found = connection.execute(*of_share(connection, waiting, outbox, share, {}))
    keys = [_key_of(row) for row in found.mappings()]
    return _reroute(connection, keys, route.provider, now)


def _reroute(connection: Connection, keys: Sequence[Row], provider: str, now: datetime) -> int:
    """Give messages that nobody is sending to a provider, due at once. Return their number."""
    rows = [{**key, "provider": provider, "reply_token": None, "due_at": now} for key in keys]
    moved = change_free(connection, rows)
    messages = [{**dict(zip(ITEM, key, strict=True)), "provider": provider} for key in moved]
    update_rows(connection, _mt, messages, ITEM)
    return len(moved)


def adopt_orphans(connection: Connection, configured: Sequence[str], default_provider: str, now: datetime) -> int:
    """Move queued messages of providers that are no longer configured to the default provider. Return their number.

    The results of those that the provider has taken in part, or may have taken, are unknown (delivery.md 8); they are
    counted, too.
    """
    free = outbox.c.leased_by.is_(None)
    untouched = _of_others(connection, configured, and_(free, _CERTAINLY_NOT_TAKEN))
    others = _of_others(connection, configured, and_(free, ~_CERTAINLY_NOT_TAKEN))
    moved = _reroute(connection, list(map(_key_of, untouched)), default_provider, now)
    return moved + len(_give_up(connection, others))


def end_orphaned_leases(connection: Connection, configured: Sequence[str], machine_now: datetime) -> int:
    """End expired leases for providers that are not configured; what came of these messages is unknown.

    Return the number of messages.
    """
    return len(_give_up(connection, _of_others(connection, configured, outbox.c.leased_until < machine_now)))


def _of_others(
    connection: Connection, configured: Sequence[str], condition: ColumnElement[bool]
) -> Sequence[RowMapping]:
    statement = select(outbox).where(condition, outbox.c.provider.not_in(configured))
    return connection.execute(statement).mappings().all()
