"""Parts of long messages become whole ones, under the lock of their number's conversation (delivery.md 6).

A part that waits is due when its message's time is over. So nothing but its own row says that it waits, and whoever
holds the lock then handles what has come.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app import observability
from app.commands.limits import FORMER_CUSTOMER
from app.db import inbox
from app.db.inbox import StoredMessage, StoredPart
from app.domain.masking import mask
from app.domain.parts import Part, PartSet, earliest_repeatable, sort_parts
from app.domain.values import value
from app.services.ids import IdSource
from app.services.sealing import Sealer
from app.services.turns.unit_of_work import PendingAccount

_INCOMPLETE = "incomplete"
_REPEATED = "repeated part"


@value
class Joined:
    """Messages to handle, whole ones in place of their parts; ``done`` is what became of those parts."""

    messages: Sequence[StoredMessage]
    done: Sequence[dict[str, object]] = ()


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
        """Make whole messages of the parts that are all there or have waited long enough; the others go on waiting.

        What a former customer of the number sent is no part of anything (safety.md 1).
        """
        parts = [(row, row.concat_ref) for row in pending if row.concat_ref is not None]
        if not parts:
            return Joined(pending)
        references = sorted({(row.bucket, row.msisdn, reference) for row, reference in parts})
        stored = inbox.parts_of(connection, references, earliest_repeatable(row.stored_at for row, _ in parts))
        batch = _Batch(self._sealer, self._ids, now)
        for msisdn, rows in _by_number(stored).items():
            batch.sort(batch.hers(rows, entries[msisdn]))
        inbox.mark(connection, batch.waiting)
        inbox.add(connection, [row for row, _ in batch.wholes])
        return Joined(_in_place(pending, batch.wholes), batch.done)

    def mark(self, connection: Connection, joined: Joined, entries: Mapping[str, PendingAccount]) -> None:
        """Write what became of the parts, beside what their messages caused: they belong to the same tenure."""
        inbox.mark(connection, [{"tenure": entries[str(row["msisdn"])].tenure, **row} for row in joined.done])


def _by_number(stored: Sequence[StoredPart]) -> Mapping[str, list[StoredPart]]:
    numbers: dict[str, list[StoredPart]] = defaultdict(list)
    for row in stored:
        numbers[row.msisdn].append(row)
    return numbers


class _Batch:
    """All rows that joining causes; a whole message stands beside the id of the part that came last."""

    def __init__(self, sealer: Sealer, ids: IdSource, now: datetime) -> None:
        self._sealer = sealer
        self._ids = ids
        self._now = now
        self.waiting: list[dict[str, object]] = []
        self.wholes: list[tuple[dict[str, object], str]] = []
        self.done: list[dict[str, object]] = []

    def hers(self, rows: Sequence[StoredPart], entry: PendingAccount) -> list[StoredPart]:
        """The parts that who has the number now has sent; what is left of a former customer's is done with."""
        mine = []
        for row in rows:
            former = entry.account.former_tenure(row.stamped_at)
            if former is None and row.tenure in (None, 0, entry.tenure):
                mine.append(row)
            elif row.handled_at is None:
                observability.UNUSED.labels(FORMER_CUSTOMER).inc()
                self._finish(row, "ignored", FORMER_CUSTOMER, tenure=former)
        return mine

    def sort(self, rows: Sequence[StoredPart]) -> None:
        """Sort the parts of one number."""
        by_id = {row.id: row for row in rows}
        known = [self._part(row) for row in rows if row.handled_at is not None]
        found = sort_parts([self._part(row) for row in rows if row.handled_at is None], known)
        for part in found.repeats:
            observability.UNUSED.labels(_REPEATED).inc()
            self._finish(by_id[part.id], "ignored", _REPEATED)
        for group in found.sets:
            mine = [by_id[part.id] for part in group.parts]
            if group.missing == 0 or group.deadline <= self._now:
                self._join(group, mine)
                continue
            moved = [row for row in mine if row.due_at != group.deadline]
            self.waiting += [{**_key(row), "due_at": group.deadline} for row in moved]

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
            observability.UNUSED.labels(_INCOMPLETE).inc()
        whole: dict[str, object] = {
            "bucket": first.bucket,
            "msisdn": first.msisdn,
            "id": id_,
            "provider": first.provider,
            "provider_message_id": id_,
            "repeat": "",
            "dialled": first.dialled,
            **self._sealer.columns(group.text, mask(group.text) or group.shown_if_incomplete),
            "received_at": min((row.received_at for row in rows if row.received_at), default=None),
            "sent_at": min(row.sent_at for row in rows),
            "stored_at": self._now,
            "status": "pending",
            "due_at": self._now,
            "tries": 0,
            "part": 0,
            "missing": group.missing or None,
        }
        self.wholes.append((whole, max(row.id for row in rows)))
        for row in rows:
            self._finish(row, "joined", f"part of {id_}")

    def _finish(self, row: StoredPart, status: str, verdict: str, **whose: int | None) -> None:
        ended = {"status": status, "verdict": verdict, "handled_at": self._now, "sealed": None, **whose}
        self.done.append({**_key(row), **ended})


def _key(row: StoredPart) -> dict[str, object]:
    return {"bucket": row.bucket, "msisdn": row.msisdn, "id": row.id}


def _in_place(pending: Sequence[StoredMessage], wholes: Sequence[tuple[dict[str, object], str]]) -> list[StoredMessage]:
    """What there is to handle in the order of storing: a whole message was stored with the part that came last."""
    names = [name for name in StoredMessage.__dataclass_fields__ if name != "concat_ref"]
    # A row holds values of any type; it was made from these very columns.
    made = {last: StoredMessage(**{name: row[name] for name in names}) for row, last in wholes}  # type: ignore[arg-type]
    placed = {row.id: made.pop(row.id, None) for row in pending if row.concat_ref is not None}
    in_order = [placed.get(row.id) if row.concat_ref is not None else row for row in pending]
    return [row for row in (*in_order, *made.values()) if row is not None]
