"""Worker numbers: each process that makes ids leases one, which keeps its ids apart from others' (ADR 23)."""

from datetime import datetime
from functools import cache

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    SmallInteger,
    Table,
    Text,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable

from app.db.columns import metadata, required
from app.db.types import Instant
from app.domain.ids import WORKERS
from app.domain.storage import StorageUnavailableError

# ``leased_until`` is by the machine's clock: no id under the number is of that time or later. Rows are never deleted.
worker = Table(
    "worker",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    *required(Text, "owner"),
    *required(Instant, "leased_until"),
)
_worker = worker.c
_OWNER: BindParameter[str] = bindparam("holder")
_NOW, _UNTIL = bindparam("now", type_=Instant), bindparam("until", type_=Instant)


@cache
def _take(dialect: str) -> Executable:
    """Return the statement that takes the lowest number that lapsed, else the first that nobody had.

    It returns no row if another process took that number meanwhile.
    """
    lapsed = _worker.leased_until <= _NOW
    lowest = func.coalesce(func.min(case((lapsed, _worker.number))), func.max(_worker.number) + literal_column("1"), 0)
    free = select(lowest.label("number")).subquery("free")
    chosen = select(free.c.number, _OWNER, _UNTIL).where(free.c.number < WORKERS)
    insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(worker).from_select(
        list(_worker.keys()), chosen
    )
    taken = {"owner": insert.excluded.owner, "leased_until": insert.excluded.leased_until}
    return insert.on_conflict_do_update(index_elements=["number"], set_=taken, where=lapsed).returning(_worker.number)


def take(connection: Connection, owner: str, now: datetime, until: datetime) -> int:
    """Lease a free worker number until ``until``, and return it. Raise StorageUnavailableError if all are leased."""
    statement, given = _take(connection.dialect.name), {"holder": owner, "now": now, "until": until}
    for _ in range(WORKERS):
        found: int | None = connection.execute(statement, given).scalar()
        if found is not None:
            return found
    raise StorageUnavailableError("all worker numbers are leased")


_KEEP = update(worker).where(_worker.number == bindparam("held"), _worker.owner == _OWNER).values(leased_until=_UNTIL)


def keep(connection: Connection, number: int, owner: str, until: datetime) -> bool:
    """Set the end of a lease. Return False if another owner has the number now."""
    return connection.execute(_KEEP, {"held": number, "holder": owner, "until": until}).rowcount == 1


def others_hold(connection: Connection, owner: str, now: datetime) -> bool:
    """Return True if another process holds a worker number at ``now``."""
    held = exists().where(_worker.owner != owner, _worker.leased_until > now)
    return bool(connection.execute(select(held)).scalar_one())
