"""The second commit of a message: claim, load, handle, write - for as many as are waiting (design: hard points)."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app import observability
from app.batching import Batcher
from app.commands.orders.given_once import GIVEN_ONCE_IN
from app.commands.router import Router
from app.db import accounts, delivery_outcomes, inbox, timers, unknown_sends
from app.db.accounts import LookBack
from app.db.catalogue import load_catalogue
from app.db.inbox import StoredMessage
from app.db.session import Database, StorageUnavailableError
from app.db.state import current_state
from app.db.timers import StoredTimer
from app.domain.account import Account
from app.domain.catalogue import Catalogue
from app.domain.msisdn import bucket_of
from app.domain.policy import Policy, ProviderTraits
from app.domain.turn import Outcome, Stimulus, Turn
from app.services.ids import IdSource
from app.services.refusals import RefusedError
from app.services.sealing import Sealer
from app.services.turns.codec import AccountCodec
from app.services.turns.failing import poisoned, set_aside
from app.services.turns.joining import Joiner
from app.services.turns.loading import Loading
from app.services.turns.passwords import PasswordChecks
from app.services.turns.stimuli import Stimuli, line_up
from app.services.turns.unit_of_work import PendingAccount, UnitOfWork, Waiting

Key = tuple[int, str]
_NUMBERS = 1000
_MESSAGES = 2000
_CALLS = 200
# Questions are remembered for 7 days; a message may be judged by a time that lies up to a day back (safety.md 21).
_QUESTIONS_BACK = timedelta(days=8)
_SUBSCRIPTIONS_BACK = GIVEN_ONCE_IN + timedelta(days=1)
# Records that are closed and older are history: kept, and no text or timer looks at them. A call does, as what it says
# may be of any month: a fee that was taken years ago is not taken again.
_RECORDS_BACK = timedelta(days=400)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_EVERYTHING = LookBack(_EVER, _EVER, _EVER)
log = observability.logger(__name__)


class Turns:
    """Handles what waits, number by number in order, and carries out management calls."""

    def __init__(
        self,
        database: Database,
        router: Router,
        ids: IdSource,
        sealer: Sealer,
        policy: Policy,
        carriers: Mapping[str, ProviderTraits],
        default_carrier: ProviderTraits,
        wake_delivery: Callable[[], None],
    ) -> None:
        self._database = database
        self._router = router
        self._ids = ids
        self._policy = policy
        self._stimuli = Stimuli(sealer, carriers, default_carrier)
        self._joiner = Joiner(sealer, ids)
        self._wake_delivery = wake_delivery
        self._codec = AccountCodec(router.registry.questions)
        self._loading = Loading(router, self._codec, policy.numbers)
        self._catalogue = Catalogue()
        self._new_work: Callable[[], UnitOfWork] = lambda: UnitOfWork(self._codec, ids, sealer.heads)
        self._checks = PasswordChecks()
        self._calls = Batcher[tuple[str, Stimulus], Outcome](self._run_calls, _CALLS, shared=StorageUnavailableError)

    # ---- waiting messages and due timers

    async def step(self) -> bool:
        """Handle one batch; whether there was anything to do. StorageUnavailableError: nothing was changed."""
        worked = await self._batch()
        await self._checks.run()
        return worked

    async def _batch(self) -> bool:
        try:
            return await self._write(self._handle_waiting)
        except StorageUnavailableError:
            raise
        except Exception:
            log.exception("a batch could not be written; going on number by number")
            return await self._one_by_one()

    async def _write(self, work: Callable[[Connection], tuple[bool, bool]]) -> bool:
        worked, made_messages = await self._database.write(work)
        if made_messages:
            self._wake_delivery()
        return worked

    def _handle_waiting(self, connection: Connection, only: Key | None = None) -> tuple[bool, bool]:
        state = current_state(connection)
        now = state.now
        self._checks.begin()
        told = delivery_outcomes.collect(connection, now)
        told = unknown_sends.collect(connection, now) or told
        falling = timers.due_numbers(connection, now, _NUMBERS)
        numbers = [only] if only else [*inbox.pending_numbers(connection, now, _NUMBERS), *falling]
        locked = accounts.lock_conversations(connection, numbers, wait=False) if numbers else []
        if len(locked) < len(set(numbers)):
            # Taken by somebody else, or purged at the very moment at which a message came in.
            inbox.open_conversations(connection, [msisdn for _, msisdn in numbers])
        if not locked:
            return told, False
        keys = [(item.bucket, item.msisdn) for item in locked]
        most = 1 if only else _MESSAGES
        pending = inbox.pending_of(connection, keys, now, most)
        # Timers wait for earlier messages; where messages were left out, they wait for the next batch.
        due = timers.due_of(connection, keys, now) if falling and (len(pending) < most or not pending) else []
        entries = self._loading.entries(connection, locked, _back_from(now))
        joined = self._joiner.join(connection, pending, entries, now)
        messages = [self._stimuli.received(row) for row in joined.messages]
        line_up(entries, messages, [self._stimuli.fell_due(row) for row in due])
        work = self._new_work()
        catalogue = self._current_catalogue(connection, state.catalogue_version)
        worked = self._handle_rounds(connection, list(entries.values()), work, catalogue, now)
        self._write_down(connection, work, now)
        self._joiner.mark(connection, joined, entries)
        observability.batch("turns", len(messages) + len(due))
        observability.TURNS.labels("text").inc(len(messages))
        observability.TURNS.labels("timer").inc(len(due))
        # Parts that only wait for others are done with for now, too.
        return worked or told or len(messages) != len(pending), work.made_messages

    def _write_down(self, connection: Connection, work: UnitOfWork, now: datetime) -> None:
        work.write(connection, now)
        self._loading.remember(work.version, work.changed.values())

    def _numbers(self, connection: Connection, now: datetime) -> list[Key]:
        return [*inbox.pending_numbers(connection, now, _NUMBERS), *timers.due_numbers(connection, now, _NUMBERS)]

    def _current_catalogue(self, connection: Connection, version: int) -> Catalogue:
        if self._catalogue.version != version:
            self._catalogue = load_catalogue(connection)
        return self._catalogue

    def _handle_rounds(
        self,
        connection: Connection,
        entries: list[PendingAccount],
        work: UnitOfWork,
        catalogue: Catalogue,
        now: datetime,
    ) -> bool:
        """The head of every queue, then the next ones: what a round needs is loaded for all of it at once.

        Return whether anything was handled: what waits for an attempt to end is looked at again when there is news.
        """
        worked = False
        while busy := [entry for entry in entries if entry.queue]:
            self._loading.complete(
                connection,
                [(entry, entry.queue[0].stimulus) for entry in busy],
                _back_from(now),
            )
            for entry in busy:
                waiting = entry.queue.popleft()
                if isinstance(waiting.source, StoredTimer) and waiting.source.tenure != entry.tenure:
                    # A former customer's, such as word of what became of a message to him: nobody's matter any more.
                    work.drop(waiting.source)
                    worked = True
                    continue
                turn = self._turn(entry.account, waiting, catalogue, now)
                try:
                    outcome = self._router.handle(turn)
                except Exception as error:  # noqa: BLE001  a poison message hurts only itself (delivery.md 5)
                    poisoned(entry, turn, waiting, work, error)
                    worked = True
                    continue
                if outcome.awaits_hand_over and isinstance(waiting.source, StoredMessage):
                    entry.queue.clear()
                    continue
                worked = True
                if outcome.awaits_password is not None and isinstance(waiting.source, StoredMessage):
                    self._checks.want(waiting.source.id, outcome.awaits_password)
                    work.hold_back(entry, outcome.awaits_password)
                    entry.queue.clear()  # her later messages wait for this one
                    continue
                work.take(entry, turn, waiting, outcome)
        return worked

    def _turn(self, account: Account, waiting: Waiting, catalogue: Catalogue, now: datetime) -> Turn:
        return Turn(
            waiting.stimulus, account, catalogue, self._policy, waiting.carrier, waiting.at, now, self._ids,
            secrets.randbelow, self._checks.result(_id_of(waiting)),
        )  # fmt: skip

    # ---- a batch that cannot be written

    async def _one_by_one(self) -> bool:
        numbers = await self._database.read(lambda connection: self._numbers(connection, current_state(connection).now))
        for key in dict.fromkeys(numbers):
            try:
                await self._write(partial(self._handle_waiting, only=key))
            except StorageUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  counted where its rollback does not undo it
                await self._try_less(key, error)
        return bool(numbers)

    async def _try_less(self, key: Key, error: Exception) -> None:
        """Count a try; an account that cannot even be read is set aside, and with it nobody else (safety.md 32)."""
        try:
            await self._write(partial(self._count_try, key=key, error=error))
        except StorageUnavailableError:
            raise
        except Exception as worse:
            observability.SET_ASIDE.labels("number").inc()
            log.exception("a number's work fails as a whole; it waits", number=key[1])
            await self._database.write(partial(set_aside, key=key, trace=observability.trace_of(worse)))

    def _count_try(self, connection: Connection, *, key: Key, error: Exception) -> tuple[bool, bool]:
        """The rows of this number's first message could not be written: count that as a try."""
        state = current_state(connection)
        locked = accounts.lock_conversations(connection, [key], wait=True)
        entries = self._loading.entries(connection, locked, _back_from(state.now))
        joined = self._joiner.join(connection, inbox.pending_of(connection, [key], state.now, 1), entries, state.now)
        due = timers.due_of(connection, [key], state.now)
        work = self._new_work()
        waiting = [*map(self._stimuli.received, joined.messages), *map(self._stimuli.fell_due, due)]
        if waiting:
            entry = entries[key[1]]
            catalogue = self._current_catalogue(connection, state.catalogue_version)
            turn = self._turn(entry.account, waiting[0], catalogue, state.now)
            poisoned(entry, turn, waiting[0], work, error)
            self._write_down(connection, work, state.now)
        self._joiner.mark(connection, joined, entries)
        return True, work.made_messages

    # ---- management calls

    async def call(self, msisdn: str, stimulus: Stimulus) -> Outcome:
        """Carry out a management call as a turn of its subscriber; the outcome may be a refusal."""
        return await self._calls.submit((msisdn, stimulus))

    async def carry_out(self, msisdn: str, stimulus: Stimulus) -> Outcome:
        """Carry out a management call; RefusedError where it cannot be done."""
        outcome = await self.call(msisdn, stimulus)
        if outcome.refusal is not None:
            raise RefusedError(outcome.refusal.status, outcome.refusal.detail)
        return outcome

    async def _run_calls(self, calls: Sequence[tuple[str, Stimulus]]) -> Sequence[Outcome]:
        outcomes, made_messages = await self._database.write(partial(self._handle_calls, calls=calls))
        if made_messages:
            self._wake_delivery()
        return outcomes

    def _handle_calls(
        self, connection: Connection, *, calls: Sequence[tuple[str, Stimulus]]
    ) -> tuple[list[Outcome], bool]:
        state = current_state(connection)
        keys = [(bucket_of(msisdn), msisdn) for msisdn, _ in calls]
        inbox.open_conversations(connection, [msisdn for msisdn, _ in calls])
        entries = self._loading.loaded(
            connection, accounts.lock_conversations(connection, keys, wait=True), _EVERYTHING
        )
        catalogue = self._current_catalogue(connection, state.catalogue_version)
        work = self._new_work()
        self._loading.complete(connection, [(entries[msisdn], stimulus) for msisdn, stimulus in calls], _EVERYTHING)
        outcomes: list[Outcome] = []
        for msisdn, stimulus in calls:
            entry = entries[msisdn]
            waiting = self._stimuli.called(stimulus, state.now)
            turn = self._turn(entry.account, waiting, catalogue, state.now)
            outcome = self._router.handle(turn)
            work.take(entry, turn, waiting, outcome)
            outcomes.append(outcome)
        self._write_down(connection, work, state.now)
        observability.batch("calls", len(calls))
        observability.TURNS.labels("call").inc(len(calls))
        return outcomes, work.made_messages


def _id_of(waiting: Waiting) -> str | None:
    return waiting.source.id if isinstance(waiting.source, StoredMessage) else None


def _back_from(now: datetime) -> LookBack:
    return LookBack(now - _QUESTIONS_BACK, now - _SUBSCRIPTIONS_BACK, now - _RECORDS_BACK)
