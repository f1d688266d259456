"""Rows of the outbox: the messages of a reply, to be sent or recorded as superseded."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.db import delivery_outcomes
from app.db.inbox import StoredMessage
from app.db.keys import TenureKey
from app.domain.messages import VALIDITY, Lane, OutboundStatus, Reply, lane_of
from app.domain.segments import measure
from app.domain.turn import Turn


def message_rows(
    turn: Turn, tenure: TenureKey, ids: Iterator[str], reply: Reply, *, answered: StoredMessage | None
) -> list[dict[str, object]]:
    """Return the messages of a reply, queued and due now; ``answered`` is the MO that it answers."""
    extension = "" if turn.provider.single_number else reply.extension
    bucket, msisdn, tenure_number = tenure
    rows: list[dict[str, object]] = []
    for message in reply.messages:
        size = measure(message)
        rows.append(
            {
                "bucket": bucket,
                "msisdn": msisdn,
                "tenure": tenure_number,
                "id": next(ids),
                "service_number": turn.policy.numbers.number(extension),
                "text": message,
                "class": reply.kind,
                "lane": Lane.PROMPT if reply.any_hour else lane_of(reply.kind),
                "encoding": size.encoding,
                "segments": size.segments,
                "provider": turn.provider.name,
                "question_id": reply.question_id,
                "about": str(reply.about) if reply.about else None,
                "told": delivery_outcomes.WAITING if reply.notify else None,
                "in_reply_to": answered.id if answered else None,
                "reply_token": answered.reply_token if answered and answered.provider == turn.provider.name else None,
                "made_at": turn.now,
                "valid_until": reply.valid_until or turn.now + VALIDITY[reply.kind],
                "status": OutboundStatus.QUEUED,
                "due_at": turn.now,
                "attempts": 0,
                "leased_by": None,
                "leased_until": None,
                "final_at": None,
            }
        )
    return rows


def superseded_rows(turn: Turn, tenure: TenureKey, ids: Iterator[str], reply: Reply) -> list[dict[str, object]]:
    """Return the messages of a held reply that will not be sent, as a record of them (safety.md 18)."""
    over = {"status": OutboundStatus.SUPERSEDED, "final_at": turn.now, "told": None}
    return [{**row, **over} for row in message_rows(turn, tenure, ids, reply, answered=None)]


def without_tenure(rows: Sequence[dict[str, object]], tenure: TenureKey, now: datetime) -> list[dict[str, object]]:
    """Return rows of a batch with the queued messages of a tenure superseded, as that ended at ``now`` (UTC)."""
    over = {"status": OutboundStatus.SUPERSEDED, "final_at": now}
    ended = ((row["bucket"], row["msisdn"], row["tenure"]) == tenure for row in rows)
    return [
        {**row, **over} if of_it and row["status"] is OutboundStatus.QUEUED else row
        for row, of_it in zip(rows, ended, strict=True)
    ]
