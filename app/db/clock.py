"""One clock for all processes of a database: its server's on PostgreSQL, the machine's on SQLite (ADR 27).

Leases, ids and everything else that two processes compare follow this clock. It is not the gateway's clock, which may
stand still (``state.now``).
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Connection, Engine, event, literal_column
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from app.domain.values import value

_MICROS = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
# PostgreSQL's time in microseconds since the Unix epoch.
SERVER_MICROS = literal_column(_MICROS, BigInteger)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Two clocks that nobody sets drift apart by less than one part in so many.
_DRIFT = 5_000
_KEY = "clock"


def machine_micros() -> int:
    """Return the machine's time in microseconds since the Unix epoch."""
    return time.time_ns() // 1_000


def _steady_micros() -> int:
    return time.monotonic_ns() // 1_000


@value
class _Bounds:
    """The least and the most that the server's clock was ahead of the steady one at an instant of the latter."""

    low: int
    high: int
    at: int


class Clock:
    """The time of a database. It is thread-safe.

    The time between a question to the server and its answer bounds how far its clock is ahead of this process's steady
    clock, so each answer narrows what is known. Before the first answer it is the machine's time.
    """

    def __init__(self, machine: Callable[[], int] = machine_micros) -> None:
        """``machine`` returns microseconds since the Unix epoch."""
        self._machine = machine
        self._lock = threading.Lock()
        self._bounds: _Bounds | None = None
        self._machine_before = machine() - _steady_micros()

    def __call__(self) -> datetime:
        """Return the time, UTC."""
        return _EPOCH + timedelta(microseconds=self.micros())

    def micros(self) -> int:
        """Return the time in microseconds since the Unix epoch.

        It is not before any time that the server has answered. It may go back by the inaccuracy of the answers.
        """
        bounds = self._bounds
        if bounds is None:
            return self._machine()
        return _steady_micros() + (bounds.low + bounds.high) // 2

    def machine_ahead(self) -> timedelta:
        """Return how far the machine's clock is ahead of the server's; before the first answer, how far it was set."""
        bounds = self._bounds
        right = self._machine_before if bounds is None else (bounds.low + bounds.high) // 2
        return timedelta(microseconds=self._machine() - _steady_micros() - right)

    def trust_machine(self) -> None:
        """Take the machine's time as right from now on, if no server tells another."""
        self._machine_before = self._machine() - _steady_micros()

    def ask(self) -> int:
        """Return an instant of the steady clock, to be handed to ``learn`` with the answer to a question."""
        return _steady_micros()

    def learn(self, server: int, asked: int) -> datetime:
        """Note the server's time, which it read after ``asked`` and before now. Return that time, UTC."""
        answered = _steady_micros()
        low, high = server - answered, server - asked
        with self._lock:
            known = self._bounds
            if known is not None:
                drift = (answered - known.at) // _DRIFT + 1
                narrow = max(low, known.low - drift), min(high, known.high + drift)
                # Where they contradict each other, the server's clock was set, or it is another server.
                low, high = narrow if narrow[0] <= narrow[1] else (low, high)
            self._bounds = _Bounds(low, high, answered)
        return _EPOCH + timedelta(microseconds=server)


def set_clock(engine: Engine, clock: Clock) -> None:
    """Give an engine its clock. On PostgreSQL each new connection asks the server, before anything else is done."""
    asks = engine.dialect.name == "postgresql"

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info[_KEY] = clock
        if asks:
            cursor = connection.cursor()
            asked = clock.ask()
            cursor.execute(f"SELECT {_MICROS}")
            [(server,)] = cursor.fetchall()
            clock.learn(server, asked)
            cursor.close()
            connection.rollback()


def clock_of(connection: Connection) -> Clock:
    """Return the clock of the database."""
    found: Clock = connection.info[_KEY]
    return found
