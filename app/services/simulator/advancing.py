"""Simulated time: what falls due up to a target runs at its own time, a hundred steps in one commit (ADR 21)."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app import observability
from app.db import due, outbox
from app.db.due import OWN, Kind
from app.db.provider_state import LONGEST_PAUSE
from app.db.session import Database
from app.db.state import current_state, freeze_clock
from app.domain.storage import StorageUnavailableError
from app.services.delivery.breaker import CircuitState
from app.services.delivery.dispatch import Attempted
from app.services.engine import Engine
from app.services.simulator.delivery import HandsetDelivery
from app.services.simulator.network import PROVIDER, SimulatedNetwork
from app.services.turns.handling import Turns

_STEPS_PER_COMMIT = 100
# Requests that write wait for a commit. A step of many rows may take long, so the time is limited as well.
_SECONDS_PER_COMMIT = 0.25
_KINDS = tuple(Kind)
log = observability.logger(__name__)


@dataclass(slots=True)
class _Stretch:
    """The part of an advance that one commit holds.

    Attributes:
        now: where the clock stands, UTC.
        kinds: the kinds of work that are looked at.
        idle: those of which nothing can be done at ``now``.
        turn_of: the kind that is looked at first among those that are due at the same time.
        has_arrived: the clock stands at the target.
        is_blocked: something is due that cannot be done within this transaction.
        attempted: what was sent to the simulated network, with the results; ``circuit`` is the state after that.
    """

    now: datetime
    kinds: tuple[Kind, ...]
    idle: set[Kind]
    turn_of: Kind = _KINDS[0]
    has_arrived: bool = False
    is_blocked: bool = False
    attempted: list[Attempted] = field(default_factory=list)
    circuit: CircuitState | None = None


class Advance:
    """Moves the frozen clock from one time at which something falls due to the next, and does what is due there.

    It knows the kind of what is due, and runs only that. Messages to simulated handsets are sent within the
    transaction. For those through other providers, and for reports of a carrier beside the gateway, the transaction
    ends, and the loops of the engine send them.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        turns: Turns,
        network: SimulatedNetwork,
        delivery: HandsetDelivery | None,
    ) -> None:
        """``delivery`` sends to the simulated network; None: nothing does."""
        self._database = database
        self._engine = engine
        self._turns = turns
        self._network = network
        self._delivery = delivery

    async def run(
        self,
        target: datetime,
        *,
        settle: Callable[[], Awaitable[None]],
        renew: Callable[[Connection], None],
        events: bool = False,
    ) -> None:
        """Move the clock to the aware instant ``target``.

        Between two commits the loops of the engine may run, and requests be served. ``settle`` processes everything
        that is due, here and in other processes. ``renew``, called in each transaction, raises if another call moves
        the clock. ``events``: stop wherever an event is due; ``settle`` posts it.
        """
        kinds = _KINDS if events else OWN
        await settle()
        idle: Collection[Kind] = kinds
        while True:
            stretch = await self._commit(target, kinds, idle, renew)
            idle = stretch.idle
            if stretch.has_arrived or stretch.is_blocked:
                await settle()
                idle = kinds
            if stretch.has_arrived:
                return

    async def _commit(
        self, target: datetime, kinds: tuple[Kind, ...], idle: Collection[Kind], renew: Callable[[Connection], None]
    ) -> _Stretch:
        run = partial(self._run_stretch, target=target, kinds=kinds, idle=idle, renew=renew)
        # Nothing may be on its way to a carrier while time passes.
        async with self._engine.paused(drained_only=True):
            try:
                stretch = await self._database.write_alone(run)
            except StorageUnavailableError:
                raise
            except Exception:
                log.exception("a step failed while the clock was moved; going on without it")
                stretch = await self._database.write_alone(partial(run, carefully=True))
            await self._turns.password_checks.run()
        self._network.changed()
        if self._delivery is not None and stretch.circuit is not None:
            self._delivery.monitor.attempts_ended([result for _, result in stretch.attempted])
            self._delivery.monitor.circuit_is(stretch.circuit)
        return stretch

    # ---- within one transaction

    def _run_stretch(
        self,
        connection: Connection,
        *,
        target: datetime,
        kinds: tuple[Kind, ...],
        idle: Collection[Kind],
        renew: Callable[[Connection], None],
        carefully: bool = False,
    ) -> _Stretch:
        """Run steps. ``carefully``: if one raises, nothing of it is left, and the stretch is blocked."""
        renew(connection)
        step = self._step_or_nothing if carefully else self._step
        stretch = _Stretch(current_state(connection).now, kinds, set(idle))
        if outbox.is_anything_leased(connection):
            stretch.is_blocked = True  # another process has called a carrier
            return stretch
        ends_at = time.monotonic() + _SECONDS_PER_COMMIT
        for _ in range(_STEPS_PER_COMMIT):
            kind = self._move_to_next(connection, stretch, target)
            if kind is None:
                break
            stretch.is_blocked = self._leads_outside(kind) or not step(connection, stretch, kind)
            if stretch.is_blocked or self._turns.password_checks.are_requested or time.monotonic() >= ends_at:
                break
        return stretch

    def _leads_outside(self, kind: Kind) -> bool:
        return kind in (Kind.CARRIERS, Kind.EVENTS) or (kind is Kind.REPORTS and bool(self._network.reported_elsewhere))

    def _move_to_next(self, connection: Connection, stretch: _Stretch, target: datetime) -> Kind | None:
        """Move the clock to the next time at which something is due, and return its kind; None at the target."""
        found = due.next_due(
            connection,
            stretch.kinds,
            after=dict.fromkeys(stretch.idle, stretch.now),
            simulated=PROVIDER if self._delivery is not None else "",
            pauses_until=stretch.now + LONGEST_PAUSE,
        )
        at = max(stretch.now, min(found.values(), default=target))
        stretch.has_arrived = at > target or not found
        if stretch.has_arrived:
            freeze_clock(connection, target)
            return None
        if at > stretch.now:
            freeze_clock(connection, at)
            stretch.now, stretch.turn_of = at, _KINDS[0]
            stretch.idle.clear()
        return _first(found, at, stretch.turn_of)

    def _step_or_nothing(self, connection: Connection, stretch: _Stretch, kind: Kind) -> bool:
        """Do one step of a kind of work. Return False, and leave nothing of it, if it raises."""
        try:
            # A savepoint costs as much as a third of a step.
            with connection.begin_nested():
                return self._step(connection, stretch, kind)
        except Exception:
            log.exception("this step failed; it is done by itself", kind=kind.value)
            return False

    def _step(self, connection: Connection, stretch: _Stretch, kind: Kind) -> bool:
        """Do one step of a kind of work. Return True."""
        stretch.turn_of = kind
        if self._work_on(connection, stretch, kind):
            stretch.idle.clear()
        else:
            stretch.idle.add(kind)
        return True

    def _work_on(self, connection: Connection, stretch: _Stretch, kind: Kind) -> bool:
        if kind is Kind.REPORTS:
            return self._network.report(connection) > 0
        if kind is Kind.TURNS:
            return self._turns.handle_waiting(connection).worked
        return self._send(connection, stretch)

    def _send(self, connection: Connection, stretch: _Stretch) -> bool:
        """Send due messages to the simulated network."""
        if self._delivery is None:
            return False
        sent = self._delivery.send_within(connection)
        stretch.circuit = sent.circuit
        stretch.attempted += sent.attempted
        return sent.worked


def _first(found: Mapping[Kind, datetime], at: datetime, turn_of: Kind) -> Kind:
    """Return the first kind that is due at ``at``, in the order that goes on with ``turn_of``."""
    place = _KINDS.index(turn_of)
    return next(kind for kind in (*_KINDS[place:], *_KINDS[:place]) if kind in found and found[kind] <= at)
