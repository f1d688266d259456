"""Management calls as turns: a set of them in one commit, whichever subscribers they are about."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from app import observability
from app.batching import Batcher
from app.commands.router import Router
from app.db import conversations
from app.db.session import Database
from app.db.state import current_state
from app.domain.msisdn import bucket_of
from app.domain.storage import StorageUnavailableError
from app.domain.turn import Call, Outcome
from app.services.refusals import RefusedError
from app.services.turns.loading import EVERYTHING, AccountLoader
from app.services.turns.stimuli import StimulusFactory
from app.services.turns.turn_factory import TurnFactory

_R = TypeVar("_R")
# Single calls that share a commit, and calls of a set that do. The latter holds the writer of SQLite for a fraction of
# a second.
_MAX_SINGLE = 200
_MAX_OF_SET = 1000
_Calls = Sequence[tuple[str, Call[Any]]]
# What a call returns, or what it raises.
_Done = object
_Answer = tuple[list[_Done], bool]
_Write = Callable[[Callable[[Connection], _Answer]], Awaitable[_Answer]]


class Calls:
    """Carries out management calls, those of one subscriber in the order given."""

    def __init__(
        self,
        database: Database,
        router: Router,
        loader: AccountLoader,
        stimuli: StimulusFactory,
        turns: TurnFactory,
        wake_delivery: Callable[[], None],
    ) -> None:
        """``wake_delivery`` is called after a commit that put messages into the outbox."""
        self._database = database
        self._router = router
        self._loader = loader
        self._stimuli = stimuli
        self._turns = turns
        self._wake_delivery = wake_delivery
        self._single = Batcher[tuple[str, Call[Any]], _Done](self._run_together, _MAX_SINGLE)

    async def carry_out(self, msisdn: str, call: Call[_R]) -> _R:
        """Carry out a call as a turn of its subscriber. Return its result; raise RefusedError if it is refused."""
        done = await self._single.submit((msisdn, call))
        if isinstance(done, Exception):
            raise done
        return cast("_R", done)  # set by Call.returning, which checks the type

    async def carry_out_all(self, calls: Sequence[tuple[str, Call[_R]]]) -> list[_R | Exception]:
        """Carry out calls in order, 1,000 in a commit; what waits for the writer meanwhile goes between two commits.

        Return for each call what ``carry_out`` would return, or the exception that it would raise: a call that is
        refused or fails does not affect the others. Raise StorageUnavailableError if the database is away; the calls
        before the present thousand are carried out then.
        """
        done: list[_R | Exception] = []
        for start in range(0, len(calls), _MAX_OF_SET):
            found = await self._run(calls[start : start + _MAX_OF_SET], self._database.write_large)
            done += cast("Sequence[_R | Exception]", found)
        return done

    async def _run_together(self, calls: _Calls) -> Sequence[_Done]:
        return await self._run(calls, self._database.write)

    async def _run(self, calls: _Calls, write: _Write) -> Sequence[_Done]:
        """Carry out calls in one commit. If that fails, go on with each half alone, so that only the cause fails."""
        try:
            done, made_messages = await write(partial(self._handle, calls=calls))
        except StorageUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  returned for the call that caused it
            if len(calls) == 1:
                return [error]
            half = len(calls) // 2
            return [*await self._run(calls[:half], write), *await self._run(calls[half:], write)]
        if made_messages:
            self._wake_delivery()
        return done

    def _handle(self, connection: Connection, *, calls: _Calls) -> _Answer:
        state = current_state(connection)
        numbers = dict.fromkeys(msisdn for msisdn, _ in calls)
        conversations.open_conversations(connection, list(numbers))
        locked = conversations.lock_conversations(connection, [(bucket_of(one), one) for one in numbers], wait=True)
        entries = self._loader.load_uncached(connection, locked, EVERYTHING)
        self._loader.load_needs(connection, [(entries[msisdn], call) for msisdn, call in calls], EVERYTHING)
        catalogue = self._turns.catalogue(connection, state.catalogue_version)
        work = self._turns.unit_of_work(one.version for one in locked)
        done: list[_Done] = []
        for msisdn, call in calls:
            if entries[msisdn].is_newer:
                done.append(StorageUnavailableError("only a process of a newer program can read the account"))
                continue
            entry, queued = entries[msisdn], self._stimuli.from_call(call, state.now)
            turn = self._turns.turn(entry.account, queued, catalogue, state.now)
            try:
                outcome = self._router.run(turn)
            except StorageUnavailableError:
                raise  # there are no ids; the whole batch is tried again
            except Exception as error:  # noqa: BLE001  returned for this call
                done.append(error)
                continue
            work.add(entry, turn, queued, outcome)
            done.append(_result_of(outcome))
        work.write(connection, state.now)
        observability.batch("calls", len(calls))
        observability.TURNS.labels("call").inc(len(calls))
        return done, work.message_count > 0


def _result_of(outcome: Outcome) -> _Done:
    refusal = outcome.refusal
    return outcome.result if refusal is None else RefusedError(refusal.reason, refusal.detail)
