"""A gateway as one of several processes on a database: it can crash, stop and be paused, and its commits can fail."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import event
from typing_extensions import override

from app.composition import build_gateway
from app.domain.storage import StorageUnavailableError
from app.services.gateway import Gateway
from app.services.upkeep.watching import Watch
from app.settings import Settings
from tests.simulation.chaos import Chaos, Step
from tests.simulation.loop import Job, Owner, SimulatedLoop
from tests.simulation.trace import Trace, name_of

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
# How long a transaction takes at most, in seconds.
_LONGEST_STEP = 0.004
# Longer than any lease.
_LONGEST_PAUSE = 90.0


class _NoWatch(Watch):
    """Does nothing: its writes change nothing, and would take up most of the steps of a life."""

    @override
    async def run(self) -> None:
        return


class GoneError(Exception):
    """The process ended before it answered."""


class ServerClock:
    """The clock of the database's server, in microseconds since the Unix epoch. It can be set."""

    def __init__(self, loop: SimulatedLoop, at_start: int) -> None:
        self._loop, self._ahead = loop, at_start

    def micros(self) -> int:
        return self._ahead + round(self._loop.time() * 1e6)

    def jump(self, seconds: float) -> None:
        self._ahead += round(seconds * 1e6)


class Machinery:
    """What all processes of a life share."""

    def __init__(self, loop: SimulatedLoop, chaos: Chaos, trace: Trace, clock: ServerClock) -> None:
        self.loop, self.chaos, self.trace, self.clock = loop, chaos, trace, clock
        loop.run_job = self._run_job

    def _run_job(self, owner: Owner, job: Job) -> None:
        if isinstance(owner, Process):
            self.loop.takes(self.chaos.random.uniform(0.0002, _LONGEST_STEP))
            owner.run_job(job, self.chaos.step())
        else:
            job.run()


class Process(Owner):
    """A process that runs a whole gateway, from its start to its end, on the machine of its own."""

    def __init__(self, name: str, around: Machinery, settings: Settings, wire: "httpx.AsyncBaseTransport") -> None:
        super().__init__(name)
        self._around, self._loop = around, around.loop
        self.steady_ahead = around.chaos.random.uniform(0, 1e6)
        self.wall_ahead = around.chaos.random.uniform(-600, 600)
        self.is_up = False
        self._fails_commit = False
        self._calls: set[asyncio.Future[object]] = set()
        self.up: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.owners.append(self)
        self.gateway = self.context.run(build_gateway, settings, wire)
        self.gateway.upkeep.watch = _NoWatch(self.gateway.storage.database)
        self._share_database()
        self._stopping = asyncio.Event()
        self._living = self.context.run(self._loop.create_task, self._live())
        self.note("starts", count="starts")

    def note(self, what: str, about: str = "", *, count: str | None = None) -> None:
        self._around.trace.note(self.name, what, about, count=count)

    def _share_database(self) -> None:
        """Have several processes on one file, which asks its server for the time as PostgreSQL does (ADR 27)."""
        database, server = self.gateway.storage.database, self._around.clock
        database.is_shared = True

        def ask(_connection: object) -> None:
            database.clock.learn(server.micros(), database.clock.ask())

        def commit(_connection: object) -> None:
            if self._fails_commit:
                raise sqlite3.OperationalError("the simulation fails this commit")

        event.listen(database.engine, "begin", ask)
        event.listen(database._reading, "begin", ask)
        event.listen(database.engine, "commit", commit)

    async def _live(self) -> None:
        try:
            async with self.gateway.running():
                self.is_up = True
                self.note("is up")
                self.up.set_result(None)
                await self._stopping.wait()
                self.is_up = False
        except StorageUnavailableError:
            self.note("could not start or stop well", "the database was away")
        self._end("ends")

    # ---- calls from outside

    async def ask(self, call: Callable[[Gateway], Awaitable[T]]) -> T:
        """Return what the gateway answers. Raise GoneError if it is not up, or ends before it answers."""
        if not self.is_up:
            raise GoneError
        answer: asyncio.Future[T] = self._loop.create_future()
        self._calls.add(answer)  # type: ignore[arg-type]  # any future

        async def answering() -> None:
            try:
                result = await call(self.gateway)
            except Exception as error:  # noqa: BLE001  raised where it is awaited
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():
                    answer.set_result(result)

        task = self.context.run(self._loop.create_task, answering())
        try:
            return await answer
        finally:
            del task  # nobody may let go of it before
            self._calls.discard(answer)

    # ---- steps, and what goes wrong in them

    def run_job(self, job: Job, fate: Step) -> None:
        """Run a job of this process: a transaction mostly, whole or not at all."""
        about = name_of(job)
        # Before a process is up, nobody depends on it: if it crashes every time, nothing ever happens.
        if fate is Step.DONE or (not self.is_up and fate is not Step.NOT_COMMITTED):
            self.note("does", about)
            job.run()
        elif fate is Step.CRASH_BEFORE:
            self.crash(f"before {about}")
        elif fate is Step.NOT_COMMITTED:
            self.note("fails", about, count="failed commits")
            self._fails_commit = True
            job.run()
            self._fails_commit = False
        elif fate is Step.PAUSE:
            self.note("does", about)
            job.run()
            self.pause(self._around.chaos.random.uniform(1, _LONGEST_PAUSE))
        else:
            self.note("does", f"{about}, and does not learn it", count="lost answers of the database")
            silent = Job(self._loop.create_future(), job.work, job.given)
            silent.run()
            silent.future.exception()
            if fate is Step.CRASH_AFTER:
                self.crash(f"after {about}")
            else:
                job.fail(StorageUnavailableError("the answer was lost"))

    def pause(self, seconds: float) -> None:
        """Stop this process for some seconds, as SIGSTOP does, and go on."""
        self.note(f"is paused for {seconds:.1f} s", count="pauses")
        self.is_paused = True
        self._loop.world.context.copy().run(self._loop.call_later, seconds, self.go_on)

    def go_on(self) -> None:
        if self.is_paused and not self.is_dead:
            self.is_paused = False
            self.note("goes on")

    def crash(self, when: str) -> None:
        """End this process as kill -9 does."""
        self.note("crashes", when, count="crashes")
        self._loop.kill(self)
        self._end("is gone")

    def stop(self) -> None:
        """End this process as SIGTERM does."""
        self.note("is asked to stop", count="stops")
        self.context.run(self._loop.call_soon, self._stopping.set)

    def _end(self, how: str) -> None:
        self.is_up, self.is_dead = False, True
        self.note(how)
        for call in self._calls:
            if not call.done():
                call.set_exception(GoneError())
        if not self.ended.done():
            self.ended.set_result(None)
        self._let_go()

    def _let_go(self) -> None:
        """Give back the connections that are held, through which a dead gateway would be remembered for ever."""
        database = self.gateway.storage.database
        for held in (database._together, database._file):
            if held is not None and held._connection is not None:
                held._connection.close()
                held._connection = None
