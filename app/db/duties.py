"""Duties: what one process alone may do. The row of a duty is its lease (ADR 29)."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Connection,
    Integer,
    Table,
    Text,
    bindparam,
    case,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql.base import Executable

from app.db.clock import clock_of
from app.db.columns import metadata, optional, required
from app.db.rows import insert_of
from app.db.types import Instant
from app.domain.values import value

# ``leased_until`` is by the database's clock. ``term`` counts the owners: one that was asleep finds a higher one. The
# other columns are of binds alone (see ``binds.py``).
duty = Table(
    "duty",
    metadata,
    Column("name", Text, primary_key=True),
    *required(Text, "owner"),
    *required(Instant, "leased_until"),
    Column("term", Integer, nullable=False),
    *optional(Text, "state", "last_error"),
    Column("since", Instant),
    Column("epoch", BigInteger),
)
_duty = duty.c
_NAME: BindParameter[str] = bindparam("duty")
_OWNER: BindParameter[str] = bindparam("holder")
_NOW, _UNTIL = bindparam("now", type_=Instant), bindparam("until", type_=Instant)


@cache
def _take(dialect: str) -> Executable:
    """Return the statement that takes a duty or keeps it. It returns no row while another one has it."""
    insert = insert_of(dialect)(duty).values(name=_NAME, owner=_OWNER, leased_until=_UNTIL, term=literal_column("1"))
    is_own = _duty.owner == insert.excluded.owner
    changed = {
        "owner": insert.excluded.owner,
        "leased_until": insert.excluded.leased_until,
        "term": case((is_own, _duty.term), else_=_duty.term + literal_column("1")),
    }
    free = or_(is_own, _duty.leased_until <= _NOW)
    return insert.on_conflict_do_update(index_elements=["name"], set_=changed, where=free).returning(_duty.term)


def take(connection: Connection, name: str, owner: str, now: datetime, until: datetime) -> int | None:
    """Take a duty, or keep it, until ``until``. Return its term; None if another owner has it."""
    given = {"duty": name, "holder": owner, "now": now, "until": until}
    term: int | None = connection.execute(_take(connection.dialect.name), given).scalar()
    return term


def touch(connection: Connection) -> None:
    """Write the row of a duty that nobody has, to show that the database can be written."""
    now = clock_of(connection)()
    take(connection, "writing", "health", now, now)


def give_up(connection: Connection, names: Sequence[str], owner: str, now: datetime) -> None:
    """End the leases of an owner on duties."""
    if names:
        mine = (_duty.name.in_(names), _duty.owner == owner)
        connection.execute(update(duty).where(*mine).values(leased_until=now))


def is_held(connection: Connection, name: str, owner: str, term: int) -> bool:
    """Return True if an owner still has a duty in a term; nobody can take it before the transaction ends."""
    mine = (_duty.name == name, _duty.owner == owner, _duty.term == term)
    return connection.execute(select(_duty.term).where(*mine).with_for_update()).first() is not None


@value
class HeldDuty:
    """A duty whose lease has not lapsed; ``leased_until`` is by the database's clock, UTC."""

    name: str
    owner: str
    leased_until: datetime
    term: int


def held(connection: Connection, now: datetime) -> list[HeldDuty]:
    """Return the duties that somebody has, by name."""
    columns = (_duty.name, _duty.owner, _duty.leased_until, _duty.term)
    found = connection.execute(select(*columns).where(_duty.leased_until > now).order_by(_duty.name))
    return [HeldDuty(*row) for row in found]
