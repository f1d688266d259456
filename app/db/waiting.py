"""What waits for a turn: due messages, oldest first, and the locks of their numbers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BindParameter, Connection, and_, bindparam, exists, or_, select

from app.db.clock import clock_of
from app.db.conversations import CONVERSATION, LockedConversation, conversation
from app.db.distribution import pieces
from app.db.inbox import StoredMessage, inbound_message, is_pending_of_number
from app.db.keys import NUMBER, NumberKey
from app.db.lookups import by_index
from app.db.readers import RowReader
from app.db.rows import Fields, fetch, one_of
from app.db.shares import Share, of_share
from app.db.types import Id, Instant
from app.domain.messages import InboundStatus
from app.domain.values import value

_inbound = inbound_message
# What nobody postponed is due whatever the time: a clock that was set back must not let a later message overtake it.
_IS_TIME = or_(_inbound.c.due_at <= bindparam("now", type_=Instant), _inbound.c.due_at <= _inbound.c.stored_at)
_DUE = and_(one_of(_inbound.c.status, InboundStatus.PENDING), _IS_TIME)
_OF_MESSAGE = and_(*(by_index(conversation.c[name], _inbound.c[name]) for name in NUMBER))
_LIMIT: BindParameter[int] = bindparam("limit")


@value
class Waiting:
    """Conversations that were locked as they have due messages, and the id of the newest of these messages.

    ``is_all``: no conversation that is not locked elsewhere has further ones.
    """

    locked: Sequence[LockedConversation]
    newest: str | None
    is_all: bool


# The limit counts what was locked: numbers that others have locked take up no place, however many messages they have.
_LOCK = (
    select(*CONVERSATION.columns, _inbound.c.id)
    .join_from(_inbound, conversation, _OF_MESSAGE)
    .where(_DUE)
    .order_by(_inbound.c.id)
    .limit(_LIMIT)
    .with_for_update(skip_locked=True, of=conversation)
)


def lock_waiting(connection: Connection, now: datetime, limit: int, share: Share | None = None) -> Waiting:
    """Lock the conversations of the oldest ``limit`` due messages of a share, but for those that others have locked.

    On Citus piece by piece, so these need not be the oldest of all; it begins with another piece each time, so that
    none waits behind the others.
    """
    found: list[Fields] = []
    places = pieces(connection, share)
    first = clock_of(connection).micros() % max(len(places), 1)
    for piece in (*places[first:], *places[:first]):
        given = {"now": now, "limit": limit - len(found)}
        found += fetch(connection, *of_share(connection, _LOCK, _inbound, piece, given, conversation))
        if len(found) == limit:
            break
    locked = {(row[0], row[1]): row for row in found}
    newest = max((row[-1] for row in found), key=int, default=None)
    return Waiting(list(map(CONVERSATION.read, locked.values())), newest, is_all=len(found) < limit)


_MESSAGE = RowReader(StoredMessage, _inbound)
_ALL = select(*_MESSAGE.columns).where(_DUE).order_by(_inbound.c.id)
_UP_TO = _ALL.where(_inbound.c.id <= bindparam("newest", type_=Id))


def pending_of(
    connection: Connection, numbers: Sequence[NumberKey], now: datetime, newest: str | None, share: Share | None = None
) -> list[StoredMessage]:
    """Return the due messages of a share's locked numbers up to the id ``newest``, in the order of their storing.

    They are looked at anew, as somebody else may have handled them before the numbers were locked. Up to that id there
    is little else. None: all due messages.
    """
    ours = set(numbers)
    statement = _ALL if newest is None else _UP_TO
    found = fetch(connection, *of_share(connection, statement, _inbound, share, {"now": now, "newest": newest}))
    return [message for message in map(_MESSAGE.read, found) if (message.bucket, message.msisdn) in ours]


_FIRST = (
    select(*_MESSAGE.columns)
    .where(
        _inbound.c.bucket == bindparam("bucket"),
        _inbound.c.msisdn == bindparam("msisdn"),
        is_pending_of_number(),
        _IS_TIME,
    )
    .order_by(_inbound.c.id)
    .limit(1)
)


def first_of(connection: Connection, number: NumberKey, now: datetime) -> list[StoredMessage]:
    """Return the oldest due message of a locked number, if it has any."""
    bucket, msisdn = number
    found = connection.execute(_FIRST, {"bucket": bucket, "msisdn": msisdn, "now": now})
    return list(map(_MESSAGE.read, found))


# So many are looked at: of those that wait longest.
_LONGEST = 500
_OLDEST = select(_inbound.c.id, _inbound.c.bucket).where(_DUE).order_by(_inbound.c.id).limit(_LONGEST)


def oldest_due(connection: Connection, now: datetime) -> dict[str, int]:
    """Return the ids of the oldest due messages, with their buckets."""
    return {row[0]: row[1] for row in fetch(connection, _OLDEST, {"now": now})}


_NUMBERS = select(_inbound.c.bucket, _inbound.c.msisdn).where(_DUE).order_by(_inbound.c.id).limit(_LIMIT)
_WITHOUT_CONVERSATION = _NUMBERS.where(~exists().where(_OF_MESSAGE))


def pending_numbers(connection: Connection, now: datetime, limit: int, share: Share | None = None) -> list[NumberKey]:
    """Return the numbers of the oldest ``limit`` due messages of a share; a number may occur twice."""
    found = fetch(connection, *of_share(connection, _NUMBERS, _inbound, share, {"now": now, "limit": limit}))
    return [(row[0], row[1]) for row in found]


def numbers_without_conversation(
    connection: Connection, now: datetime, limit: int, share: Share | None = None
) -> list[NumberKey]:
    """Return numbers of a share's due messages whose conversations were purged while the messages came in."""
    given = {"now": now, "limit": limit}
    found = fetch(connection, *of_share(connection, _WITHOUT_CONVERSATION, _inbound, share, given))
    return [(row[0], row[1]) for row in found]
