"""The row of state that all processes share: environment, catalogue version, the gateway's clock, simulated faults."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    SmallInteger,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)

from app.db.clock import SERVER_MICROS, clock_of
from app.db.columns import metadata
from app.db.readers import RowReader
from app.db.rows import fetch
from app.db.types import Instant
from app.domain.simulation import MILLION, FaultMode, SimulatedReport
from app.domain.values import value

# One row: the state that all processes share. ``environment`` marks a database that may be reset. ``head_keys`` are the
# ids of all keys that sign heads of evidence chains; NULL: some heads are older than signing. ``oldest_program`` is the
# newest revision that a program must know to work on this schema. ``place``: where it lies (``restoring.py``).
gateway_state = Table(
    "gateway_state", metadata, Column("id", SmallInteger, primary_key=True),
    Column("environment", Text, nullable=False), Column("catalogue_version", BigInteger, nullable=False),
    Column("clock_frozen_at", Instant), Column("clock_fresh", Boolean, nullable=False),
    Column("clock_ahead", BigInteger, nullable=False, server_default="0"),
    Column("fault_mode", Text, nullable=False), Column("fault_rate_ppm", Integer, nullable=False),
    Column("fault_count", Integer),
    Column("report_status", Text, nullable=False), Column("report_delay_seconds", Integer, nullable=False),
    Column("head_keys", Text), Column("oldest_program", Text, nullable=False), Column("place", Text),
)  # fmt: skip

_ID = 1
_DEFAULTS: dict[str, object] = {
    "clock_frozen_at": None,
    "clock_fresh": True,
    "clock_ahead": 0,
    "fault_mode": FaultMode.OK.value,
    "fault_rate_ppm": 1_000_000,
    "fault_count": None,
    "report_status": SimulatedReport.DELIVERED.value,
    "report_delay_seconds": 0,
}


@value
class GatewayState:
    """The state that all processes share.

    Attributes:
        environment: production, dev, demo or test: what the database was initialised for.
        catalogue_version: counts changes of SPs and services, and resets.
        clock_frozen_at: the gateway's time while its clock is frozen, UTC; None: it runs with the database's.
        clock_ahead: by how many microseconds it is ahead of the database's while it runs; less than 0: behind it.
        clock_fresh: the clock was not frozen since the reset, so it may still be set back.
        fault_mode: how the simulated network answers.
        fault_rate_ppm: how many of a million messages the fault hits.
        fault_count: how many messages the fault still hits; None: no end.
        report_status: the status that the simulated network reports of its messages.
        report_delay_seconds: how long after a message its report is sent.
        read_at: the database's time when this was read, UTC.
    """

    environment: str
    catalogue_version: int
    clock_frozen_at: datetime | None
    clock_fresh: bool
    clock_ahead: int
    fault_mode: FaultMode
    fault_rate_ppm: int
    fault_count: int | None
    report_status: SimulatedReport
    report_delay_seconds: int
    read_at: datetime

    @property
    def now(self) -> datetime:
        """The gateway's time when this was read, UTC."""
        return self.clock_frozen_at or self.read_at + timedelta(microseconds=self.clock_ahead)

    @property
    def fault_rate(self) -> float:
        """The share of messages that the fault hits, from 0 to 1."""
        return self.fault_rate_ppm / MILLION


_STATE = RowReader(GatewayState, gateway_state, "read_at")
_CURRENT = select(*_STATE.columns).where(gateway_state.c.id == _ID)
_CURRENT_AND_TIME = _CURRENT.add_columns(SERVER_MICROS)


def read_state(connection: Connection) -> GatewayState | None:
    """Return the state; None in a database that no gateway has used yet."""
    clock = clock_of(connection)
    if connection.dialect.name == "sqlite":
        found = fetch(connection, _CURRENT, {})
        return _STATE.read(found[0], clock()) if found else None
    asked = clock.ask()
    found = fetch(connection, _CURRENT_AND_TIME, {})
    return _STATE.read(found[0], clock.learn(found[0][-1], asked)) if found else None


def environment_of(connection: Connection) -> str | None:
    """Return the environment that a database is marked with, or None; works with older schemas too."""
    state = gateway_state.c
    found: str | None = connection.execute(select(state.environment).where(state.id == _ID)).scalar()
    return found


def current_state(connection: Connection) -> GatewayState:
    """Return the state. Raise LookupError in a database that no gateway has used yet."""
    state = read_state(connection)
    if state is None:
        message = "the database was not opened by a gateway yet"
        raise LookupError(message)
    return state


def oldest_program(connection: Connection) -> str | None:
    """Return the revision that a program must know to work on a schema that may be newer, or None."""
    state = gateway_state.c
    found: str | None = connection.execute(select(state.oldest_program).where(state.id == _ID)).scalar()
    return found


def initialise_state(connection: Connection, environment: str, head_key: str, revision: str) -> None:
    """Mark an empty database with its environment, the key that signs heads of chains, and its schema's revision."""
    connection.execute(
        insert(gateway_state).values(
            id=_ID,
            environment=environment,
            catalogue_version=0,
            head_keys=head_key,
            oldest_program=revision,
            **_DEFAULTS,
        )
    )


def head_keys(connection: Connection) -> list[str] | None:
    """Return the ids of all keys that sign heads of chains; None if some heads are older than signing."""
    state = gateway_state.c
    found = connection.execute(select(state.head_keys).where(state.id == _ID)).scalar_one()
    return None if found is None else found.split()


def set_head_keys(connection: Connection, ids: Iterable[str]) -> None:
    """Store the ids of the keys that sign heads."""
    set_state(connection, head_keys=" ".join(ids))


def set_state(connection: Connection, **values: object) -> None:
    """Set columns of the state."""
    connection.execute(update(gateway_state).where(gateway_state.c.id == _ID).values(values))


_LOCK = select(gateway_state.c.id).where(gateway_state.c.id == _ID).with_for_update()


def lock_catalogue(connection: Connection) -> None:
    """Lock the catalogue against other writers until the transaction ends."""
    connection.execute(_LOCK)


def bump_catalogue(connection: Connection) -> None:
    """Increment the catalogue's version, by which processes notice changes; it never goes back, not even on a reset."""
    version = gateway_state.c.catalogue_version
    connection.execute(update(gateway_state).where(gateway_state.c.id == _ID).values(catalogue_version=version + 1))


def reset_state(connection: Connection) -> None:
    """Reset clock and simulated faults, and invalidate cached catalogues."""
    set_state(connection, **_DEFAULTS)
    bump_catalogue(connection)


_FREEZE = (
    update(gateway_state)
    .where(gateway_state.c.id == _ID)
    .values(clock_frozen_at=bindparam("at", type_=Instant), clock_fresh=False)
)


def freeze_clock(connection: Connection, at: datetime) -> None:
    """Freeze the gateway's clock at an instant."""
    fetch(connection, _FREEZE, {"at": at})


def let_clock_run(connection: Connection) -> None:
    """Let the gateway's clock run on from where it stands; one that runs goes on as it does."""
    state = current_state(connection)
    if state.clock_frozen_at is not None:
        ahead = (state.clock_frozen_at - state.read_at) // timedelta(microseconds=1)
        set_state(connection, clock_frozen_at=None, clock_ahead=ahead)
