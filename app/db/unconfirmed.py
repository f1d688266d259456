"""MOs without an id of the carrier, until it is known that the carrier has our answer: it may send them again (ADR 32).

When the session has ended, an equal MO that comes in another one is a repeat. It uses up one of those that wait, and
waits itself, as its answer may be lost, too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from operator import itemgetter

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    delete,
    select,
    update,
)

from app.db import binds
from app.db.binds import BindState, Slot
from app.db.claims import remove_rows
from app.db.columns import QUEUE, metadata, required
from app.db.rows import AnySelect, Row, as_keys, given_keys, matching
from app.db.types import Id, Instant
from app.db.writing import insert_new_rows

_KEPT_FOR = timedelta(minutes=10)

# Few rows: those of sessions that ended, and of living ones the MOs of the last second or two. ``live_at``: when the
# session was last seen, by the database's clock.
inbound_unconfirmed = Table(
    "inbound_unconfirmed",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("provider", Text, nullable=False),
    Column("slot", SmallInteger, nullable=False),
    *required(BigInteger, "epoch", "sequence"),
    Column("fingerprint", Text, nullable=False),
    Column("id", Id, nullable=False),
    Column("live_at", Instant, nullable=False),
    PrimaryKeyConstraint("bucket", "provider", "slot", "epoch", "sequence"),
    sqlite_with_rowid=False,
    postgresql_with=QUEUE,
)
_table = inbound_unconfirmed.c
_KEY = ("bucket", "provider", "slot", "epoch", "sequence")
_CONTENT = ("bucket", "provider", "fingerprint")


@cache
def _equal(dialect: str) -> AnySelect:
    given = given_keys(dialect, inbound_unconfirmed, _CONTENT)
    return (
        select(inbound_unconfirmed)
        .join_from(inbound_unconfirmed, given, matching(inbound_unconfirmed, given, _CONTENT))
        .distinct()
    )


def _key_of(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in _KEY)


def _slot_of(row: Row) -> Slot:
    return Slot(str(row["provider"]), int(str(row["slot"])))


def recognise(connection: Connection, given: Sequence[Row], owner: str, now: datetime) -> list[str | None]:
    """Return the ids of the messages that MOs repeat; None for new ones.

    Args:
        connection: that of the transaction that stores them.
        given: the columns of the table but ``id`` and ``live_at``, in the order in which the MOs came.
        owner: this process. The sessions of its binds are noted as those that live now.
        now: by the database's clock, UTC.
    """
    contents = [(int(str(row["bucket"])), str(row["provider"]), str(row["fingerprint"])) for row in given]
    found = connection.execute(_equal(connection.dialect.name), as_keys(contents)).mappings()
    waiting = sorted(map(dict, found), key=itemgetter("epoch", "sequence"))
    living = _living_sessions(connection, given, waiting, owner, now)
    over = [row for row in waiting if row["live_at"] > now - _KEPT_FOR and (_slot_of(row), row["epoch"]) not in living]
    known = {_key_of(row): str(row["id"]) for row in waiting}
    # One that is given again, as it was not known whether its transaction was committed, is a repeat of itself.
    ids = [known.get(_key_of(row)) for row in given]
    used: dict[int, Row] = {}
    for place, row in enumerate(given):
        first = next((one for one in over if _is_repeat(row, one)), None)
        if ids[place] is None and first is not None:
            over.remove(first)
            used[place] = first
    ours = remove_rows(
        connection, inbound_unconfirmed, [{key: row[key] for key in _KEY} for row in used.values()], _KEY
    )
    for place, row in used.items():
        ids[place] = str(row["id"]) if _key_of(row) in ours else None
    return ids


def _is_repeat(row: Row, first: Row) -> bool:
    is_equal = all(row[name] == first[name] for name in _CONTENT)
    return is_equal and (row["slot"], row["epoch"]) != (first["slot"], first["epoch"])


def _living_sessions(
    connection: Connection, given: Sequence[Row], waiting: Sequence[Row], owner: str, now: datetime
) -> set[tuple[Slot, int]]:
    known = binds.read(connection, {_slot_of(row) for row in (*given, *waiting)})
    living = {(slot, bind.epoch) for slot, bind in known.items() if bind.epoch is not None and bind.is_up(now)}
    for slot, epoch in {_slot_of(row): int(str(row["epoch"])) for row in given}.items():
        bind = known.get(slot)
        # What comes over it shows that it is up, before the next look does.
        if bind is not None and bind.owner == owner and (bind.epoch is None or bind.epoch < epoch):
            since = bind.since if bind.state is BindState.UP else now
            binds.note(connection, slot, owner, epoch=epoch, state=BindState.UP.value, since=since)
            living = {one for one in living if one[0] != slot} | {(slot, epoch)}
    return living


def remember(connection: Connection, rows: Sequence[Row], now: datetime) -> None:
    """Note MOs whose answers the carrier may not have; ``id`` is that of the message which they are or repeat."""
    insert_new_rows(connection, inbound_unconfirmed, [{**row, "live_at": now} for row in rows])


def forget(connection: Connection, slot: Slot, sessions: Mapping[int, int]) -> None:
    """Remove what the carrier has the answers to: in each session the MOs up to one of them."""
    of_slot = (_table.provider == slot.provider, _table.slot == slot.number)
    for epoch, sequence in sessions.items():
        connection.execute(
            delete(inbound_unconfirmed).where(*of_slot, _table.epoch == epoch, _table.sequence <= sequence)
        )


def keep_for_a_while(connection: Connection, sessions: Mapping[Slot, int | None], now: datetime) -> None:
    """Note when living sessions were seen, and remove what is left of those that ended some time ago."""
    for slot, epoch in sessions.items():
        if epoch is not None:
            session = (_table.provider == slot.provider, _table.slot == slot.number, _table.epoch == epoch)
            connection.execute(update(inbound_unconfirmed).where(*session).values(live_at=now))
    if sessions:
        connection.execute(delete(inbound_unconfirmed).where(_table.live_at <= now - _KEPT_FOR))
