"""Daily work at a time of day, done once by the process that has the duty of its name (ADR 29).

A task is a generator of pieces, each a transaction of its own that looks whether the duty is still this process's. The
last piece marks the day as done. So a task whose process dies is taken up by the next one, and no two do it at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from app import observability
from app.db import scheduled_tasks
from app.db.session import Database
from app.domain.calendar import local
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.services.isolation import Isolation
from app.services.membership import Membership
from app.services.upkeep.pieces import Piece, Pieces

_LOOK_SECONDS = 20.0
log = observability.logger(__name__)


@value
class DailyTask:
    """Work of every day: its ``name``, which is that of its duty, too, and its time of day in Asia/Shanghai.

    ``begin`` returns the pieces of a run, and they return what it came to, for the log.
    """

    name: str
    at: time
    begin: Callable[[], Pieces[object]]


class DutyLostError(Exception):
    """Another process has the duty by now."""


class Schedule:
    """Runs daily tasks, by the database's clock: the gateway's may stand still, and days of it pass in a moment."""

    def __init__(
        self,
        database: Database,
        membership: Membership,
        tasks: Sequence[DailyTask],
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """``clock`` returns an aware time; None: the database's."""
        self._database = database
        self._membership = membership
        self._clock = clock or database.clock
        self._tasks = {task.name: (task, membership.wants(task.name)) for task in tasks}
        self._done_for: dict[str, date] = {}
        self._isolation = Isolation("scheduled task")

    async def run(self) -> None:
        """Look every few seconds whether a task is due, until cancelled."""
        while True:
            with suppress(StorageUnavailableError):
                await self.step()
            await asyncio.sleep(_LOOK_SECONDS)

    async def step(self) -> bool:
        """Run the tasks that are due and this process's, one after the other. Return True if there was one.

        Raise StorageUnavailableError.
        """
        ours = [name for name, (_, is_ours) in self._tasks.items() if is_ours()]
        return await self._isolation.each(ours, self._run_if_due)

    async def _run_if_due(self, name: str) -> bool:
        task, _ = self._tasks[name]
        day = latest_day(task.at, self._clock())
        if self._done_for.get(name) == day:
            return False
        done_for = await self._database.read(lambda connection: scheduled_tasks.done_for(connection, name))
        if done_for is None or done_for < day:
            try:
                await self._run(task, day)
            except DutyLostError:
                log.info("another process goes on with a scheduled task", task=name)
                return False
        self._done_for[name] = day
        return True

    async def _run(self, task: DailyTask, day: date) -> None:
        done: list[object] = []
        pieces, given = self._with_mark(task, day, done), None
        try:
            while True:
                given = await self._database.write_large(self._fenced(task.name, pieces.send(given)))
        except StopIteration:
            log.info("a scheduled task is done", task=task.name, day=day.isoformat(), result=str(*done))

    def _with_mark(self, task: DailyTask, day: date, done: list[object]) -> Pieces[None]:
        done.append((yield from task.begin()))
        yield lambda connection: scheduled_tasks.mark_done(connection, task.name, day, self._clock())

    def _fenced(self, duty: str, piece: Piece) -> Piece:
        def carry_out(connection: Connection) -> object:
            if not self._membership.is_held(connection, duty):
                raise DutyLostError
            return piece(connection)

        return carry_out


def latest_day(at: time, now: datetime) -> date:
    """Return the newest day, in Asia/Shanghai, whose time of day ``at`` has come."""
    here = local(now)
    return here.date() if here.time() >= at else here.date() - timedelta(days=1)
