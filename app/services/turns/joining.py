"""Joining of the parts of long messages, under the lock of their number's conversation (delivery.md 6).

A part that waits for others is due when the time of its message is over. So its own row is all the state that there
is, and the worker that holds the lock then handles the parts that have come.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app import observability
from app.commands.limits import FORMER_CUSTOMER
from app.db import inbound_parts, inbox
from app.db.inbound_parts import StoredPart
from app.db.inbox import StoredMessage
from app.domain.masking import mask
from app.domain.messages import Ignored, InboundStatus
from app.domain.parts import Part, PartSet, earliest_repeatable, sort_parts
from app.domain.values import value
from app.services.ids import IdSource
from app.services.sealing import Sealer
from app.services.turns.pending import PendingAccount

_INCOMPLETE = "incomplete"


@value
class Joined:
    """Messages to handle, whole ones in place of their parts, and the changes to the rows of ``finished`` parts."""

    messages: Sequence[StoredMessage]
    finished: Sequence[dict[str, object]] = ()


class Joiner:
    """Joins the parts among the messages of a batch."""

    def __init__(self, sealer: Sealer, ids: IdSource) -> None:
        self._sealer = sealer
        self._ids = ids

    def join(
        self,
        connection: Connection,
        pending: Sequence[StoredMessage],
        entries: Mapping[str, PendingAccount],
        now: datetime,
    ) -> Joined:
        """Join parts that are complete or have waited long enough. Return the messages to handle.

        The other parts go on waiting. Parts that a former customer sent are not joined (safety.md 1).
        """
        parts = [(row, row.concat_ref) for row in pending if row.concat_ref is not None]
        if not parts:
            return Joined(pending)
        references = sorted({(row.bucket, row.msisdn, reference) for row, reference in parts})
        stored = inbound_parts.parts_of(connection, references, earliest_repeatable(row.stored_at for row, _ in parts))
        batch = _JoinBatch(self._sealer, self._ids, now)
        for msisdn, rows in _by_number(stored).items():
            batch.add_parts(batch.of_current_tenure(rows, entries[msisdn]))
        inbox.mark(connection, batch.still_waiting)
        inbox.add(connection, [row for row, _ in batch.wholes])
        return Joined(_replace_parts(pending, batch.wholes), batch.finished)

    def mark(self, connection: Connection, joined: Joined, entries: Mapping[str, PendingAccount]) -> None:
        """Update the rows of finished parts; after the turns, as these may have given the number its first tenure."""
        inbox.mark(connection, [{"tenure": entries[str(row["msisdn"])].tenure, **row} for row in joined.finished])


def _by_number(stored: Sequence[StoredPart]) -> Mapping[str, list[StoredPart]]:
    numbers: dict[str, list[StoredPart]] = defaultdict(list)
    for row in stored:
        numbers[row.msisdn].append(row)
    return numbers


class _JoinBatch:
    """The rows that joining writes: parts that go on waiting, whole messages, and finished parts.

    Each whole message goes with the id of the part that came last.
    """

    def __init__(self, sealer: Sealer, ids: IdSource, now: datetime) -> None:
        self._sealer = sealer
        self._ids = ids
        self._now = now
        self.still_waiting: list[dict[str, object]] = []
        self.wholes: list[tuple[dict[str, object], str]] = []
        self.finished: list[dict[str, object]] = []

    def of_current_tenure(self, rows: Sequence[StoredPart], entry: PendingAccount) -> list[StoredPart]:
        """Return the parts that the current subscriber of the number sent; finish those of a former customer."""
        current = []
        for row in rows:
            former = entry.account.former_tenure(row.stamped_at)
            if former is None and row.tenure in (None, 0, entry.tenure):
                current.append(row)
            elif row.handled_at is None:
                observability.UNUSED.labels(observability.label(FORMER_CUSTOMER)).inc()
                self._finish(row, InboundStatus.IGNORED, FORMER_CUSTOMER, tenure=former)
        return current

    def add_parts(self, rows: Sequence[StoredPart]) -> None:
        """Join the parts of one number where possible, finish repeats, and let the others wait."""
        by_id = {row.id: row for row in rows}
        joined_before = [self._part(row) for row in rows if row.handled_at is not None]
        found = sort_parts([self._part(row) for row in rows if row.handled_at is None], joined_before)
        for part in found.repeats:
            observability.UNUSED.labels(observability.label(Ignored.REPEATED_PART)).inc()
            self._finish(by_id[part.id], InboundStatus.IGNORED, Ignored.REPEATED_PART)
        for group in found.sets:
            group_rows = [by_id[part.id] for part in group.parts]
            if group.missing == 0 or group.deadline <= self._now:
                self._join(group, group_rows)
                continue
            postponed = [row for row in group_rows if row.due_at != group.deadline]
            self.still_waiting += [{**_key(row), "due_at": group.deadline} for row in postponed]

    def _part(self, row: StoredPart) -> Part:
        return Part(
            id=row.id,
            key=(row.provider, row.dialled, row.concat_ref, row.parts),
            number=row.part,
            text=self._sealer.original(row.text, row.sealed),
            shown=row.text,
            at=row.handled_at or row.stored_at,
            waits=row.due_at > row.stored_at,
        )

    def _join(self, group: PartSet, rows: Sequence[StoredPart]) -> None:
        first, id_ = rows[0], next(self._ids)
        if group.missing:
            observability.UNUSED.labels(observability.label(_INCOMPLETE)).inc()
        whole: dict[str, object] = {
            "bucket": first.bucket,
            "msisdn": first.msisdn,
            "id": id_,
            "provider": first.provider,
            "provider_message_id": id_,
            "dialled": first.dialled,
            **self._sealer.columns(group.text, mask(group.text) or group.shown_if_incomplete),
            "received_at": min((row.received_at for row in rows if row.received_at), default=None),
            "sent_at": min(row.sent_at for row in rows),
            "stored_at": self._now,
            "status": InboundStatus.PENDING,
            "due_at": self._now,
            "tries": 0,
            "part": 0,
            "missing": group.missing or None,
            "reply_token": next((row.reply_token for row in rows if row.reply_token), None),
        }
        self.wholes.append((whole, max(row.id for row in rows)))
        for row in rows:
            self._finish(row, InboundStatus.JOINED, f"part of {id_}")

    def _finish(self, row: StoredPart, status: InboundStatus, verdict: str, **tenure: int | None) -> None:
        changes = {"status": status, "verdict": verdict, "handled_at": self._now, "sealed": None, **tenure}
        self.finished.append({**_key(row), **changes})


def _key(row: StoredPart) -> dict[str, object]:
    return {"bucket": row.bucket, "msisdn": row.msisdn, "id": row.id}


def _replace_parts(
    pending: Sequence[StoredMessage], wholes: Sequence[tuple[dict[str, object], str]]
) -> list[StoredMessage]:
    """Return the messages to handle in the order of storing, a whole one in place of the part that came last."""
    names = [name for name in StoredMessage.__dataclass_fields__ if name != "concat_ref"]
    # The type checker cannot know the types of a row's values; they come from these very columns.
    made = {last: StoredMessage(**{name: row[name] for name in names}) for row, last in wholes}  # type: ignore[arg-type]
    placed = {row.id: made.pop(row.id, None) for row in pending if row.concat_ref is not None}
    in_order = [placed.get(row.id) if row.concat_ref is not None else row for row in pending]
    return [row for row in (*in_order, *made.values()) if row is not None]
