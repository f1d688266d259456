"""Purge data past its retention, and erase closed tenures on request. Chains of evidence stay verifiable.

A purge runs in short transactions, beside a running gateway (flows.md 13; safety.md 27 and 31).
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app import observability
from app.db import directory as reading
from app.db import evidence, idempotency, records, retention
from app.db.retention import Page
from app.db.session import Database
from app.db.state import current_state
from app.domain.evidence import ERASED, PURGED, SEALED, EvidenceDraft, EvidenceRecord, purge_draft
from app.domain.heads import HeadKeys
from app.domain.policy import RetentionPeriods
from app.domain.refusals import RefusalReason
from app.domain.storage import StorageUnavailableError
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.values import value
from app.services.refusals import RefusedError
from app.services.sealing import Sealer
from app.services.upkeep.chains import extend, tenures_of

log = observability.logger(__name__)
_RAW_REPORT_RETENTION = timedelta(days=30)
_PARKED_REPORT_RETENTION = timedelta(hours=24)
# Numbers without a subscriber. Longer than any limit looks back: such a number gets a reply once a day (safety.md 25).
_STRANGER_RETENTION = timedelta(days=2)
_PAGE_SIZE = 1_000
# These say which records were removed or signed, and contain no customer data.
_NEVER_PURGED = frozenset({PURGED, ERASED, SEALED})
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
    now = database.read_now(current_state).now
    reports = database.write_now(
        partial(
            retention.purge_reports,
            raw_before=now - _RAW_REPORT_RETENTION,
            parked_before=now - _PARKED_REPORT_RETENTION,
        )
    )
    before = now - kept.messages
    questions = database.write_now(partial(retention.purge_questions, before=before))
    recipients = _purge_recipients(database, before)
    messages = sum(_purge_messages(database, work, before, advance) for work in _MESSAGE_TABLES)
    payloads = _purge_payloads(database, heads, now - kept.evidence, advance)
    calls = database.write_now(idempotency.purge)
    return PurgeCounts(
        messages, reports, questions, recipients, payloads, _purge_strangers(database, now - _STRANGER_RETENTION), calls
    )


_PurgePage = Callable[[Connection, datetime, str | None, int], Page]
_MESSAGE_TABLES: tuple[_PurgePage, ...] = (retention.purge_inbound, retention.purge_outbound)


def _purge_recipients(database: Database, before: datetime) -> int:
    deleted = 0
    while piece := database.write_now(partial(retention.purge_recipients, before=before, limit=_PAGE_SIZE)):
        deleted += piece
    return deleted


def _purge_strangers(database: Database, before: datetime) -> int:
    deleted, after = 0, None
    while True:
        piece = database.write_now(partial(retention.purge_strangers, before=before, after=after, limit=_PAGE_SIZE))
        deleted += piece.deleted
        if piece.last is None:
            return deleted
        after = piece.last


def _purge_messages(database: Database, work: _PurgePage, before: datetime, advance: ReportProgress) -> int:
    deleted, after = 0, None
    while True:
        page = database.write_now(partial(_purge_page, work=work, before=before, after=after))
        deleted += page.deleted
        advance("messages", page.deleted)
        if page.last is None:
            return deleted
        after = page.last


def _purge_page(connection: Connection, *, work: _PurgePage, before: datetime, after: str | None) -> Page:
    return work(connection, before, after, _PAGE_SIZE)


def _purge_payloads(database: Database, heads: HeadKeys, before: datetime, advance: ReportProgress) -> int:
    deleted = 0
    for _, msisdn, tenure in tenures_of(database):
        work = partial(_purge_tenure, heads=heads, msisdn=msisdn, tenure=tenure, before=before)
        try:
            deleted += database.write_now(work)
        except StorageUnavailableError:
            raise
        except Exception:  # it concerns this tenure only, and the next purge tries it again
            observability.SET_ASIDE.labels("purge").inc()
            log.exception("the evidence of a tenure was not purged", number=msisdn, tenure=tenure)
        advance("evidence", 1)
    return deleted


def _purge_tenure(connection: Connection, *, heads: HeadKeys, msisdn: str, tenure: int, before: datetime) -> int:
    """Delete the payloads of one tenure that nothing needs any more, and record that. Return how many."""
    chain = evidence.chain_of(connection, msisdn, tenure)
    old = [item for item in chain if item.payload and item.at < before and item.kind not in _NEVER_PURGED]
    if not old:
        return 0
    needed = _needed_references(connection, msisdn, tenure, before)
    deleted = [item.seq for item in old if not _references_of(item) & needed]
    if deleted:
        retention.drop_payloads(connection, msisdn, tenure, deleted)
        extend(connection, heads, msisdn, tenure, purge_draft("smsgw purge", deleted))
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


# ---- erasing a tenure on request


class Erasure:
    """Erases closed tenures whose retention is over."""

    def __init__(self, database: Database, kept: RetentionPeriods, sealer: Sealer) -> None:
        self._database = database
        self._kept = kept
        self._sealer = sealer

    async def erase(self, msisdn: str, tenure: int, who: str, reason: str) -> None:
        """Erase a closed tenure: its texts, payloads, salts, subscriptions and records.

        The chain of hashes stays, and a record ``erased`` names ``who`` and the ``reason``. Raise RefusedError
        without such a tenure, while it is in use, within its retention, or while something of it is unsettled.
        """
        draft = EvidenceDraft(ERASED, msisdn, {"who": who, "reason": reason})
        work = partial(_erase, msisdn=msisdn, tenure=tenure, kept=self._kept, heads=self._sealer.heads, draft=draft)
        await self._database.write(work)


def _erase(
    connection: Connection, *, msisdn: str, tenure: int, kept: RetentionPeriods, heads: HeadKeys, draft: EvidenceDraft
) -> None:
    now = current_state(connection).now
    subscriber = reading.tenure_of(connection, msisdn, tenure)
    if subscriber is None:
        raise RefusedError(RefusalReason.UNKNOWN, "There is no such tenure of this number.")
    if subscriber.closed_at is None:
        raise RefusedError(RefusalReason.TENURE_IN_USE)
    kept_until = subscriber.closed_at + kept.evidence
    if now < kept_until:
        raise RefusedError(
            RefusalReason.CONFLICT,
            f"Its evidence is kept until {kept_until.astimezone(UTC):%Y-%m-%d}; erase it after that.",
        )
    for kind in records.KINDS:
        if any(found.record.needs_settling for found in records.of_number(connection, kind, msisdn, tenure)):
            raise RefusedError(RefusalReason.CONFLICT, f"A {kind.__name__.lower()} of this tenure is not settled yet.")
    seqs = [item.seq for item in evidence.chain_of(connection, msisdn, tenure) if item.payload is not None]
    retention.drop_payloads(connection, msisdn, tenure, seqs)
    retention.drop_from_campaigns(connection, subscriber)
    retention.drop_personal(connection, msisdn, tenure)
    idempotency.drop_answers(connection, msisdn)
    extend(connection, heads, msisdn, tenure, draft)
