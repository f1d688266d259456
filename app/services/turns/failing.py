"""Retries and dead letters of messages and timers whose turn raises; others are not affected.

(delivery.md 5; safety.md 32)
"""

from datetime import timedelta

from sqlalchemy import Connection

from app import observability
from app.commands.tickets.dead_letters import give_up
from app.db import inbox, timers
from app.db.inbox import StoredMessage
from app.db.keys import NumberKey
from app.db.state import current_state
from app.db.timers import StoredTimer
from app.domain.turn import Turn
from app.domain.values import replace
from app.services.turns.pending import PendingAccount, QueuedStimulus
from app.services.turns.unit_of_work import UnitOfWork

_MAX_TRIES = 3
_RETRY_AFTER = timedelta(hours=1)
log = observability.logger(__name__)


def record_failure(
    entry: PendingAccount, turn: Turn, queued: QueuedStimulus, work: UnitOfWork, error: Exception
) -> None:
    """Record that a turn raised ``error``, and raise it again for a management call.

    A timer falls due again after an hour. A message is tried again at once; after its third try it is dead.
    """
    observability.POISONED.inc()
    source, trace = queued.source, observability.trace_of(error)
    log.error("a turn failed", stimulus=type(queued.stimulus).__name__, trace=trace)
    if isinstance(source, StoredTimer):
        work.postpone_timer(source, turn.now + _RETRY_AFTER)
        return
    if not isinstance(source, StoredMessage):
        raise error
    tries = source.tries + 1
    if tries < _MAX_TRIES:
        work.fail(source, tries, trace, turn.now)
        entry.queue.clear()  # the subscriber's later messages wait until this one is handled or dead
        return
    observability.DEAD_LETTERS.inc()
    # Without a source, so that the message is not marked as handled: its sealed text is needed for a retry.
    given_up = give_up(turn)
    work.add(entry, turn, replace(queued, source=None), given_up)
    tenure = entry.tenure if given_up.former_tenure is None else given_up.former_tenure
    work.fail(source, tries, trace, turn.now, tenure)


def set_aside(connection: Connection, *, key: NumberKey, trace: str) -> None:
    """Count a try of all due messages and timers of a number whose account cannot be read, and postpone them an hour.

    After three tries the messages are dead. The subscriber gets no answer, but staff find the messages among the dead
    letters and can retry them.
    """
    now = current_state(connection).now
    dead = inbox.postpone_pending(connection, key, now + _RETRY_AFTER, _MAX_TRIES, trace, now)
    observability.DEAD_LETTERS.inc(dead)
    timers.postpone_all(connection, key, now + _RETRY_AFTER)
