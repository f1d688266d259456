"""Delivery reports: they are stored, and move the status of their messages forward in any order (delivery.md 12)."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app import observability
from app.batching import Batcher
from app.db import handovers, message_parts, outbound_messages, outbox, provider_state, reports
from app.db.reports import ParkedReport, ReportedMessage
from app.db.rows import Row
from app.db.session import ANSWER_WITHIN, Database
from app.db.state import current_state
from app.domain.escape import escape
from app.domain.ids import is_id
from app.domain.masking import masked
from app.domain.messages import UNFINISHED, DeliveryReport, OutboundStatus, is_final
from app.domain.msisdn import bucket_of
from app.domain.storage import StorageUnavailableError
from app.domain.values import replace
from app.services.delivery.reported import Reported
from app.services.ids import IdSource

# A provider and its id of a message.
Key = tuple[str, str]
# A provider and its report.
Received = tuple[str, DeliveryReport]
_MAX_BATCH = 500
# Stored as the status of a report whose status the gateway does not know; the provider's word is in ``error_code``.
_OTHER = "other"
_NOT_KNOWN_TO_BE_TAKEN = frozenset(
    status.value for status in (OutboundStatus.UNKNOWN, OutboundStatus.QUEUED, OutboundStatus.FAILED)
)
_SHORT = 0xFFFF
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


class Receipts:
    """Stores delivery reports and updates the messages that they are about."""

    def __init__(self, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids
        self._batcher: Batcher[Received, bool] = Batcher(self._store_all, _MAX_BATCH, shared=StorageUnavailableError)

    async def store(self, provider: str, report: DeliveryReport) -> bool:
        """Store a provider's report. Return False if it has no effect, as its message or its status is unknown.

        A report about an unknown message is parked, but for a doubtful one: it is not stored.
        Raise StorageUnavailableError if the report was not stored.
        """
        code = None if report.error_code is None else escape(masked(report.error_code))
        key = None if report.part_key is None else escape(report.part_key)
        plain = replace(report, provider_message_id=escape(report.provider_message_id), error_code=code, part_key=key)
        return await self._batcher.submit((provider, plain))

    async def _store_all(self, batch: Sequence[Received]) -> Sequence[bool]:
        observability.batch("reports", len(batch))
        began = time.monotonic()
        stored = await self._database.write(partial(self._store, batch=batch), within=ANSWER_WITHIN)
        self._database.failures.took("reports", time.monotonic() - began)
        return stored

    def _store(self, connection: Connection, *, batch: Sequence[Received]) -> list[bool]:
        return self.apply(connection, batch, current_state(connection).now)

    def apply(self, connection: Connection, batch: Sequence[Received], now: datetime) -> list[bool]:
        """Store reports and update their messages, in the caller's transaction; return for each what ``store`` does."""
        batch = _with_references(connection, batch)
        messages, late, under_way = _find_messages(connection, batch)
        reported = _as_stored(connection, messages)
        rows: list[dict[str, object]] = []
        has_effect: list[bool] = []
        for (provider, report), message in zip(batch, messages, strict=True):
            if report.is_doubtful and (message is None or message.msisdn != report.sent_to):
                has_effect.append(False)
                continue
            named = under_way.get((provider, report.reference or ""))
            rows.append(self._row(provider, report, message or named, now, parked=message is None))
            has_effect.append(message is not None and report.status is not None)
            if message is not None and report.status is not None:
                reported[message.id].apply(report, report.status)
        _count_reports(rows)
        reports.save_reports(connection, rows)
        self._update_messages(connection, [item for item in reported.values() if item.is_changed], now)
        message_parts.save(connection, [row for item in reported.values() for row in _part_rows(item)])
        for provider, theirs in late:
            self.apply_parked(connection, provider, [theirs], now)
        return has_effect

    def _update_messages(self, connection: Connection, changed: Sequence[Reported], now: datetime) -> None:
        rows = [
            {
                "bucket": item.message.bucket,
                "msisdn": item.message.msisdn,
                "id": item.message.id,
                "provider_message_id": item.provider_message_id,
                "status": item.status,
                "attempts": item.message.attempts,
                "error_code": item.error_code,
                "segments": item.segments,
                "final_at": now if is_final(item.status) else None,
            }
            for item in changed
        ]
        outbound_messages.set_fates(connection, rows)
        # The late answer to an attempt ends the wait for another one.
        waiting = [item.message for item in changed if item.message.status in UNFINISHED]
        outbox.remove(connection, [(message.bucket, message.msisdn, message.id) for message in waiting])
        asked = [(item, (item.message.bucket, item.message.msisdn, item.message.question_id)) for item in changed]
        keys = [(item, (bucket, msisdn, question)) for item, (bucket, msisdn, question) in asked if question]
        failed = {key for item, key in keys if item.status in _FAILED}
        arrived = {
            key for item, key in keys if item.message.status in _NOT_KNOWN_TO_BE_TAKEN and item.status not in _FAILED
        }
        handovers.record_question_arrivals(connection, arrived, failed, now)

    def _row(
        self, provider: str, report: DeliveryReport, message: ReportedMessage | None, now: datetime, *, parked: bool
    ) -> dict[str, object]:
        return {
            "bucket": message.bucket if message else bucket_of(report.provider_message_id),
            "id": next(self._ids),
            "msisdn": message.msisdn if message else None,
            "message_id": message.id if message else None,
            "provider": provider,
            "provider_message_id": report.provider_message_id,
            "status": report.status or _OTHER,
            "error_code": report.error_code,
            "part": report.part or 0,
            "reported_at": report.at,
            "stored_at": now,
            "parked": parked,
        }

    def apply_parked(
        self, connection: Connection, provider: str, provider_message_ids: Sequence[str], now: datetime
    ) -> None:
        """Apply the parked reports about messages that the provider has now accepted under these ids."""
        if not provider_message_ids:
            return
        parked = reports.parked_reports(connection, [(provider, message_id) for message_id in provider_message_ids])
        self._apply_again(connection, parked, now)

    def apply_parked_of(self, connection: Connection, messages: Sequence[tuple[int, str]], now: datetime) -> None:
        """Apply the parked reports about messages (bucket, id) of which an attempt ended without an answer.

        They came while it was under way, and named the messages by the gateway's references. The caller has locked the
        provider's state.
        """
        if messages:
            self._apply_again(connection, reports.parked_reports_of(connection, messages), now)

    def _apply_again(self, connection: Connection, parked: Sequence[ParkedReport], now: datetime) -> None:
        if parked:
            reports.drop_parked(connection, parked)
            self.apply(connection, [_received(item) for item in parked], now)


def _with_references(connection: Connection, batch: Sequence[Received]) -> Sequence[Received]:
    """Return the reports, with the references that the carrier shortened, of messages whose ids it never told."""
    keys = [(provider, report.provider_message_id) for provider, report in batch if report.short_reference is not None]
    if not keys:
        return batch
    known = _messages_of(connection, keys)
    found: list[Received] = []
    for provider, report in batch:
        reference = None
        if report.short_reference is not None and (provider, report.provider_message_id) not in known:
            ids = message_parts.unsettled_ids(connection, provider, report.sent_to or "")
            same = [one for one in ids if int(one) & _SHORT == report.short_reference]
            reference = same[0] if len(same) == 1 else None
        # Which segment it is about nobody knows, if there are several.
        full = replace(report, reference=reference, part_key=report.provider_message_id) if reference else report
        found.append((provider, full))
    return found


_Found = tuple[list[ReportedMessage | None], set[Key], dict[Key, ReportedMessage]]


def _find_messages(connection: Connection, batch: Sequence[Received]) -> _Found:
    """Return for each report its message, locked, and the provider's ids that only the gateway's references told.

    A report names a message or one of its segments by the provider's id. If that is not known yet, as the answer to an
    attempt got lost, its message is found by the gateway's reference. The third are the messages that are being sent,
    by their references: what becomes of the attempt is not known yet.
    """
    keys = [(provider, report.provider_message_id) for provider, report in batch]
    messages = _messages_of(connection, keys)
    if rest := sorted({key for key in keys if key not in messages}):
        # Who records ids of a provider holds its row. Either they are committed by now, or a report that is parked here
        # is, when they are looked for.
        for provider in sorted({provider for provider, _ in rest}):
            provider_state.lock(connection, provider)
        messages |= _messages_of(connection, rest)
    by_reference, under_way = _find_by_reference(
        connection, [item for item in batch if (item[0], item[1].provider_message_id) not in messages]
    )
    late = {}
    for key, (provider, report) in zip(keys, batch, strict=True):
        message = by_reference.get((provider, report.reference or ""))
        if key not in messages and message is not None and report.provider_message_id:
            late[key] = message
    messages |= late
    found = [
        messages.get(key) or by_reference.get((provider, report.reference or ""))
        for key, (provider, report) in zip(keys, batch, strict=True)
    ]
    return found, set(late), under_way


def _messages_of(connection: Connection, keys: Sequence[Key]) -> dict[Key, ReportedMessage]:
    """Return the messages with these ids of the provider, or with segments that have them; lock them."""
    messages = reports.messages_of(connection, keys)
    if rest := sorted({key for key in keys if key not in messages}):
        messages |= message_parts.messages_of(connection, rest)
    return messages


def _find_by_reference(
    connection: Connection, batch: Sequence[Received]
) -> tuple[dict[Key, ReportedMessage], dict[Key, ReportedMessage]]:
    """Return the messages of late answers, and those that are being sent, by the provider and our reference."""
    named = {
        (provider, report.reference): report
        for provider, report in batch
        if report.reference and report.status not in (None, OutboundStatus.UNKNOWN) and is_id(report.reference)
    }
    if not named:
        return {}, {}
    found = reports.messages_by_id(connection, sorted(named))
    answered = {key: message for key, message in found.items() if _is_late_answer(named[key], message)}
    return answered, {key: message for key, message in found.items() if message.status == OutboundStatus.SENDING}


def _is_late_answer(report: DeliveryReport, message: ReportedMessage) -> bool:
    """Return True if the message that a report names by reference alone is the one that it is about.

    It is if the message may or may not have been taken, or if the report is about one of several segments. While an
    attempt is under way the answer may tell the ids of the segments; but what has no id could not be parked.
    """
    if report.part is not None:
        return True
    if report.part_key is not None or report.segments is not None:
        return report.provider_message_id == report.reference or message.status != OutboundStatus.SENDING.value
    # One that was refused at last may have been taken at an earlier attempt.
    was_refused = message.status == OutboundStatus.FAILED and message.attempts == 1
    return message.status in _NOT_KNOWN_TO_BE_TAKEN and not was_refused and message.provider_message_id is None


def _as_stored(connection: Connection, messages: Sequence[ReportedMessage | None]) -> dict[str, Reported]:
    """Return the messages by their ids, with the known segments of those that have several."""
    several = sorted({(one.bucket, one.id) for one in messages if one is not None and one.segments > 1})
    parts = message_parts.parts_of(connection, several) if several else {}
    return {one.id: Reported.of(one, parts.get((one.bucket, one.id), {})) for one in messages if one is not None}


def _part_rows(item: Reported) -> Sequence[Row]:
    message = item.message
    changed = [item.parts[number] for number in sorted(item.changed_parts)]
    return message_parts.rows_of(message.bucket, message.msisdn, message.id, message.provider, changed)


def _count_reports(rows: Sequence[Mapping[str, object]]) -> None:
    parked = sum(row["parked"] is True for row in rows)
    observability.REPORTS.labels("parked").inc(parked)
    observability.REPORTS.labels("applied").inc(len(rows) - parked)
    observability.UNUSED_REPORTS.labels("unknown_message").inc(parked)
    observability.UNUSED_REPORTS.labels("unknown_status").inc(sum(row["status"] == _OTHER for row in rows))


def _received(parked: ParkedReport) -> Received:
    status = None if parked.status == _OTHER else OutboundStatus(parked.status)
    report = DeliveryReport(
        parked.provider_message_id,
        status,
        parked.error_code,
        parked.reported_at,
        parked.message_id,
        part=parked.part or None,
    )
    return parked.provider, report
