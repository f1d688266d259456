"""This process among others of its database: the numbers that it works on, and its duties (ADR 29).

A beat, every two seconds, says that it is alive, takes the duties that fall to it, and counts out its share anew. On
SQLite a process is always alone: it works on everything, and has every duty.
"""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import Connection

from app import __version__, observability
from app.db import duties, waiting, workers
from app.db.clock import clock_of
from app.db.session import Database
from app.db.shares import Share
from app.db.state import current_state
from app.db.workers import Process
from app.domain.msisdn import BUCKETS
from app.domain.sharing import chosen_for, share_of
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.services.worker_number import WorkerNumber

BEAT = timedelta(seconds=2)
# A process that was not heard of for so long is gone: others do its work.
GONE = timedelta(seconds=10)
DUTY_LEASE = timedelta(seconds=10)
# Buckets with a message that was due at beats so far apart are everybody's, as the process that should handle it is
# stuck. The gateway's clock has no say, as it may stand still.
_STUCK_SECONDS = 4.0
_CARRIER = "carrier:"
log = observability.logger(__name__)


class Role(StrEnum):
    """What a process does: answer HTTP requests, or handle and send messages. ``smsgw serve`` has both roles."""

    WEB = "web"
    WORKER = "worker"


BOTH = frozenset(Role)


def carrier_duty(provider: str) -> str:
    """Return the name of the duty to send through a provider, whose rate and window are one process's to keep."""
    return _CARRIER + provider


@value
class _Beat:
    """What a beat found: the living processes, this one's buckets and the terms of its duties."""

    alive: Sequence[Process]
    share: Share | None
    terms: dict[str, int]


class Membership:
    """Says that this process is alive, and knows its share and its duties."""

    def __init__(self, database: Database, number: WorkerNumber, providers: Iterable[str] = ()) -> None:
        """``providers`` are those that this process can send through."""
        self._database = database
        self._number = number
        self._providers = frozenset(providers)
        self.roles: frozenset[Role] = BOTH
        self.version = __version__
        # Buckets with accounts that only a newer program can read.
        self._handed_back: set[int] = set()
        self._duties: tuple[str, ...] = ()
        self._beat_lock = asyncio.Lock()
        self._last = _Beat((), (), {})
        # When messages that are due were seen first, by the monotonic clock.
        self._seen_due: dict[str, float] = {}
        # By the monotonic clock, which goes on while a process is stopped.
        self._valid_until = 0.0
        # Called in the event loop when the share or the duties have changed.
        self.when_changed: Callable[[], None] = lambda: None

    # ---- what this process does

    def wants(self, duty: str) -> Callable[[], bool]:
        """Add a duty that this process can have; before ``held``. Return what says whether it has it."""
        self._duties = (*self._duties, duty)
        return partial(self.has, duty)

    @property
    def _is_alone(self) -> bool:
        return not self._database.is_shared

    def is_worker(self) -> bool:
        """Return True if this process handles and sends messages."""
        return Role.WORKER in self.roles

    def share(self) -> Share | None:
        """Return the buckets that this process works on; None: all."""
        if self._is_alone:
            return None if self.is_worker() else ()
        return self._last.share if time.monotonic() < self._valid_until else ()

    def has(self, duty: str) -> bool:
        """Return True while this process has a duty."""
        return self.is_worker() and (
            self._is_alone or (duty in self._last.terms and time.monotonic() < self._valid_until)
        )

    def is_held(self, connection: Connection, duty: str) -> bool:
        """Return True if this process has a duty, and keeps it until the transaction ends."""
        if self._is_alone:
            return self.is_worker()
        term = self._last.terms.get(duty)
        return term is not None and duties.is_held(connection, duty, self._number.owner, term)

    def has_newer(self) -> bool:
        """Return True while a process that handles messages runs a newer program than this one."""
        return any(_order_of(one.version) > _order_of(self.version) for one in _working(self._last.alive))

    def hand_back(self, bucket: int) -> bool:
        """Leave a bucket to the processes of a newer program from the next beat on. Return False if there are none."""
        if not self.has_newer():
            return False
        self._handed_back.add(bucket)
        return True

    def providers_elsewhere(self) -> set[str]:
        """Return the providers that living processes can send through."""
        return {name for one in self._last.alive for name in one.providers}

    @property
    def alive(self) -> Sequence[Process]:
        """The living processes at the last beat, this one included; on SQLite none are listed."""
        return self._last.alive

    @property
    def is_current(self) -> bool:
        """The last beat is not too long ago."""
        return self._is_alone or time.monotonic() < self._valid_until

    @property
    def workers(self) -> int:
        """The number of living processes that handle messages."""
        return 1 if self._is_alone else len(_working(self._last.alive))

    def workers_for(self, provider: str) -> int:
        """Return the number of living processes that can send through a provider."""
        return 1 if self._is_alone else sum(provider in one.providers for one in _working(self._last.alive))

    @property
    def owner(self) -> str:
        """What leases of this process are marked with."""
        return self._number.owner

    @property
    def duties(self) -> list[str]:
        """The duties that this process has."""
        return sorted(filter(self.has, self._duties))

    # ---- beats

    @asynccontextmanager
    async def held(self, roles: frozenset[Role]) -> AsyncIterator[None]:
        """Be a member within the context, with a worker number held. Raise StorageUnavailableError."""
        self.roles = roles
        if self._is_alone:
            yield
            return
        await self.beat()
        beating = asyncio.create_task(self._keep_beating())
        try:
            yield
        finally:
            beating.cancel()
            await self._leave()

    async def beat(self) -> None:
        """Say that this process is alive, and find its share and its duties."""
        if self._is_alone:
            return
        async with self._beat_lock:
            began = time.monotonic()
            before, self._last = self._last, await self._database.write_quietly(self._beat)
            if not self.has_newer():
                self._handed_back.clear()
            if not self._last.alive:  # another process has its number
                await self._number.renew()
            self._valid_until = began + DUTY_LEASE.total_seconds()
        if self._database.notices is not None:
            self._database.notices.has_company = len(self._last.alive) > 1
        if (before.share, before.terms) != (self._last.share, self._last.terms):
            self.when_changed()

    def _beat(self, connection: Connection) -> _Beat:
        number, owner = self._number.number, self._number.owner
        state = current_state(connection)
        now = state.read_at
        roles, providers = frozenset(map(str, self.roles)), self._providers
        handed_back = frozenset(self._handed_back)
        me = Process(number, socket.gethostname(), roles, providers, self.version, handed_back, now)
        if not workers.announce(connection, owner, me):
            return _Beat((), (), {})
        alive = workers.alive(connection, now - GONE)
        if not self.is_worker():
            return _Beat(alive, (), {})
        mine = [duty for duty in self._duties if self._falls_to_me(duty, alive)]
        duties.give_up(connection, [duty for duty in self._last.terms if duty not in mine], owner, now)
        taken = {duty: duties.take(connection, duty, owner, now, now + DUTY_LEASE) for duty in mine}
        share = self._share_among(connection, alive, state.now)
        return _Beat(alive, share, {name: term for name, term in taken.items() if term})

    def _falls_to_me(self, duty: str, alive: Sequence[Process]) -> bool:
        provider = duty.removeprefix(_CARRIER) if duty.startswith(_CARRIER) else None
        able = [one.number for one in _working(alive) if provider is None or provider in one.providers]
        return chosen_for(duty, able) == self._number.number

    def _share_among(self, connection: Connection, alive: Sequence[Process], now: datetime) -> Share | None:
        working = _working(alive)
        newest = max(_order_of(one.version) for one in working)
        able = [one.number for one in working if _order_of(one.version) == newest]
        handed_back = {bucket for one in working if one.number not in able for bucket in one.handed_back}
        mine = {*share_of(self._number.number, [one.number for one in working], handed_back, able)}
        mine |= self._stuck_buckets(connection, now) - self._handed_back
        return None if len(mine) == BUCKETS else tuple(sorted(mine))

    def _stuck_buckets(self, connection: Connection, now: datetime) -> set[int]:
        due, seen = waiting.oldest_due(connection, now), time.monotonic()
        self._seen_due = {message_id: self._seen_due.get(message_id, seen) for message_id in due}
        return {bucket for message_id, bucket in due.items() if seen - self._seen_due[message_id] >= _STUCK_SECONDS}

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            try:
                with suppress(StorageUnavailableError):  # duties and shares lapse until it is back
                    await self.beat()
            except Exception:
                log.exception("a beat failed; trying again")

    async def _leave(self) -> None:
        """Have others take over at once; if the database is away, they do when this process counts as gone."""
        self._valid_until = 0.0
        try:
            await self._database.write_quietly(self._end)
        except StorageUnavailableError:
            log.warning("the database is away; others take over when this process counts as gone")

    def _end(self, connection: Connection) -> None:
        workers.leave(connection, self._number.owner)
        duties.give_up(connection, list(self._last.terms), self._number.owner, clock_of(connection)())


def _order_of(version: str) -> tuple[int, ...]:
    """Return what versions such as 1.10.2 are sorted by."""
    return tuple(map(int, re.findall(r"\d+", version)))


def _working(alive: Sequence[Process]) -> list[Process]:
    return [one for one in alive if Role.WORKER in one.roles]
