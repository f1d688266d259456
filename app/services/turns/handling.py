"""Turns in batches: claim due messages and timers, load accounts, run the commands, write all in one commit.

This is the second commit of a message; storing it was the first. Management calls are handled here as well.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from app import observability
from app.commands.router import Router
from app.db import delivery_outcomes, unknown_sends
from app.db.inbox import StoredMessage
from app.db.keys import NumberKey
from app.db.session import Database
from app.db.shares import Share
from app.db.state import current_state
from app.db.timers import StoredTimer
from app.domain.account import Account
from app.domain.catalogue import Catalogue
from app.domain.policy import Policy
from app.domain.storage import StorageUnavailableError
from app.domain.turn import AwaitHandOver, AwaitPassword, Call, Outcome, Postponed, TextReceived, Turn
from app.services.ids import IdSource
from app.services.membership import Membership
from app.services.sealing import Sealer
from app.services.turns.calls import Calls
from app.services.turns.codec import AccountCodec
from app.services.turns.failing import record_failure, set_aside
from app.services.turns.finding import Found, due_numbers, find_one, find_waiting
from app.services.turns.joining import Joiner
from app.services.turns.leasing import HandledBatch, Leased, Outlet
from app.services.turns.loading import AccountLoader, look_back_from
from app.services.turns.passwords import PasswordChecks
from app.services.turns.pending import PendingAccount, QueuedStimulus
from app.services.turns.stimuli import StimulusFactory, queue_stimuli
from app.services.turns.turn_factory import TurnFactory
from app.services.turns.unit_of_work import UnitOfWork

_R = TypeVar("_R")
log = observability.logger(__name__)


class Turns:
    """Handles due messages and timers, in order for each number, and carries out management calls."""

    def __init__(
        self,
        database: Database,
        router: Router,
        ids: IdSource,
        sealer: Sealer,
        policy: Policy,
        stimuli: StimulusFactory,
        outlets: Mapping[str, Outlet],
        membership: Membership,
    ) -> None:
        """``outlets`` send the messages, by the provider's name.

        ``membership`` says whose messages and timers ``step`` handles.
        """
        self._membership = membership
        self._database = database
        self._router = router
        self._stimuli = stimuli
        self._joiner = Joiner(sealer, ids)
        self._outlets = outlets
        codec = AccountCodec(router.registry.questions)
        self._loader = AccountLoader(router, codec, policy.numbers, membership.has_newer)
        self._turns = TurnFactory(ids, policy, codec, sealer.heads)
        self.password_checks = PasswordChecks()
        self._calls = Calls(database, router, self._loader, self._stimuli, self._turns, self._wake_outlets)

    # ---- due messages and timers

    async def step(self) -> bool:
        """Handle one batch. Return True if there may be more to do at once.

        Raise StorageUnavailableError if the database is away; then nothing was changed.
        """
        is_full = await self._batch()
        return await self.password_checks.run() or is_full

    async def _batch(self) -> bool:
        try:
            return await self._write(
                partial(self.handle_waiting, outlets=self._outlets, share=self._membership.share())
            )
        except StorageUnavailableError:
            raise
        except Exception:
            log.exception("a batch could not be written; going on number by number")
            return await self._one_by_one()

    async def _write(self, work: Callable[[Connection], HandledBatch]) -> bool:
        """Run ``work`` in a transaction, and send what it leased. Return True if there may be more to do at once."""
        began = time.monotonic()
        handled = await self._database.write(work)
        if handled.worked:
            self._database.failures.took("turns", time.monotonic() - began)
        for provider, messages in handled.leased.items():
            self._outlets[provider].send(messages, began)
        if handled.messages_queued:
            self._wake_outlets()
        return handled.is_full

    def _wake_outlets(self) -> None:
        for outlet in self._outlets.values():
            outlet.wake()

    def handle_waiting(
        self,
        connection: Connection,
        only: NumberKey | None = None,
        outlets: Mapping[str, Outlet] | None = None,
        share: Share | None = None,
    ) -> HandledBatch:
        """Handle a batch of a share in the caller's transaction; ``outlets`` lease what it makes."""
        state = current_state(connection)
        now = state.now
        self.password_checks.discard_requests()
        found_outcomes = delivery_outcomes.collect(connection, now, share)
        found_outcomes = unknown_sends.collect(connection, now, share) or found_outcomes
        found = find_one(connection, only, now) if only else find_waiting(connection, now, share)
        if not found.locked:
            return HandledBatch(worked=found_outcomes or found.repaired)
        entries = self._loader.load(connection, found.locked, look_back_from(now))
        work = self._turns.unit_of_work(_ids_of(found))
        joined = self._joiner.join(connection, found.messages, entries, now)
        messages = [self._stimuli.from_message(row) for row in joined.messages]
        due = [self._stimuli.from_timer(row) for row in found.timers]
        queue_stimuli(entries, messages, due)
        catalogue = self._turns.catalogue(connection, state.catalogue_version)
        worked = self._handle_rounds(connection, list(entries.values()), work, catalogue, now)
        leased = self._write_work(connection, work, now, outlets)
        self._joiner.mark(connection, joined, entries)
        observability.batch("turns", len(messages) + len(due))
        observability.TURNS.labels("text").inc(len(messages))
        observability.TURNS.labels("timer").inc(len(due))
        # True as well if parts only wait for other parts now, as their rows were changed.
        worked = worked or found_outcomes or len(messages) != len(found.messages)
        queued = work.message_count > sum(map(len, leased.values()))
        is_full = worked and found.is_full
        return HandledBatch(worked=worked, is_full=is_full, leased=leased, messages_queued=queued)

    def _write_work(
        self, connection: Connection, work: UnitOfWork, now: datetime, outlets: Mapping[str, Outlet] | None = None
    ) -> Leased:
        leased = work.write(connection, now, outlets)
        self._loader.cache(work.version, work.changed.values())
        return leased

    def _handle_rounds(
        self,
        connection: Connection,
        entries: list[PendingAccount],
        work: UnitOfWork,
        catalogue: Catalogue,
        now: datetime,
    ) -> bool:
        """Handle the queues in rounds, the first stimulus of each queue at a time. Return True if any was handled.

        What the stimuli of a round read is loaded for all of them at once.
        """
        worked = False
        while busy := [entry for entry in entries if entry.queue]:
            heads = [(entry, entry.queue[0].stimulus) for entry in busy]
            self._loader.load_needs(connection, heads, look_back_from(now))
            for entry in busy:
                worked = self._handle_next(entry, work, catalogue, now) or worked
        return worked

    def _handle_next(self, entry: PendingAccount, work: UnitOfWork, catalogue: Catalogue, now: datetime) -> bool:
        """Handle the first stimulus of a queue.

        Return False if it is a message that waits for an attempt to end, or for a process of a newer program: that
        alone must not start another batch.
        """
        if entry.is_newer and self._hand_back(entry):
            return False
        queued = entry.queue.popleft()
        source = queued.source
        if isinstance(source, StoredTimer) and source.tenure != entry.tenure:
            # It belongs to a former customer, such as the outcome of a message to them, and concerns nobody any more.
            work.drop_timer(source)
            return True
        turn = self._turn(entry.account, queued, catalogue, now)
        try:
            handled = self._router.handle(turn)
        except StorageUnavailableError:
            raise  # there are no ids; the whole batch is tried again
        except Exception as error:  # noqa: BLE001  a poison message hurts only itself (delivery.md 5)
            if self._hand_back(entry):
                return False
            record_failure(entry, turn, queued, work, error)
            return True
        match handled:
            case Outcome():
                work.add(entry, turn, queued, handled)
            case Postponed():
                work.postpone(entry, turn.stimulus_as(TextReceived).id, handled)
            case AwaitPassword(check=check):
                self.password_checks.request(turn.stimulus_as(TextReceived).id, check)
                work.count_password_try(entry, check)
                entry.queue.clear()  # the subscriber's later messages wait for this one
            case AwaitHandOver():
                entry.queue.clear()
                return False
        return True

    def _hand_back(self, entry: PendingAccount) -> bool:
        """Leave a number to a process of a newer program. Return False if there is none (ADR 30)."""
        if not self._membership.hand_back(entry.bucket):
            return False
        entry.queue.clear()
        return True

    def _turn(self, account: Account, queued: QueuedStimulus, catalogue: Catalogue, now: datetime) -> Turn:
        return self._turns.turn(account, queued, catalogue, now, self.password_checks.result(_id_of(queued)))

    # ---- a batch that cannot be written

    async def _one_by_one(self) -> bool:
        numbers = await self._database.read(self._due_numbers)
        for key in numbers:
            try:
                await self._write(partial(self.handle_waiting, only=key, outlets=self._outlets))
            except StorageUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  counted where its rollback does not undo it
                await self._count_try_alone(key, error)
        return bool(numbers)

    def _due_numbers(self, connection: Connection) -> list[NumberKey]:
        return due_numbers(connection, current_state(connection).now, self._membership.share())

    async def _count_try_alone(self, key: NumberKey, error: Exception) -> None:
        """Count a try of a number's first stimulus; set the number aside if even that fails (safety.md 32).

        If there is a newer program, which may know better, leave the number to it.
        """
        if self._membership.hand_back(key[0]):
            return
        try:
            await self._write(partial(self._count_try, key=key, error=error))
        except StorageUnavailableError:
            raise
        except Exception as worse:
            observability.SET_ASIDE.labels("number").inc()
            log.exception("a number's work fails as a whole; it waits", number=key[1])
            await self._database.write(partial(set_aside, key=key, trace=observability.trace_of(worse)))

    def _count_try(self, connection: Connection, *, key: NumberKey, error: Exception) -> HandledBatch:
        """Count a failed try of the number's first stimulus, whose rows could not be written."""
        state = current_state(connection)
        found = find_one(connection, key, state.now, wait=True)
        entries = self._loader.load(connection, found.locked, look_back_from(state.now))
        work = self._turns.unit_of_work(_ids_of(found))
        joined = self._joiner.join(connection, found.messages, entries, state.now)
        queued = [*map(self._stimuli.from_message, joined.messages), *map(self._stimuli.from_timer, found.timers)]
        if queued:
            entry = entries[key[1]]
            catalogue = self._turns.catalogue(connection, state.catalogue_version)
            turn = self._turn(entry.account, queued[0], catalogue, state.now)
            record_failure(entry, turn, queued[0], work, error)
            self._write_work(connection, work, state.now)
        self._joiner.mark(connection, joined, entries)
        return HandledBatch(worked=True, messages_queued=bool(work.message_count))

    # ---- management calls

    async def carry_out(self, msisdn: str, call: Call[_R]) -> _R:
        """Carry out a management call as a turn of its subscriber. Return its result; raise RefusedError if refused."""
        return await self._calls.carry_out(msisdn, call)

    async def carry_out_all(self, calls: Sequence[tuple[str, Call[_R]]]) -> list[_R | Exception]:
        """Carry out management calls in order (see ``Calls``). Return for each its result or its exception."""
        return await self._calls.carry_out_all(calls)


def _id_of(queued: QueuedStimulus) -> str | None:
    return queued.source.id if isinstance(queued.source, StoredMessage) else None


def _ids_of(found: Found) -> list[str | None]:
    """Return the versions of the locked conversations and the ids of their messages."""
    return [*(one.version for one in found.locked), *(one.id for one in found.messages)]
