"""Delivery reports: they are stored, and move the status of their messages forward in any order (delivery.md 12)."""

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

# A provider and its id of a message.
Key = tuple[str, str]
_MAX_BATCH = 1000
# Stored as the status of a report whose status the gateway does not know; the provider's word is in ``error_code``.
_OTHER = "other"
_REFERENCE = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_KNOWN_TO_BE_TAKEN = frozenset({OutboundStatus.UNKNOWN.value, OutboundStatus.QUEUED.value})
# The subscriber did not get the message. A listing of which a message failed cannot be picked from (safety.md 17).
_FAILED = frozenset(
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
    """A delivery report of a provider about a message.

    A ``status`` of None is one that the gateway does not know: it is stored and has no effect. ``at`` is the
    provider's time. ``reference`` is the gateway's id of the message, from providers that return it. ``part`` is the
    segment that the report is about, from 1; None: the whole message.
    """

    provider: str
    provider_message_id: str
    status: OutboundStatus | None
    error_code: str | None = None
    at: datetime | None = None
    reference: str | None = None
    part: int | None = None


class Receipts:
    """Stores delivery reports and updates the messages that they are about."""

    def __init__(self, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids
        self._batcher: Batcher[Report, bool] = Batcher(self._store_all, _MAX_BATCH, shared=StorageUnavailableError)

    async def store(self, report: Report) -> bool:
        """Store a report. Return False if it has no effect, as its message or its status is unknown.

        A report about an unknown message is parked. Raise StorageUnavailableError if the report was not stored.
        """
        return await self._batcher.submit(report)

    async def _store_all(self, batch: Sequence[Report]) -> Sequence[bool]:
        observability.batch("reports", len(batch))
        return await self._database.write(partial(self._store, batch=batch))

    def _store(self, connection: Connection, *, batch: Sequence[Report]) -> list[bool]:
        return self.apply(connection, batch, current_state(connection).now)

    def apply(self, connection: Connection, batch: Sequence[Report], now: datetime) -> list[bool]:
        """Store reports and update their messages, in the caller's transaction; return for each what ``store`` does."""
        messages = reports.messages_of(connection, [(item.provider, item.provider_message_id) for item in batch])
        messages |= _find_by_reference(connection, batch, messages)
        segments = _earlier_segment_reports(connection, batch, messages)
        rows: list[dict[str, object]] = []
        statuses = {key: OutboundStatus(message.status) for key, message in messages.items()}
        errors = {key: message.error_code for key, message in messages.items()}
        for item in batch:
            key = (item.provider, item.provider_message_id)
            message = messages.get(key)
            rows.append(self._row(item, message, now))
            reported_status = None if message is None else _reported_status(item, message, segments[key])
            if reported_status is not None:
                after = status_after_report(statuses[key], reported_status)
                if after is not statuses[key]:
                    statuses[key], errors[key] = after, item.error_code
        _count_reports(rows)
        reports.save_reports(connection, rows)
        self._update_messages(connection, messages, statuses, errors, now)
        return [not row["parked"] and row["status"] != _OTHER for row in rows]

    def _update_messages(
        self,
        connection: Connection,
        messages: dict[Key, ReportedMessage],
        statuses: dict[Key, OutboundStatus],
        errors: dict[Key, str | None],
        now: datetime,
    ) -> None:
        changed = [
            (messages[key], status, errors[key]) for key, status in statuses.items() if status != messages[key].status
        ]
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
            if message.question_id and status in _FAILED
        }
        arrived = {
            (message.bucket, message.msisdn, message.question_id)
            for message, status, _ in changed
            if message.question_id and message.status in _NOT_KNOWN_TO_BE_TAKEN and status not in _FAILED
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

    def apply_parked(
        self, connection: Connection, provider: str, provider_message_ids: Sequence[str], now: datetime
    ) -> None:
        """Apply the parked reports about messages that the provider has now accepted under these ids."""
        if not provider_message_ids:
            return
        parked = reports.parked_reports(connection, [(provider, message_id) for message_id in provider_message_ids])
        if parked:
            reports.drop_parked(connection, parked)
            self.apply(connection, [_report(item) for item in parked], now)


def _find_by_reference(
    connection: Connection, batch: Sequence[Report], messages: Mapping[Key, ReportedMessage]
) -> dict[Key, ReportedMessage]:
    """Return the messages whose acceptance got lost, found by the gateway's reference.

    Their provider's id is taken from the report.
    """
    provider_ids = {
        (item.provider, item.reference): item.provider_message_id
        for item in batch
        if item.reference
        and item.status not in (None, OutboundStatus.UNKNOWN)
        and _REFERENCE.fullmatch(item.reference)
        and (item.provider, item.provider_message_id) not in messages
    }
    if not provider_ids:
        return {}
    found = reports.unknown_messages(connection, list(provider_ids))
    return {
        (provider, provider_ids[provider, id_]): replace(message, provider_message_id=provider_ids[provider, id_])
        for (provider, id_), message in found.items()
    }


def _earlier_segment_reports(
    connection: Connection, batch: Sequence[Report], messages: Mapping[Key, ReportedMessage]
) -> dict[Key, list[tuple[int, OutboundStatus]]]:
    """Return the stored segment reports of the messages that this batch has segment reports about."""
    found: dict[Key, list[tuple[int, OutboundStatus]]] = defaultdict(list)
    keys = {(item.provider, item.provider_message_id) for item in batch if item.part} & messages.keys()
    for key, part, status in reports.segment_reports(connection, sorted(keys)) if keys else ():
        if status != _OTHER:
            found[key].append((part, OutboundStatus(status)))
    return found


def _reported_status(
    report: Report, message: ReportedMessage, segments: list[tuple[int, OutboundStatus]]
) -> OutboundStatus | None:
    """Return the status of the whole message after a report; add a segment's report to ``segments``.

    ``segments`` holds the earlier segment reports of the message. Return None if they do not give a status yet.
    """
    if report.status is None or report.part is None or message.segments == 1:
        return report.status
    segments.append((report.part, report.status))
    return status_from_segments(segments, message.segments)


def _count_reports(rows: Sequence[Mapping[str, object]]) -> None:
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
