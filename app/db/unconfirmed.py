"""MOs without an id of the carrier, until it is known that the carrier has our answer: it may send them again (ADR 32).

When the session is over, an equal MO that comes in another one is a repeat. It uses up one of those that wait, and
waits itself, as its answer may be lost, too. While the session may go on, nobody can say if the equal one is a repeat.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from operator import itemgetter

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
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
from app.domain.storage import UndecidedError
from app.domain.values import value

_KEPT_FOR = timedelta(minutes=10)

# Few rows: those of sessions that ended, and of living ones the MOs of the last second or two. ``live_at``: when the
# session was last seen, by the database's clock. ``number``: which of equal MOs it is, from 1, so that of two processes
# that are given equal ones at the same time the second one waits for the first one's commit.
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
    Column("number", Integer),
    PrimaryKeyConstraint("bucket", "provider", "slot", "epoch", "sequence"),
    Index("ix_inbound_unconfirmed_content", "bucket", "provider", "fingerprint", "number", unique=True),
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


@value
class Recognised:
    """What an MO is: ``id`` is that of the message which it repeats, None for a new one.

    ``number`` is the one among equal MOs under which it waits; None: it waits already.
    """

    id: str | None
    number: int | None


def _key_of(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in _KEY)


_Content = tuple[object, ...]


def _content_of(row: Row) -> _Content:
    return tuple(row[name] for name in _CONTENT)


def _slot_of(row: Row) -> Slot:
    return Slot(str(row["provider"]), int(str(row["slot"])))


# The slot of its bind, and its number.
_Session = tuple[Slot, int]


def _session_of(row: Row) -> _Session:
    return _slot_of(row), int(str(row["epoch"]))


def recognise(
    connection: Connection,
    given: Sequence[Row],
    owner: str,
    now: datetime,
    replaced: Sequence[Sequence[str]] = (),
) -> list[Recognised]:
    """Return what MOs are. Raise UndecidedError while nobody can say of one.

    Args:
        connection: that of the transaction that stores them.
        given: the columns of the table but ``id``, ``live_at`` and ``number``, in the order in which the MOs came.
        owner: this process. The sessions of its binds are noted as those that live now.
        now: by the database's clock, UTC.
        replaced: of each MO the fingerprints by keys that were replaced, which MOs of before have.
    """
    newest = {old: str(row["fingerprint"]) for row, olds in zip(given, replaced, strict=False) for old in olds}
    keys = [(int(str(row["bucket"])), str(row["provider"]), str(row["fingerprint"])) for row in given]
    keys += [(*key[:2], old) for key, olds in zip(keys, replaced, strict=False) for old in olds]
    rows = map(dict, connection.execute(_equal(connection.dialect.name), as_keys(keys)).mappings())
    found: list[Row] = [{**row, "fingerprint": newest.get(row["fingerprint"], row["fingerprint"])} for row in rows]
    living = _living_sessions(connection, [*given, *found], given, owner, now)
    equal = _Equal(sorted(found, key=itemgetter("epoch", "sequence")), living, now)
    recognised = [equal.recognise(row) for row in given]
    if len(remove_rows(connection, inbound_unconfirmed, equal.used, _KEY)) < len(equal.used):
        raise UndecidedError("another process has used one up")
    return recognised


class _Equal:
    """The waiting MOs that equal some of a batch; ``used``: the keys of those that were repeated."""

    def __init__(self, found: Sequence[Row], living: set[_Session], now: datetime) -> None:
        """``found``: the oldest first."""
        self._living = living
        self._oldest = now - _KEPT_FOR
        self._known = {_key_of(row): str(row["id"]) for row in found}
        self._rows: dict[_Content, list[Row]] = defaultdict(list)
        for row in found:
            self._rows[_content_of(row)].append(row)
        # By content: the session that the batch has it from, what waits of other sessions, and the last number.
        self._batch: dict[_Content, tuple[_Session, list[Row], Iterator[int]]] = {}
        self.used: list[Row] = []

    def recognise(self, row: Row) -> Recognised:
        """Return what the next MO of the batch is."""
        known = self._known.get(_key_of(row))
        if known is not None:
            # It is given again, as it was not known whether its transaction was committed.
            return Recognised(known, None)
        content, own = _content_of(row), _session_of(row)
        if content not in self._batch:
            rows = self._rows[content]
            last = max((int(str(one["number"] or 0)) for one in rows), default=0)
            self._batch[content] = own, [one for one in rows if _session_of(one) != own], count(last + 1)
        session, others, numbers = self._batch[content]
        first = self._first(others)
        if session != own or (first is None and others):
            raise UndecidedError("the other session may be over")
        if first is None:
            return Recognised(None, next(numbers))
        others.remove(first)
        self.used.append({key: first[key] for key in _KEY})
        return Recognised(str(first["id"]), next(numbers))

    def _first(self, others: list[Row]) -> Row | None:
        """Forget what is too old, and return the oldest of a session that is over."""
        others[:] = [one for one in others if _moment(one) > self._oldest]
        return next((one for one in others if _session_of(one) not in self._living), None)


def _moment(row: Row) -> datetime:
    live_at = row["live_at"]
    assert isinstance(live_at, datetime)  # noqa: S101  for mypy
    return live_at


def _living_sessions(
    connection: Connection, of: Sequence[Row], given: Sequence[Row], owner: str, now: datetime
) -> set[_Session]:
    """Return which sessions go on in the slots of some rows. Raise UndecidedError if one that MOs came in does not."""
    known = binds.read(connection, {_slot_of(row) for row in of})
    living = {(slot, bind.epoch) for slot, bind in known.items() if bind.epoch is not None and bind.is_up(now)}
    for slot, epoch in dict(map(_session_of, given)).items():
        bind = known.get(slot)
        if bind is None:
            continue
        if bind.owner != owner or (bind.epoch is not None and bind.epoch > epoch):
            # What it brought will come again, or has come already.
            raise UndecidedError("the session is over")
        # What comes over it shows that it is up, before the next look does.
        if bind.epoch is None or bind.epoch < epoch:
            since = bind.since if bind.state is BindState.UP else now
            binds.note(connection, slot, owner, epoch=epoch, state=BindState.UP.value, since=since)
        living = {one for one in living if one[0] != slot} | {(slot, epoch)}
    return living


def remember(connection: Connection, rows: Sequence[Row], now: datetime) -> None:
    """Note MOs whose answers the carrier may not have; ``id`` is that of the message which they are or repeat.

    Raise UndecidedError if another process has noted an equal one meanwhile.
    """
    new = sorted(({**row, "live_at": now} for row in rows), key=itemgetter(*_CONTENT, "number"))
    if insert_new_rows(connection, inbound_unconfirmed, new) < len(new):
        raise UndecidedError("an equal one came over another bind")


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
