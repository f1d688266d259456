"""Providers' rows: locked by claims of their messages, they hold the state of the circuit breaker (delivery.md 11)."""

from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Column, Connection, Integer, Table, Text, bindparam, func, select, update
from sqlalchemy.sql.dml import Insert

from app.db.columns import metadata, optional
from app.db.readers import RowReader
from app.db.rows import AnySelect, fetch, insert_of
from app.db.types import Instant
from app.domain.values import value

# A claim of a provider's messages locks its row, so that two workers never send one subscriber's out of order. So do
# the commits that record its ids of messages, and those that park reports of ids that nobody knows. The row also holds
# the circuit breaker's state (NULL: closed).
provider_lane = Table(
    "provider_lane", metadata, Column("provider", Text, primary_key=True),
    *optional(Integer, "failures", "openings"), *optional(Instant, "paused_until"),
)  # fmt: skip

LONGEST_PAUSE = timedelta(hours=1)
_provider = provider_lane


@value
class Circuit:
    """The state of a provider's circuit breaker, shared by all processes.

    Attributes:
        failures: the number of failed attempts in a row.
        openings: how often the circuit opened since an attempt last succeeded.
        paused_until: nothing is sent before; UTC, by the gateway's clock.
    """

    failures: int = 0
    openings: int = 0
    paused_until: datetime | None = None


_CIRCUIT = RowReader(
    Circuit,
    _provider,
    failures=func.coalesce(_provider.c.failures, 0),
    openings=func.coalesce(_provider.c.openings, 0),
)


@cache
def _one(dialect: str) -> AnySelect:
    found = select(*_CIRCUIT.columns).where(_provider.c.provider == bindparam("name"))
    return found if dialect == "sqlite" else found.with_for_update()


@cache
def _make(dialect: str) -> Insert:
    make = insert_of(dialect)
    return make(_provider).values(provider=bindparam("name")).on_conflict_do_nothing().returning(_provider.c.provider)


def lock(connection: Connection, provider: str) -> Circuit:
    """Lock a provider's row and return its circuit.

    Two claims at a time would send the messages of one subscriber out of order.
    """
    statement = _one(connection.dialect.name)
    found = fetch(connection, statement, {"name": provider})
    if not found:
        connection.execute(_make(connection.dialect.name), {"name": provider})
        found = fetch(connection, statement, {"name": provider})
    return _CIRCUIT.read(found[0])


_SAVE = (
    update(_provider)
    .where(_provider.c.provider == bindparam("name"))
    .values(
        failures=bindparam("new_failures"),
        openings=bindparam("new_openings"),
        paused_until=bindparam("until", type_=Instant),
    )
)


def save(connection: Connection, provider: str, circuit: Circuit) -> None:
    """Save the state of a circuit; the caller has locked the row."""
    given = {
        "name": provider,
        "new_failures": circuit.failures,
        "new_openings": circuit.openings,
        "until": circuit.paused_until,
    }
    fetch(connection, _SAVE, given)


_ALL = select(*_CIRCUIT.columns, _provider.c.provider)


def circuits(connection: Connection) -> dict[str, Circuit]:
    """Return the circuits of all providers that ever sent a message, by name."""
    return {row[-1]: _CIRCUIT.read(row) for row in fetch(connection, _ALL, {})}


_RESET = update(_provider).values(failures=None, openings=None, paused_until=None)


def reset(connection: Connection) -> None:
    """Close all circuits."""
    connection.execute(_RESET)
