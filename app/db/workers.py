"""Worker numbers, which keep the ids of processes apart (ADR 23), and which of their processes are alive (ADR 29)."""

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
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.base import Executable

from app.db.columns import metadata, optional, required
from app.db.rows import insert_of
from app.db.types import Instant
from app.domain.ids import WORKERS
from app.domain.storage import StorageUnavailableError
from app.domain.values import value

# ``leased_until`` is by the database's clock: no id under the number is of that time or later. Rows are never deleted.
# ``seen_at``, by the same clock, is when the process last said that it is alive; NULL: it has ended. ``roles`` and
# ``providers`` are lists of words, with blanks between; so is ``handed_back``, of buckets.
worker = Table(
    "worker",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    *required(Text, "owner"),
    *required(Instant, "leased_until"),
    Column("seen_at", Instant),
    *optional(Text, "host", "roles", "providers", "version", "handed_back"),
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
    insert = insert_of(dialect)(worker).from_select(["number", "owner", "leased_until"], chosen)
    taken = {"owner": insert.excluded.owner, "leased_until": insert.excluded.leased_until, "seen_at": None}
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


# ---- which processes are alive


@value
class Process:
    """A process that is alive.

    Attributes:
        number: its worker number.
        roles: what it does: ``web``, ``worker``.
        providers: the providers that it can send through.
        handed_back: buckets that it leaves to processes of a newer program.
        seen_at: when it last said that it is alive, UTC, by the database's clock.
    """

    number: int
    host: str
    roles: frozenset[str]
    providers: frozenset[str]
    version: str
    handed_back: frozenset[int]
    seen_at: datetime


_ALIVE = (
    select(
        _worker.number,
        _worker.host,
        _worker.roles,
        _worker.providers,
        _worker.version,
        func.coalesce(_worker.handed_back, ""),
        _worker.seen_at,
    )
    .where(_worker.seen_at > bindparam("since", type_=Instant))
    .order_by(_worker.number)
)


def alive(connection: Connection, since: datetime) -> list[Process]:
    """Return the processes that were seen after ``since``, by the database's clock."""
    found = connection.execute(_ALIVE, {"since": since})
    return [
        Process(
            number,
            host,
            frozenset(roles.split()),
            frozenset(providers.split()),
            version,
            frozenset(map(int, handed_back.split())),
            seen_at,
        )
        for number, host, roles, providers, version, handed_back, seen_at in found
    ]


def announce(connection: Connection, owner: str, process: Process) -> bool:
    """Say that a process is alive. Return False if another owner has its number now."""
    said = {
        "host": process.host,
        "roles": " ".join(sorted(process.roles)),
        "providers": " ".join(sorted(process.providers)),
        "version": process.version,
        "handed_back": " ".join(map(str, sorted(process.handed_back))),
        "seen_at": process.seen_at,
    }
    mine = (_worker.number == process.number, _worker.owner == owner)
    return connection.execute(update(worker).where(*mine).values(said)).rowcount == 1


def leave(connection: Connection, owner: str) -> None:
    """Say that the process of an owner has ended."""
    connection.execute(update(worker).where(_worker.owner == owner).values(seen_at=None))
