"""What becomes of messages and timers whose turn raises: each hurts only itself (delivery.md 5; safety.md 32)."""

from datetime import timedelta

from sqlalchemy import Connection

from app import observability
from app.commands.tickets.dead_letters import give_up
from app.db import inbox, timers
from app.db.inbox import StoredMessage
from app.db.state import current_state
from app.db.timers import StoredTimer
from app.domain.turn import Turn
from app.domain.values import replace
from app.services.turns.unit_of_work import PendingAccount, UnitOfWork, Waiting

_TRIES = 3
_PAUSE = timedelta(hours=1)
log = observability.logger(__name__)


def poisoned(entry: PendingAccount, turn: Turn, waiting: Waiting, work: UnitOfWork, error: Exception) -> None:
    """Count a try of what raised: a timer is tried in an hour, a message at once, and the third time it is dead."""
    observability.POISONED.inc()
    source, trace = waiting.source, observability.trace_of(error)
    log.error("a turn failed", stimulus=type(waiting.stimulus).__name__, trace=trace)
    if isinstance(source, StoredTimer):
        work.postpone(source, turn.now + _PAUSE)
        return
    if not isinstance(source, StoredMessage):
        raise error
    tries = source.tries + 1
    if tries < _TRIES:
        work.fail(source, "pending", tries, trace, turn.now)
        entry.queue.clear()  # her later messages wait until this one is done or dead
        return
    observability.DEAD_LETTERS.inc()
    # Without its source: the message is not handled, and keeps what is sealed for a retry.
    given_up = give_up(turn)
    work.take(entry, turn, replace(waiting, source=None), given_up)
    tenure = entry.tenure if given_up.former_tenure is None else given_up.former_tenure
    work.fail(source, "dead", tries, trace, turn.now, tenure)


def set_aside(connection: Connection, *, key: inbox.Key, trace: str) -> None:
    """Let a number wait whose account cannot be read: tried every hour, and the third time its messages are dead.

    Nobody can answer her then, but staff find her messages among the dead letters, to be run again.
    """
    now = current_state(connection).now
    dead = inbox.postpone_pending(connection, key, now + _PAUSE, _TRIES, trace, now)
    observability.DEAD_LETTERS.inc(dead)
    timers.postpone_all(connection, key, now + _PAUSE)
