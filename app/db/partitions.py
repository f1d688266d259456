"""Partitions of the tables of messages, by id and so by time (PostgreSQL): which there are, make them, drop them.

Each table has a default partition as well, so that a row always finds a place (ADR 28).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Connection, Table, column, func, select, text
from sqlalchemy import table as table_named
from sqlalchemy.exc import DBAPIError

from app.db import inbound_keys
from app.db.columns import UPDATED_IN_PLACE
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.message_parts import message_part
from app.db.outbound_messages import outbound_message
from app.db.reports import delivery_report
from app.db.retention import delete_of
from app.db.simulator import simulator_message
from app.domain.ids import MILLISECOND_BITS, first_at
from app.domain.values import value

# In the order in which partitions are dropped: what belongs to messages after these. The column is that of the id.
COLUMNS = {
    delivery_report.name: "id",
    inbound_message.name: "id",
    outbound_message.name: "id",
    attempt.name: "message_id",
    message_part.name: "message_id",
}
OF_MESSAGES = (attempt.name, message_part.name)
# The end of all ids.
END = (1 << 63) - 1
_STORAGE = {outbound_message.name: UPDATED_IN_PLACE}
_DEFAULT = "default"
_IS_PARTITION = re.compile(f"({'|'.join(COLUMNS)})_({_DEFAULT}|[0-9]{{8}})")
_BOUND = re.compile(r"FROM \('(\d+)'\) TO \('(\d+)'\)")
# Everybody waits behind a statement that waits for such a lock.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
# Others hold the lock; or a row of that time is in the default partition.
_REFUSALS = ("55P03", "23514")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@value
class Partition:
    """A partition of a table, for the ids from ``since`` up to ``until``; the default one is from 0 to the end.

    ``rows`` is PostgreSQL's estimate; None: it has none yet.
    """

    table: str
    name: str
    since: int
    until: int
    rows: int | None

    @property
    def is_default(self) -> bool:
        """True for the partition of ids that belong to no other one."""
        return self.until == END


def is_partition(name: str) -> bool:
    """Return True for the name of a partition, of which the metadata of tables know nothing."""
    return _IS_PARTITION.fullmatch(name) is not None


def time_of(bound: int) -> datetime:
    """Return the time of an id that is the first of its millisecond, UTC."""
    return _EPOCH + timedelta(milliseconds=bound >> MILLISECOND_BITS)


_EXISTING = text(
    "SELECT parent.relname, part.relname, pg_get_expr(part.relpartbound, part.oid), part.reltuples"
    " FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent"
    " WHERE parent.relname = ANY(:tables) AND parent.relkind = 'p' AND parent.relnamespace = 'public'::regnamespace"
)


def existing(connection: Connection) -> list[Partition]:
    """Return the partitions, oldest first, the default ones last; none on SQLite."""
    if connection.dialect.name == "sqlite":
        return []
    found = []
    for table, name, bound, rows in connection.execute(_EXISTING, {"tables": list(COLUMNS)}):
        match = _BOUND.search(bound)
        since, until = (int(match[1]), int(match[2])) if match else (0, END)
        found.append(Partition(table, name, since, until, None if rows < 0 else int(rows)))
    places = list(COLUMNS)
    return sorted(found, key=lambda one: (one.is_default, one.since, places.index(one.table)))


def kept_whole_from(connection: Connection, table: Table, before: datetime) -> int:
    """Return the first id that a purge up to ``before`` (UTC) leaves alone, as its partition is dropped as a whole."""
    limit = first_at(before)
    ranges = [one for one in existing(connection) if one.table == table.name and not one.is_default]
    return min((one.since for one in ranges if one.until > limit), default=END)


# ---- making


def newest_in_defaults(connection: Connection) -> int | None:
    """Return the newest id in the default partitions; None if they are empty."""
    places = [(column(name, BigInteger), table_named(f"{table}_{_DEFAULT}")) for table, name in COLUMNS.items()]
    newest = [connection.execute(select(func.max(key)).select_from(part)).scalar() for key, part in places]
    return max((one for one in newest if one is not None), default=None)


def make(connection: Connection, since: int, until: int) -> bool:
    """Make the partitions of all tables for the ids from ``since`` up to ``until``.

    Return False if the tables are busy, or a default partition has such a row by now.
    """
    day = f"{time_of(since):%Y%m%d}"
    return _locked(
        connection,
        [
            f"CREATE TABLE {table}_{day} PARTITION OF {table} FOR VALUES FROM ({since}) TO ({until}){_storage(table)}"
            for table in COLUMNS
        ],
    )


def _storage(table: str) -> str:
    options = ", ".join(f"{name} = {setting}" for name, setting in _STORAGE.get(table, {}).items())
    return f" WITH ({options})" if options else ""


def _locked(connection: Connection, statements: Sequence[str]) -> bool:
    """Run statements that lock whole tables, all or none. Return False if others hold these for long."""
    try:
        with connection.begin_nested():
            for statement in (_LOCK_TIMEOUT, *statements):
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _REFUSALS:
            raise
        return False
    return True


# ---- dropping

# What keeps a partition, by its table: what waits, and dead letters; what is on its way, and what a question says; and
# the messages that rows belong to.
_OF_MESSAGES = ("SELECT 1 FROM outbound_message WHERE id >= {since} AND id < {until}",)
_ASKING = (
    "SELECT 1 FROM question JOIN {name} asks USING (bucket, msisdn)"
    " WHERE asks.question_id = question.id AND question.asked_at < {until_at}"
)
_STAYS = {
    inbound_message.name: (
        "SELECT 1 FROM {name} WHERE status = 'pending'",
        "SELECT 1 FROM {name} WHERE status = 'dead'",
    ),
    outbound_message.name: ("SELECT 1 FROM outbox WHERE id >= {since} AND id < {until}", _ASKING),
    attempt.name: _OF_MESSAGES,
    message_part.name: _OF_MESSAGES,
}


def has_keys(partition: Partition) -> bool:
    """Return True if rows of other tables may belong to the messages of a partition."""
    return partition.table in (inbound_message.name, outbound_message.name)


def must_stay(connection: Connection, partition: Partition) -> bool:
    """Return True if a partition holds messages that are kept beyond their retention."""
    given = {
        "name": partition.name,
        "since": partition.since,
        "until": partition.until,
        "until_at": (partition.until >> MILLISECOND_BITS) * 1000,
    }
    queries = [query.format_map(given) for query in _STAYS.get(partition.table, ())]
    return any(connection.exec_driver_sql(f"{query} LIMIT 1").first() for query in queries)


def forget(connection: Connection, partition: Partition, after: int, limit: int) -> int | None:
    """Delete what lies elsewhere and belongs to the next ``limit`` messages behind the id ``after``.

    Return the last one's id; None if there are none left.
    """
    names = inbound_keys.NAMES if partition.table == inbound_message.name else ("bucket", "id")
    key = column("id", BigInteger)
    part = table_named(partition.name, *map(column, names))
    page = select(part).where(key > after).order_by(key).limit(limit)
    rows = [{str(name): row[name] for name in names} for row in connection.execute(page).mappings()]
    if not rows:
        return None
    if partition.table == inbound_message.name:
        inbound_keys.remove(connection, rows)
    delete_of(connection, rows, simulator_message)
    return int(rows[-1]["id"])


def drop(connection: Connection, partition: Partition) -> bool:
    """Drop a partition with all its rows. Return False if it must stay, or if the table is busy."""
    lock = f"LOCK TABLE {partition.table} IN ACCESS EXCLUSIVE MODE"
    if not _locked(connection, [lock]) or must_stay(connection, partition):
        return False
    return _locked(connection, [f"DROP TABLE {partition.name}"])
