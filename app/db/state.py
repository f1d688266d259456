"""The one row that all processes agree on: environment, catalogue version, the simulator's clock and faults."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from app.db import tables
from app.db.rows import fetch, raw
from app.db.types import Instant, from_micros
from app.domain.values import value

_ID = 1
_STATE = select(*map(raw, tables.gateway_state.c)).where(tables.gateway_state.c.id == _ID)
_DEFAULTS: dict[str, object] = {
    "clock_frozen_at": None,
    "clock_fresh": True,
    "fault_mode": "ok",
    "fault_rate_ppm": 1_000_000,
    "fault_count": None,
    "report_status": "delivered",
    "report_delay_seconds": 0,
}
MILLION = 1_000_000


@value
class GatewayState:
    """``clock_fresh``: nothing has happened since the reset, so the clock may still be set back."""

    environment: str
    catalogue_version: int
    clock_frozen_at: datetime | None
    clock_fresh: bool
    fault_mode: str
    fault_rate_ppm: int
    fault_count: int | None
    report_status: str
    report_delay_seconds: int

    @property
    def now(self) -> datetime:
        """The gateway's time: the frozen one, else the machine's (UTC)."""
        return self.clock_frozen_at or datetime.now(UTC)


def read_state(connection: Connection) -> GatewayState | None:
    """The state, or None in a database that no gateway has used yet."""
    found = fetch(connection, _STATE, {})
    if not found:
        return None
    (_, environment, version, frozen, fresh, mode, rate, count, report, delay, _) = found[0]
    frozen_at = None if frozen is None else from_micros(frozen)
    return GatewayState(environment, version, frozen_at, bool(fresh), mode, rate, count, report, delay)


def environment_of(connection: Connection) -> str | None:
    """The environment that a database is marked with, also by an older schema."""
    state = tables.gateway_state.c
    found: str | None = connection.execute(select(state.environment).where(state.id == _ID)).scalar()
    return found


def current_state(connection: Connection) -> GatewayState:
    """The state of a database in use; LookupError if it is not in use yet."""
    state = read_state(connection)
    if state is None:
        message = "the database was not opened by a gateway yet"
        raise LookupError(message)
    return state


def initialise_state(connection: Connection, environment: str, head_key: str) -> None:
    """Mark an empty database as belonging to an environment, its evidence to be signed with the key of this id."""
    connection.execute(
        insert(tables.gateway_state).values(
            id=_ID, environment=environment, catalogue_version=0, head_keys=head_key, **_DEFAULTS
        )
    )


def head_keys(connection: Connection) -> list[str] | None:
    """The ids of all keys by which heads of chains are signed; None where there are heads from before."""
    state = tables.gateway_state.c
    found = connection.execute(select(state.head_keys).where(state.id == _ID)).scalar_one()
    return None if found is None else found.split()


def set_head_keys(connection: Connection, ids: Iterable[str]) -> None:
    """By which keys heads are signed from now on."""
    set_state(connection, head_keys=" ".join(ids))


def set_state(connection: Connection, **values: object) -> None:
    """Change some of the fields."""
    connection.execute(update(tables.gateway_state).where(tables.gateway_state.c.id == _ID).values(values))


_LOCK = select(tables.gateway_state.c.id).where(tables.gateway_state.c.id == _ID).with_for_update()


def lock_catalogue(connection: Connection) -> None:
    """Let nobody else change SPs or services until this transaction ends."""
    connection.execute(_LOCK)


def bump_catalogue(connection: Connection) -> None:
    """Tell every process that SPs or services changed; the version never goes back, not even on a reset."""
    version = tables.gateway_state.c.catalogue_version
    connection.execute(
        update(tables.gateway_state).where(tables.gateway_state.c.id == _ID).values(catalogue_version=version + 1)
    )


def reset_state(connection: Connection) -> None:
    """Clock running free, network well; everything cached is stale."""
    set_state(connection, **_DEFAULTS)
    bump_catalogue(connection)


_FREEZE = (
    update(tables.gateway_state)
    .where(tables.gateway_state.c.id == _ID)
    .values(clock_frozen_at=bindparam("at", type_=Instant), clock_fresh=False)
)


def freeze_clock(connection: Connection, at: datetime) -> None:
    """Stop the gateway's clock at an instant."""
    connection.execute(_FREEZE, {"at": at})
