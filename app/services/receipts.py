"""Delivery reports: statuses only move forward, whatever the order they come in (delivery.md 12)."""

import re
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
from app.domain.messages import OutboundStatus, is_final, reported
from app.domain.msisdn import bucket_of
from app.domain.values import replace, value
from app.services.ids import IdSource

Key = tuple[str, str]
_MOST = 1000
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
    """A delivery report of a provider's message; ``reference`` is ours, from providers that quote it."""

    provider: str
    provider_message_id: str
    status: OutboundStatus
    error_code: str | None = None
    at: datetime | None = None
    reference: str | None = None


class Receipts:
    """Stores reports and moves messages on."""

    def __init__(self, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids
        self._batcher: Batcher[Report, bool] = Batcher(self._store_all, _MOST, shared=StorageUnavailableError)

    async def store(self, report: Report) -> bool:
        """Store a report; whether its message is known. A report of an unknown one is parked."""
        return await self._batcher.submit(report)

    async def _store_all(self, batch: Sequence[Report]) -> Sequence[bool]:
        observability.batch("reports", len(batch))
        return await self._database.write(partial(self._store, batch=batch))

    def _store(self, connection: Connection, *, batch: Sequence[Report]) -> list[bool]:
        return self.apply(connection, batch, current_state(connection).now)

    def apply(self, connection: Connection, batch: Sequence[Report], now: datetime) -> list[bool]:
        """Move messages on by reports, in the caller's transaction; for each whether its message is known."""
        known = reports.messages_of(connection, [(item.provider, item.provider_message_id) for item in batch])
        known |= _found_by_reference(connection, batch, known)
        rows: list[dict[str, object]] = []
        statuses = {key: OutboundStatus(message.status) for key, message in known.items()}
        errors = {key: message.error_code for key, message in known.items()}
        for item in batch:
            key = (item.provider, item.provider_message_id)
            message = known.get(key)
            rows.append(self._row(item, message, now))
            if message is not None:
                after = reported(statuses[key], item.status)
                if after is not statuses[key]:
                    statuses[key], errors[key] = after, item.error_code
        parked = sum(row["parked"] is True for row in rows)
        observability.REPORTS.labels("parked").inc(parked)
        observability.REPORTS.labels("applied").inc(len(rows) - parked)
        reports.save_reports(connection, rows)
        self._move_on(connection, known, statuses, errors, now)
        return [(item.provider, item.provider_message_id) in known for item in batch]

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
        handovers.tell_questions(connection, arrived, failed, now)

    def _row(self, report: Report, message: ReportedMessage | None, now: datetime) -> dict[str, object]:
        return {
            "bucket": message.bucket if message else bucket_of(report.provider_message_id),
            "id": next(self._ids),
            "msisdn": message.msisdn if message else None,
            "message_id": message.id if message else None,
            "provider": report.provider,
            "provider_message_id": report.provider_message_id,
            "status": report.status,
            "error_code": report.error_code,
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
        and item.status is not OutboundStatus.UNKNOWN
        and _REFERENCE.fullmatch(item.reference)
        and (item.provider, item.provider_message_id) not in known
    }
    if not asked:
        return {}
    found = reports.unanswered_messages(connection, list(asked))
    return {
        (provider, asked[provider, id_]): replace(message, provider_message_id=asked[provider, id_])
        for (provider, id_), message in found.items()
    }


def _report(parked: ParkedReport) -> Report:
    return Report(
        parked.provider,
        parked.provider_message_id,
        OutboundStatus(parked.status),
        parked.error_code,
        parked.reported_at,
    )
