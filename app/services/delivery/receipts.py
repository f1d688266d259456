"""Delivery reports: statuses only move forward, whatever the order they come in (delivery.md 12)."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app import observability
from app.batching import Batcher
from app.db import handovers, reports
from app.db.reports import ParkedReport, ReportedMessage
from app.db.session import Database, StorageUnavailableError
from app.db.state import current_state
from app.domain.messages import OutboundStatus, is_final, status_after_report, status_from_segments
from app.domain.msisdn import bucket_of
from app.domain.values import replace, value
from app.services.ids import IdSource

Key = tuple[str, str]
_MOST = 1000
# In the record, where a report's status is none of ours; what it said stands beside it.
_OTHER = "other"
_REFERENCE = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_KNOWN_TO_BE_TAKEN = frozenset({OutboundStatus.UNKNOWN.value, OutboundStatus.QUEUED.value})
# Reports that say that she did not get it: a listing of which a message failed cannot be picked from (safety.md 17).
_BAD = frozenset(
    {
        OutboundStatus.UNDELIVERED,
        OutboundStatus.EXPIRED,
        OutboundStatus.REJECTED,
        OutboundStatus.DELETED,
        OutboundStatus.FAILED,
    }
)


@value
class Report:
    """A delivery report of a provider's message; ``reference`` is ours, from providers that quote it.

    A ``status`` of None is none of ours: kept, and nothing follows. ``part`` is the segment that it is about, from 1.
    """

    provider: str
    provider_message_id: str
    status: OutboundStatus | None
    error_code: str | None = None
    at: datetime | None = None
    reference: str | None = None
    part: int | None = None


class Receipts:
    """Stores reports and moves messages on."""

    def __init__(self, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids
        self._batcher: Batcher[Report, bool] = Batcher(self._store_all, _MOST, shared=StorageUnavailableError)

    async def store(self, report: Report) -> bool:
        """Store a report; whether it is known what to do with it. A report of an unknown message is parked."""
        return await self._batcher.submit(report)

    async def _store_all(self, batch: Sequence[Report]) -> Sequence[bool]:
        observability.batch("reports", len(batch))
        return await self._database.write(partial(self._store, batch=batch))

    def _store(self, connection: Connection, *, batch: Sequence[Report]) -> list[bool]:
        return self.apply(connection, batch, current_state(connection).now)

    def apply(self, connection: Connection, batch: Sequence[Report], now: datetime) -> list[bool]:
        """Move messages on by reports, in the caller's transaction; for each whether it is known what to do with it."""
        known = reports.messages_of(connection, [(item.provider, item.provider_message_id) for item in batch])
        known |= _found_by_reference(connection, batch, known)
        segments = _segments_known(connection, batch, known)
        rows: list[dict[str, object]] = []
        statuses = {key: OutboundStatus(message.status) for key, message in known.items()}
        errors = {key: message.error_code for key, message in known.items()}
        for item in batch:
            key = (item.provider, item.provider_message_id)
            message = known.get(key)
            rows.append(self._row(item, message, now))
            said = None if message is None else _said(item, message, segments[key])
            if said is not None:
                after = status_after_report(statuses[key], said)
                if after is not statuses[key]:
                    statuses[key], errors[key] = after, item.error_code
        _count(rows)
        reports.save_reports(connection, rows)
        self._move_on(connection, known, statuses, errors, now)
        return [not row["parked"] and row["status"] != _OTHER for row in rows]

    def _move_on(
        self,
        connection: Connection,
        known: dict[Key, ReportedMessage],
        statuses: dict[Key, OutboundStatus],
        errors: dict[Key, str | None],
        now: datetime,
    ) -> None:
        changed = [(known[key], status, errors[key]) for key, status in statuses.items() if status != known[key].status]
        rows = [
            {
                "bucket": message.bucket,
                "msisdn": message.msisdn,
                "id": message.id,
                "provider_message_id": message.provider_message_id,
                "status": status,
                "error_code": error,
                "final_at": now if is_final(status) else None,
            }
            for message, status, error in changed
        ]
        reports.set_statuses(connection, rows)
        failed = {
            (message.bucket, message.msisdn, message.question_id)
            for message, status, _ in changed
            if message.question_id and status in _BAD
        }
        arrived = {
            (message.bucket, message.msisdn, message.question_id)
            for message, status, _ in changed
            if message.question_id and message.status in _NOT_KNOWN_TO_BE_TAKEN and status not in _BAD
        }
        handovers.record_question_arrivals(connection, arrived, failed, now)

    def _row(self, report: Report, message: ReportedMessage | None, now: datetime) -> dict[str, object]:
        return {
            "bucket": message.bucket if message else bucket_of(report.provider_message_id),
            "id": next(self._ids),
            "msisdn": message.msisdn if message else None,
            "message_id": message.id if message else None,
            "provider": report.provider,
            "provider_message_id": report.provider_message_id,
            "status": report.status or _OTHER,
            "error_code": report.error_code,
            "part": report.part or 0,
            "reported_at": report.at,
            "stored_at": now,
            "parked": message is None,
        }

    def join_parked(
        self, connection: Connection, provider: str, provider_message_ids: Sequence[str], now: datetime
    ) -> None:
        """Apply the reports that came before the answer to the submission."""
        if not provider_message_ids:
            return
        parked = reports.parked_reports(connection, [(provider, theirs) for theirs in provider_message_ids])
        if parked:
            reports.drop_parked(connection, parked)
            self.apply(connection, [_report(item) for item in parked], now)


def _found_by_reference(
    connection: Connection, batch: Sequence[Report], known: Mapping[Key, ReportedMessage]
) -> dict[Key, ReportedMessage]:
    """Messages whose answer got lost, found by our own reference: their provider's id is learnt from the report."""
    asked = {
        (item.provider, item.reference): item.provider_message_id
        for item in batch
        if item.reference
        and item.status not in (None, OutboundStatus.UNKNOWN)
        and _REFERENCE.fullmatch(item.reference)
        and (item.provider, item.provider_message_id) not in known
    }
    if not asked:
        return {}
    found = reports.unknown_messages(connection, list(asked))
    return {
        (provider, asked[provider, id_]): replace(message, provider_message_id=asked[provider, id_])
        for (provider, id_), message in found.items()
    }


def _segments_known(
    connection: Connection, batch: Sequence[Report], known: Mapping[Key, ReportedMessage]
) -> dict[Key, list[tuple[int, OutboundStatus]]]:
    """What is known of single segments of the messages whose segments this batch speaks of."""
    found: dict[Key, list[tuple[int, OutboundStatus]]] = defaultdict(list)
    asked = {(item.provider, item.provider_message_id) for item in batch if item.part} & known.keys()
    for key, part, status in reports.segment_reports(connection, sorted(asked)) if asked else ():
        if status != _OTHER:
            found[key].append((part, OutboundStatus(status)))
    return found


def _said(
    report: Report, message: ReportedMessage, segments: list[tuple[int, OutboundStatus]]
) -> OutboundStatus | None:
    """What a report says of its message, with what was reported of its other segments before."""
    if report.status is None or report.part is None or message.segments == 1:
        return report.status
    segments.append((report.part, report.status))
    return status_from_segments(segments, message.segments)


def _count(rows: Sequence[Mapping[str, object]]) -> None:
    parked = sum(row["parked"] is True for row in rows)
    observability.REPORTS.labels("parked").inc(parked)
    observability.REPORTS.labels("applied").inc(len(rows) - parked)
    observability.UNUSED_REPORTS.labels("unknown message").inc(parked)
    observability.UNUSED_REPORTS.labels("unknown status").inc(sum(row["status"] == _OTHER for row in rows))


def _report(parked: ParkedReport) -> Report:
    status = None if parked.status == _OTHER else OutboundStatus(parked.status)
    return Report(
        parked.provider,
        parked.provider_message_id,
        status,
        parked.error_code,
        parked.reported_at,
        part=parked.part or None,
    )
