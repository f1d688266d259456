"""Citus: the tables on several PostgreSQL servers, with all rows of a number in one shard (ADR 31).

A statement may read and change rows of any shards, but lock those of one only. So what locks rows goes piece by piece:
a piece is the buckets of a shard. Elsewhere all buckets are one piece, and nothing is done twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry

from app.domain.msisdn import BUCKETS

_T = TypeVar("_T")
# The buckets of a shard, in order.
Piece = tuple[int, ...]
_ATTRIBUTE = "smsgw_pieces"
# The table whose shards the rows of all others lie beside.
FIRST = "conversation"
IS_THERE = "SELECT count(*) FROM pg_extension WHERE extname = 'citus'"
DISTRIBUTED = "SELECT logicalrelid::regclass::text FROM pg_dist_partition"
_PIECES = """
SELECT array_agg(bucket ORDER BY bucket) FROM (
    SELECT bucket, get_shard_id_for_distribution_column(%(first)s, bucket::smallint) AS shard
    FROM generate_series(0, %(last)s) AS bucket
) AS each GROUP BY shard ORDER BY shard
"""
# Settings of sessions. Statements that change rows of several shards do not wait for each other: rows are locked in one
# order, and a transaction that loses a deadlock is run again. A plan for any buckets could not name their shard.
SETTINGS: Mapping[str, str] = {
    "citus.enable_deadlock_prevention": "off",
    "citus.all_modifications_commutative": "on",
    "plan_cache_mode": "auto",
}


def learn_pieces(engine: Engine, *, pooled: bool = False) -> None:
    """Have each new connection of a PostgreSQL engine find out whether the tables are distributed.

    Its session gets the settings for that, but not if it is ``pooled``: then each transaction needs them.
    """

    @event.listens_for(engine, "connect")
    def learn(driver: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = driver.cursor()
        found = _pieces(cursor)
        setattr(engine.dialect, _ATTRIBUTE, found)
        for name, to in SETTINGS.items() if found and not pooled else ():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, to))
        cursor.close()
        driver.commit()


def _pieces(cursor: DBAPICursor) -> tuple[Piece, ...]:
    def ask(sql: str, given: Mapping[str, object] | None = None) -> list[Any]:
        cursor.execute(sql, given)
        return [row[0] for row in cursor.fetchall()]

    if ask(IS_THERE) == [0] or FIRST not in ask(DISTRIBUTED):
        return ()
    return tuple(map(tuple, ask(_PIECES, {"first": FIRST, "last": BUCKETS - 1})))


def is_distributed(dialect: Dialect) -> bool:
    """Return True if the tables of a database are distributed."""
    return bool(getattr(dialect, _ATTRIBUTE, ()))


def pieces(connection: Connection, share: Piece | None = None) -> Sequence[Piece | None]:
    """Return the pieces of a share, in one order for all; None: all buckets."""
    found: tuple[Piece, ...] = getattr(connection.dialect, _ATTRIBUTE, ())
    if not found:
        return [share]
    if share is None:
        return found
    ours = set(share)
    return [piece for piece in (tuple(sorted(ours.intersection(one))) for one in found) if piece]


def pieces_with(connection: Connection, buckets: Iterable[int]) -> Sequence[Piece | None]:
    """Return the pieces that have any of these buckets; where all are one piece: that."""
    return pieces(connection, tuple(set(buckets))) if is_distributed(connection.dialect) else [None]


def by_piece(engine: Engine, items: Sequence[_T], bucket_of: Callable[[_T], int]) -> list[list[int]]:
    """Return the places of items, grouped by the pieces of their buckets, in their order."""
    found: tuple[Piece, ...] = getattr(engine.dialect, _ATTRIBUTE, ())
    if not found:
        return [list(range(len(items)))]
    piece_of = {bucket: piece for piece, buckets in enumerate(found) for bucket in buckets}
    groups: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        groups.setdefault(piece_of[bucket_of(item)], []).append(place)
    return list(groups.values())
