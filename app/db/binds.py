"""Binds of carriers: each is a duty, and its row has the state of the bind as its owner last saw it (ADR 32)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, bindparam, select, update

from app.db.duties import duty
from app.domain.values import value

LEASE = timedelta(seconds=30)
# A process that could not renew its lease for so long submits nothing more.
SUBMITS_FOR = timedelta(seconds=10)
_duty = duty.c


@value
class Slot:
    """The place of one of a provider's binds, numbered from 0."""

    provider: str
    number: int

    @property
    def duty(self) -> str:
        """The name of its duty."""
        return f"carrier:{self.provider}:{self.number}"


class BindState(StrEnum):
    """The state of a bind. ``free``: its last owner gave it up in order."""

    UP = "up"
    DOWN = "down"
    FREE = "free"


@value
class Bind:
    """What is known of a bind; times are UTC, by the database's clock.

    Attributes:
        owner: the process that had it last.
        leased_until: when others may take it.
        term: how many owners there have been.
        since: when the state began.
        last_error: why it ended or was refused the last time, in words.
        epoch: the session that last brought an MO without an id.
    """

    owner: str
    leased_until: datetime
    term: int
    state: BindState
    since: datetime
    last_error: str | None = None
    epoch: int | None = None

    @property
    def _believed_until(self) -> datetime:
        """When its owner stopped to submit, unless it renews the lease."""
        return self.leased_until - LEASE + SUBMITS_FOR

    def is_up(self, now: datetime) -> bool:
        """Return True if messages can be handed over."""
        return self.state is BindState.UP and now < self._believed_until

    def down_since(self, now: datetime) -> datetime | None:
        """Return since when the bind is not up; None while it is."""
        if self.is_up(now):
            return None
        return self._believed_until if self.state is BindState.UP else self.since


_READ = select(
    *(_duty[name] for name in ("name", "owner", "leased_until", "term", "state", "since", "last_error", "epoch"))
).where(_duty.name.in_(bindparam("names", expanding=True)), _duty.state.is_not(None))


def read(connection: Connection, slots: Collection[Slot]) -> dict[Slot, Bind]:
    """Return what is known of binds; those that nobody ever had are left out."""
    by_name = {slot.duty: slot for slot in slots}
    if not by_name:
        return {}
    found: dict[Slot, Bind] = {}
    for name, owner, leased_until, term, state, *rest in connection.execute(_READ, {"names": list(by_name)}):
        found[by_name[name]] = Bind(owner, leased_until, term, BindState(state), *rest)
    return found


def note(connection: Connection, slot: Slot, owner: str, **changed: object) -> None:
    """Change what is known of a bind, if this owner still has it."""
    mine = (_duty.name == slot.duty, _duty.owner == owner)
    connection.execute(update(duty).where(*mine).values(**changed))


def end_sessions(connection: Connection, slot: Slot, owner: str, before: int) -> None:
    """Note that an owner's sessions with lesser numbers are over."""
    mine = (_duty.name == slot.duty, _duty.owner == owner, _duty.epoch < before)
    connection.execute(update(duty).where(*mine).values(epoch=None))


def give_up(connection: Connection, slots: Collection[Slot], owner: str, now: datetime) -> None:
    """Leave binds, which have ended in order, to whoever takes them first."""
    for slot in slots:
        note(connection, slot, owner, leased_until=now, state=BindState.FREE.value, since=now)
