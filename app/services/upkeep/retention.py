"""Purge data past its retention, in short transactions, beside a running gateway (flows.md 13; safety.md 27 and 31).

A purge is a generator of pieces, each a transaction of its own. One that was stopped needs no place to go on from: what
is left is found by indexes that begin with what is oldest.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app import observability
from app.db import directory as reading
from app.db import evidence, idempotency, payloads, records, retention
from app.db.inbox import inbound_message
from app.db.keys import TenureKey
from app.db.outbound_messages import outbound_message
from app.db.partitions import kept_whole_from
from app.db.reports import delivery_report
from app.db.retention import Page
from app.db.session import Database
from app.db.state import current_state
from app.domain.evidence import NEVER_PURGED, EvidenceRecord, purge_draft
from app.domain.heads import HeadKeys
from app.domain.policy import RetentionPeriods
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.values import value
from app.services.upkeep.chains import extend
from app.services.upkeep.pieces import Pieces, drive

log = observability.logger(__name__)
RAW_REPORT_RETENTION = timedelta(days=30)
_PARKED_REPORT_RETENTION = timedelta(hours=24)
# Numbers without a subscriber. Longer than any limit looks back: such a number gets a reply once a day (safety.md 25).
_STRANGER_RETENTION = timedelta(days=2)
_MESSAGES = ((inbound_message, retention.purge_inbound), (outbound_message, retention.purge_outbound))
# The most rows that a piece deletes.
_PIECE = 1_000
# When payloads are looked at again that something still needs, and those of a tenure that could not be read.
_LOOK_AGAIN, _TRY_AGAIN = timedelta(days=30), timedelta(days=1)
# Called with ``messages`` and the number of deleted rows, or with ``evidence`` and the number of processed tenures.
ReportProgress = Callable[[str, int], None]


@value
class PurgeCounts:
    """How many rows of each kind were purged.

    ``recipients`` are those of finished campaigns, ``strangers`` numbers without a subscriber, ``calls`` stored answers
    of management calls.
    """

    messages: int
    reports: int
    questions: int
    recipients: int
    payloads: int
    strangers: int = 0
    calls: int = 0


def purge(
    database: Database, kept: RetentionPeriods, heads: HeadKeys, advance: ReportProgress = lambda _what, _done: None
) -> PurgeCounts:
    """Purge what is past its retention by the gateway's clock. ``advance`` reports progress."""
    return drive(purge_in_pieces(kept, heads, advance), database.write_now)


def purge_in_pieces(
    kept: RetentionPeriods, heads: HeadKeys, advance: ReportProgress = lambda _what, _done: None
) -> Pieces[PurgeCounts]:
    """Yield the pieces of a purge, each to be carried out and sent its result; return what was purged."""
    now: datetime = yield lambda connection: current_state(connection).now
    before = now - kept.messages
    parked = yield from _repeated(partial(retention.purge_parked, before=now - _PARKED_REPORT_RETENTION, limit=_PIECE))
    raw = now - RAW_REPORT_RETENTION
    below: int = yield partial(kept_whole_from, table=delivery_report, before=raw)
    reports = yield from _repeated(partial(retention.purge_reports, before=raw, below=below, limit=_PIECE))
    questions = yield from _walked(partial(retention.purge_questions, before=before))
    recipients = yield from _repeated(partial(retention.purge_recipients, before=before, limit=_PIECE))
    messages = 0
    for table, work in _MESSAGES:
        below = yield partial(kept_whole_from, table=table, before=before)
        messages += yield from _walked(partial(work, before=before, below=below), partial(advance, "messages"))
    look = partial(_purge_payloads, heads=heads, before=now - kept.evidence)
    dropped = yield from _payloads(look, partial(advance, "evidence"))
    calls = yield from _repeated(partial(idempotency.purge, limit=_PIECE))
    strangers = yield from _walked(partial(retention.purge_strangers, before=now - _STRANGER_RETENTION))
    return PurgeCounts(messages, parked + reports, questions, recipients, dropped, strangers, calls)


def _repeated(work: Callable[[Connection], int]) -> Pieces[int]:
    """Repeat a piece that returns the number of deleted rows until it deletes none. Return their sum."""
    deleted = 0
    while piece := (yield work):
        deleted += piece
    return deleted


def _walked(work: Callable[..., Page], advance: Callable[[int], None] = lambda _deleted: None) -> Pieces[int]:
    """Repeat a piece from where the one before it ended. Return the number of deleted rows."""
    after, deleted = None, 0
    while True:
        page: Page = yield partial(work, after=after, limit=_PIECE)
        deleted += page.deleted
        advance(page.deleted)
        if page.last is None:
            return deleted
        after = page.last


# ---- payloads of evidence


def _payloads(work: Callable[[Connection], tuple[int, int]], advance: Callable[[int], None]) -> Pieces[int]:
    deleted = 0
    while True:
        tenures, dropped = yield work
        if not tenures:
            return deleted
        deleted += dropped
        advance(tenures)


def _purge_payloads(connection: Connection, *, heads: HeadKeys, before: datetime) -> tuple[int, int]:
    """Look at the tenures of the payloads that were kept longest. Return their number, and that of purged payloads.

    Each payload is deleted, or looked at another time, so the next piece finds others.
    """
    found = sorted(payloads.tenures_with_old(connection, before, _PIECE))
    return len(found), sum(_purge_safely(connection, heads, tenure, before) for tenure in found)


def _purge_safely(connection: Connection, heads: HeadKeys, tenure: TenureKey, before: datetime) -> int:
    _, msisdn, number = tenure
    try:
        with connection.begin_nested():
            return _purge_tenure(connection, heads, msisdn, number, before)
    except OperationalError:  # it concerns the whole piece
        raise
    except Exception:  # it concerns this tenure only
        observability.SET_ASIDE.labels("purge").inc()
        log.exception("the evidence of a tenure was not purged", number=msisdn, tenure=number)
        payloads.keep_payloads(connection, msisdn, number, before, before + _TRY_AGAIN)
        return 0


def _purge_tenure(connection: Connection, heads: HeadKeys, msisdn: str, tenure: int, before: datetime) -> int:
    """Delete the payloads of one tenure that nothing needs any more, and record that. Return how many."""
    chain = evidence.chain_of(connection, msisdn, tenure)
    old = [item for item in chain if item.payload and item.at < before and item.kind not in NEVER_PURGED]
    needed = _needed_references(connection, msisdn, tenure, before)
    deleted = [item.seq for item in old if not _references_of(item) & needed]
    if deleted:
        payloads.drop_payloads(connection, msisdn, tenure, deleted)
        extend(connection, heads, msisdn, tenure, purge_draft("smsgw purge", deleted))
    payloads.keep_payloads(connection, msisdn, tenure, before, before + _LOOK_AGAIN)
    return len(deleted)


def _needed_references(connection: Connection, msisdn: str, tenure: int, before: datetime) -> set[str]:
    """Return ids and service codes whose evidence is needed: of what is active or open, or ended after ``before``."""
    needed: set[str] = set()
    for item in reading.subscriptions_of(connection, msisdn, tenure):
        if item.state is not SubscriptionState.ENDED or _ended_at(item) >= before:
            needed |= {item.id, item.service_code}
    for kind in records.KINDS:
        for found in records.of_number(connection, kind, msisdn, tenure):
            if found.record.is_open or found.record.last_instant >= before:
                needed |= {found.record.id, *filter(None, (found.record.of_service,))}
    return needed


def _ended_at(item: Subscription) -> datetime:
    return item.ends_at or item.unsubscribed_at or item.started_at


def _references_of(item: EvidenceRecord) -> set[str]:
    """Return the subject of a record of evidence and the service code in its payload, if there is one."""
    service = json.loads(item.payload or "{}").get("service_code")
    return {item.subject, service} if isinstance(service, str) else {item.subject}
