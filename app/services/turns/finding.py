"""Finding what is due, oldest first, and locking its numbers; what others have locked is left to them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.db import conversations, timers, waiting
from app.db.conversations import LockedConversation
from app.db.inbox import StoredMessage
from app.db.keys import NumberKey
from app.db.shares import Share
from app.db.timers import StoredTimer
from app.domain.values import value

_MOST = 500


@value
class Found:
    """Locked conversations with their due messages and timers.

    ``repaired``: nothing could be locked, as conversations were missing; they are there now. ``is_full``: there may be
    more that is due.
    """

    locked: Sequence[LockedConversation] = ()
    messages: Sequence[StoredMessage] = ()
    timers: Sequence[StoredTimer] = ()
    repaired: bool = False
    is_full: bool = False


def find_waiting(connection: Connection, now: datetime, share: Share | None = None) -> Found:
    """Lock numbers of a share that have something due, and read what they have."""
    found = waiting.lock_waiting(connection, now, _MOST, share)
    timed = timers.due_numbers(connection, now, _MOST, share)
    locked = list(found.locked)
    known = {(item.bucket, item.msisdn) for item in locked}
    others = [number for number in dict.fromkeys(timed) if number not in known]
    if others:
        locked += conversations.lock_conversations(connection, others, wait=False)
    if not locked:
        return Found(repaired=_repair(connection, others, now, share))
    keys = [(item.bucket, item.msisdn) for item in locked]
    # Timers wait for earlier messages. If the limit cut off messages, the timers wait for the next batch.
    due = timers.due_of(connection, keys, now) if timed and found.is_all else []
    messages = waiting.pending_of(connection, keys, now, None if due else found.newest, share)
    return Found(locked, messages, due, is_full=not found.is_all or len(timed) == _MOST)


def _repair(connection: Connection, timed: Sequence[NumberKey], now: datetime, share: Share | None) -> bool:
    """Make conversations anew that were purged while a message came in. Return True if there were any."""
    numbers = [*timed, *waiting.numbers_without_conversation(connection, now, _MOST, share)]
    return conversations.open_conversations(connection, [msisdn for _, msisdn in numbers]) > 0


def find_one(connection: Connection, number: NumberKey, now: datetime, *, wait: bool = False) -> Found:
    """Lock one number, and read its first due message, or else its due timers.

    ``wait``: until another worker or a management call lets the number go. Else it is left out while it is locked.
    """
    locked = conversations.lock_conversations(connection, [number], wait=wait)
    if not locked:
        return Found()
    messages = waiting.first_of(connection, number, now)
    return Found(locked, messages, [] if messages else timers.due_of(connection, [number], now))


def due_numbers(connection: Connection, now: datetime, share: Share | None = None) -> list[NumberKey]:
    """Return numbers of a share that have something due, each once."""
    pending = waiting.pending_numbers(connection, now, _MOST, share)
    numbers = [*pending, *timers.due_numbers(connection, now, _MOST, share)]
    return list(dict.fromkeys(numbers))
