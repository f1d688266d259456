"""Parts of long messages: the pending ones, and those joined lately."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, bindparam, literal_column, or_, select

from app.db.inbox import inbound_message, stamp
from app.db.keys import NUMBER
from app.db.readers import RowReader
from app.db.rows import AnySelect, as_keys, given_keys, matching, one_of
from app.db.types import Instant
from app.domain.messages import InboundStatus
from app.domain.values import value

_inbound = inbound_message
_REFERENCE = (*NUMBER, "concat_ref")
Reference = tuple[int, str, str]


@value
class StoredPart:
    """A part of a long message: pending, or joined at ``handled_at``. Times are UTC.

    Attributes:
        part: which part it is, from 1.
        parts: how many parts the message has.
        sealed: its encrypted text, if ``text`` is masked.
        due_at: when the message is handled even if parts are missing.
    """

    bucket: int
    msisdn: str
    id: str
    provider: str
    dialled: str
    concat_ref: str
    part: int
    parts: int
    text: str
    sealed: str | None
    received_at: datetime | None
    sent_at: datetime
    stored_at: datetime
    due_at: datetime
    handled_at: datetime | None
    tenure: int | None
    reply_token: str | None

    @property
    def stamped_at(self) -> datetime:
        """When it was sent, to find the tenure that it belongs to (safety.md 1)."""
        return stamp(self.received_at, self.stored_at)


_PART = RowReader(StoredPart, _inbound)


@cache
def _parts_of(dialect: str) -> AnySelect:
    given = given_keys(dialect, _inbound, _REFERENCE)
    joined = one_of(_inbound.c.status, InboundStatus.JOINED) & (
        _inbound.c.handled_at >= bindparam("since", type_=Instant)
    )
    return (
        select(*_PART.columns)
        .join_from(_inbound, given, matching(_inbound, given, _REFERENCE))
        .where(_inbound.c.part > literal_column("0"), or_(one_of(_inbound.c.status, InboundStatus.PENDING), joined))
    )


def parts_of(connection: Connection, references: Sequence[Reference], since: datetime) -> list[StoredPart]:
    """Return pending parts of locked numbers, and parts joined since ``since``, in the order of storing."""
    keys = as_keys(references)
    found = connection.execute(_parts_of(connection.dialect.name), {**keys, "since": since})
    # Sorted here: else PostgreSQL may read all messages in the order of their ids.
    return sorted(map(_PART.read, found), key=lambda part: part.id)
