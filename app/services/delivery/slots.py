"""The slots that this process sends through: leases of binds, renewed in time, and what is known of all binds (ADR 32).

A provider without binds has one slot, which is the process's that has its duty.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter

from sqlalchemy import Connection

from app.db import binds, duties, unconfirmed
from app.db.binds import LEASE, SUBMITS_FOR, Bind, BindState, Slot
from app.db.clock import clock_of
from app.db.session import Database
from app.domain.sharing import most_slots
from app.domain.values import value
from app.failures import Failures
from app.providers.base import Provider
from app.services.delivery.breaker import are_down
from app.services.membership import Membership, carrier_duty

# How long after the last renewal a session may write.
_WRITES_FOR_SECONDS = 20.0
_SUBMITS_UNTIL_LEFT = _WRITES_FOR_SECONDS - SUBMITS_FOR.total_seconds()
_THE_ONE = frozenset({0})


def steady_seconds() -> float:
    """Return the seconds of a clock that nobody sets; on Linux it counts while the machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SlotLease:
    """The lease of a slot, as the session of its bind sees it."""

    def __init__(self, clock: Callable[[], float], renewed_at: float) -> None:
        """``renewed_at``: when the transaction began that renewed it, by ``clock``."""
        self._clock = clock
        self.renewed_at = renewed_at

    @property
    def seconds_left(self) -> float:
        """How long the session may still write."""
        return self.renewed_at + _WRITES_FOR_SECONDS - self._clock()

    @property
    def may_submit(self) -> bool:
        """Whether messages may be handed over."""
        return self.seconds_left > _SUBMITS_UNTIL_LEFT

    def end(self) -> None:
        """Note that another process has the slot."""
        self.renewed_at = self._clock() - _WRITES_FOR_SECONDS


@dataclass(slots=True)
class HeldSlot:
    """A slot that this process has leased.

    Attributes:
        is_up: its bind was up when that was last looked at.
        last_error: why it ended or was refused the last time.
        confirmed: up to which MO the carrier has our answers, by session, until that is written.
        over: the sessions with lesser numbers have ended.
    """

    lease: SlotLease
    is_up: bool = False
    last_error: str | None = None
    confirmed: dict[int, int] = field(default_factory=dict)
    over: int = 0


@value
class _Found:
    """What a look found: all binds, and which of them are this process's now."""

    binds: Mapping[Slot, Bind]
    mine: Sequence[Slot]


class Slots:
    """Leases the slots of session providers that fall to this process."""

    def __init__(
        self,
        database: Database,
        membership: Membership,
        providers: Mapping[str, Provider],
        clock: Callable[[], float] = steady_seconds,
    ) -> None:
        """``clock`` returns steady seconds."""
        self._database = database
        self._membership = membership
        self._providers = providers
        self._clock = clock
        self._has_duty = {name: membership.wants(carrier_duty(name)) for name, one in providers.items() if one.can_send}
        # In one order in all processes, so that their transactions do not wait for each other.
        self.all = sorted(
            (Slot(name, number) for name, one in providers.items() for number in range(one.slots)),
            key=attrgetter("provider", "number"),
        )
        self.held: dict[Slot, HeldSlot] = {}
        self._known: Mapping[Slot, Bind] = {}
        self._is_leaving = False

    @property
    def failures(self) -> Failures:
        """What fails in this gateway."""
        return self._database.failures

    # ---- for deliveries

    def up(self, provider: str) -> frozenset[int]:
        """Return the slots through which this process may send now."""
        one = self._providers[provider]
        if not one.slots:
            return _THE_ONE if self._has_duty[provider]() and one.is_ready else frozenset()
        if self._is_leaving:
            return frozenset()
        # A copy, as deliveries ask in the threads of transactions, too.
        held = [*self.held.items()]
        return one.slots_up & {slot.number for slot, it in held if slot.provider == provider and it.lease.may_submit}

    def is_down(self, provider: str) -> bool:
        """Return True if no process has had a bind of a provider up for some time, so that others stand in."""
        known = [bind for slot, bind in self._known.items() if slot.provider == provider]
        return not self.up(provider) and are_down(known, self._database.clock())

    def has_to_divert(self, provider: str) -> bool:
        """Return True if it falls to this process to give the messages of such a provider to others."""
        return self._has_duty[provider]() and self.is_down(provider)

    # ---- leases

    async def look(self, *, may_take: bool) -> None:
        """Renew the leases, write the states of the binds, and take free slots, as many as fall to this process.

        Raise StorageUnavailableError; leases that cannot be renewed run out by themselves.
        """
        began = self._clock()
        written = {slot: dict(held.confirmed) for slot, held in self.held.items()}
        found = await self._database.write_quietly(partial(self._look, dict(self.held), written, may_take=may_take))
        self._known, lost = found.binds, self.held.keys() - found.mine
        for slot in lost:
            self.held.pop(slot).lease.end()
        for slot in found.mine:
            if slot not in self.held:
                self.held[slot] = HeldSlot(SlotLease(self._clock, began), last_error=found.binds[slot].last_error)
            held = self.held[slot]
            held.lease.renewed_at = began
            held.confirmed = dict(held.confirmed.items() - written.get(slot, {}).items())

    def _look(
        self,
        held: Mapping[Slot, HeldSlot],
        confirmed: Mapping[Slot, Mapping[int, int]],
        connection: Connection,
        *,
        may_take: bool,
    ) -> _Found:
        now = clock_of(connection)()
        found, mine = binds.read(connection, self.all), list[Slot]()
        room = {slot.provider: self._room(slot.provider, held) if may_take else 0 for slot in self.all}
        # On SQLite a process is alone: whoever else has a lease is dead.
        lapsed = now + LEASE if self._database.is_sqlite else now
        for slot in self.all:
            known = found.get(slot)
            is_free = known is None or known.leased_until <= lapsed or known.owner == self._membership.owner
            if slot in held or (is_free and room[slot.provider]):
                bind = self._taken(connection, slot, known, held.get(slot), lapsed, now)
                if bind is not None:
                    found[slot] = bind
                    mine.append(slot)
                    room[slot.provider] -= slot not in held
        for slot, sessions in confirmed.items():
            unconfirmed.forget(connection, slot, sessions)
        living = {slot: found[slot].epoch for slot in mine if found[slot].state is BindState.UP}
        unconfirmed.keep_for_a_while(connection, living, now)
        return _Found(found, mine)

    def _room(self, provider: str, held: Mapping[Slot, HeldSlot]) -> int:
        """Return how many more slots of a provider may be taken."""
        if self._is_leaving or not self._membership.is_worker() or not self._membership.is_current:
            return 0
        mine = sum(slot.provider == provider for slot in held)
        return most_slots(self._providers[provider].slots, mine, self._membership.workers_for(provider))

    def _taken(
        self,
        connection: Connection,
        slot: Slot,
        known: Bind | None,
        held: HeldSlot | None,
        lapsed: datetime,
        now: datetime,
    ) -> Bind | None:
        """Take or keep a slot, and write the state of its bind. Return None if another process has it."""
        owner, until = self._membership.owner, now + LEASE
        term = duties.take(connection, slot.duty, owner, lapsed, until)
        # In a later term another process had it meanwhile: this one's session has to end first.
        if term is None or (held is not None and known is not None and term != known.term):
            return None
        state = BindState.UP if held is not None and held.is_up else BindState.DOWN
        error = held.last_error if held is not None else known.last_error if known is not None else None
        since = _since(known, state, now)
        if held is None:
            binds.note(connection, slot, owner, state=state.value, since=since, last_error=error, epoch=None)
        elif known is None or (known.state, known.since, known.last_error) != (state, since, error):
            # Not the session, which an MO of it may be noting.
            binds.note(connection, slot, owner, state=state.value, since=since, last_error=error)
        epoch = known.epoch if known is not None and held is not None else None
        if held is not None and epoch is not None and epoch < held.over:
            binds.end_sessions(connection, slot, owner, held.over)
            epoch = None
        return Bind(owner, until, term, state, since, error, epoch)

    async def give_up(self) -> None:
        """Leave all slots, whose sessions have ended in order, to other processes. Raise StorageUnavailableError."""
        left = [*self.held]
        if not left:
            return
        owner, clock = self._membership.owner, self._database.clock
        await self._database.write_quietly(lambda connection: binds.give_up(connection, left, owner, clock()))
        for slot in left:
            self.held.pop(slot).lease.end()

    def leave(self) -> None:
        """Take no more slots and send nothing more, as the sessions are being ended."""
        self._is_leaving = True

    def confirm(self, slot: Slot, epoch: int, sequence: int) -> None:
        """Note up to which MO of a session the carrier has our answers; the next look writes it."""
        if slot in self.held:
            sessions = self.held[slot].confirmed
            sessions[epoch] = max(sequence, sessions.get(epoch, sequence))


def _since(known: Bind | None, state: BindState, now: datetime) -> datetime:
    """Return since when a bind is in a state. After an orderly end a new owner has time to bind."""
    if known is None or known.state is BindState.FREE:
        return now
    if state is BindState.UP:
        return known.since if known.state is state else now
    return known.down_since(now) or now
