"""Sessions of PostgreSQL: how long statements, locks and dead connections are waited for, and a pooler in between.

Also what may be tried again of what it raises.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from app.db import distribution
from app.domain.storage import StorageUnavailableError
from app.domain.values import value

# How often a transaction is tried that PostgreSQL ends for a deadlock or as it cannot be serialized.
TRIES = 5
_LOST_TO_ANOTHER = ("40P01", "40001")
_SETTINGS: Mapping[str, str] = {
    # What PostgreSQL has counted of an empty queue says nothing of the full one, so it must not choose to read whole
    # tables (ADR 25). Where it must nevertheless, the high costs of that are no reason to compile the plan.
    "enable_seqscan": "off",
    "jit": "off",
    # One plan serves all executions of a prepared statement: which partitions are read is decided when it runs.
    "plan_cache_mode": "force_generic_plan",
    # Nothing waits without end, and a process that is stopped within a transaction holds its locks for no longer.
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
}
# A server that vanished, as in a failover, is found missing after 5 seconds when a connection is made, after 15 when
# something was sent, and after 25 while an answer is waited for.
NETWORK: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# A connection is replaced after so long, so that the load spreads anew over poolers and standbys that were promoted.
_RECYCLE_SECONDS = 900


@value
class Sessions:
    """How a process uses PostgreSQL.

    Attributes:
        connections: the most that a process has at a time, besides the one that hears notices; at least 2.
        pooled: a pooler in transaction mode is between, which has another server connection for each transaction.
        direct_url: where notices are heard if ``pooled``; None: nowhere, so each process looks once a second.
    """

    connections: int = 7
    pooled: bool = False
    direct_url: URL | None = None

    def notices_from(self, url: URL) -> URL | None:
        """Return where notices are heard, for a database at ``url``."""
        return self.direct_url if self.pooled else url


def make_postgresql_engine(url: URL, sessions: Sessions) -> Engine:
    """Return an engine whose transactions run with the limits of this module, each statement with a fresh snapshot.

    What is found under a lock must be the newest, so the isolation is READ COMMITTED, whatever the server's default is.
    Raise StorageUnavailableError without a driver.
    """
    options = " ".join(f"-c {name}={to}" for name, to in _SETTINGS.items())
    # A pooler refuses options, and does not know the statements that a session has prepared.
    own = {"prepare_threshold": None} if sessions.pooled else {"options": options}
    try:
        engine = create_engine(
            url,
            connect_args={**NETWORK, **own},
            isolation_level="READ COMMITTED",
            pool_size=sessions.connections,
            max_overflow=0,
            # The one used last, whose session has prepared what is asked again and again.
            pool_use_lifo=True,
            pool_recycle=_RECYCLE_SECONDS,
        )
    except ModuleNotFoundError:
        raise StorageUnavailableError("its driver is missing: install psycopg, as smsgw[postgresql] does") from None
    distribution.learn_pieces(engine, pooled=sessions.pooled)
    if sessions.pooled:
        event.listen(engine, "begin", _set_in_transaction)
    return engine


def _set_in_transaction(connection: Connection) -> None:
    further = distribution.SETTINGS if distribution.is_distributed(connection.dialect) else {}
    settings = {**_SETTINGS, **further}
    connection.exec_driver_sql(
        "SELECT " + ", ".join(f"set_config('{name}', '{to}', true)" for name, to in settings.items())
    )


def allow_long_statements(connection: Connection, *, locks_within_seconds: int = 5) -> None:
    """Let the statements of this transaction take as long as they need, such as those that build an index.

    ``locks_within_seconds``: how long each waits for a lock.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{locks_within_seconds}s'")


def may_be_tried_again(error: DBAPIError, *, was_sent_to_commit: bool) -> bool:
    """Return True if a transaction that failed had no effect, and may have succeeded but for others or the connection.

    Nobody knows what became of a commit whose answer was lost.
    """
    if getattr(error.orig, "sqlstate", None) in _LOST_TO_ANOTHER:
        return True
    return error.connection_invalidated and not was_sent_to_commit
