"""One simulated life: two gateways on one database, carriers, receivers and customers, by a seed, until all is quiet."""

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from app.db import migrations
from app.db.due import outlook
from app.db.session import Database, normalise_url
from app.db.types import from_micros, to_micros
from app.domain.catalogue import ServiceProvider
from app.providers import provider_kinds
from app.services.gateway import Gateway
from app.services.simulator.fixtures import read
from app.settings import Settings, SettingsFile
from tests.running import settings_for
from tests.simulation.carrier import Carrier
from tests.simulation.chaos import Chaos
from tests.simulation.loop import SimulatedLoop
from tests.simulation.machine import BEGAN, simulated_machine
from tests.simulation.people import Handset, Receiver, bill
from tests.simulation.processes import Machinery, Process, ServerClock
from tests.simulation.trace import Log, Trace
from tests.simulation.wire import Network

# Recognises references: an unknown attempt is repeated, and harms nobody. Does not, and is not asked twice. Does not, and
# is asked again all the same, as its settings want that.
CARRIERS = {"knowing": "resend", "wary": "wait", "bold": "resend"}
SECRET = "whsec_PsU1Wq0yTnQm8cWk2ZbV7eYhXgLrD4aJ"
CHAOS_SECONDS = 30.0
# How much happens after the chaos until a result that nobody took has expired, and money was asked for again.
AFTER = timedelta(days=4)
# How long what is due may stay undone when nothing goes wrong any more: longer than any lease.
_DUE_AT_MOST = 240.0
_LOOK_SECONDS = 1.0


def settings_of(file: Path) -> Settings:
    """Return the settings of all processes of a life."""
    providers = {
        name: {"kind": "generic", "send_url": f"https://{name}.example/", "on_unknown": then}
        for name, then in CARRIERS.items()
    }
    billing = {"webhook_url": "https://billing.example/", "secret": SECRET}
    given = {"providers": providers, "default_provider": "wary", "billing": billing}
    return settings_for(f"sqlite:///{file}", file=SettingsFile.model_validate(given, context=provider_kinds()))


def make_template(file: Path) -> None:
    """Create a database with the demo's catalogue and customers, which lives begin with."""
    database = Database(normalise_url(f"sqlite:///{file}"))
    database.write_now(migrations.upgrade)
    database.close()
    Life(-1, file).prepare()


class Life:
    """A life on a database file, from which it begins."""

    def __init__(self, seed: int, file: Path) -> None:
        self.seed, self.file, self.settings = seed, file, settings_of(file)
        self.random = Random(seed)
        self.loop = SimulatedLoop(self.random)
        self.chaos = Chaos(self.random, [f"{name}.example" for name in CARRIERS])
        self.trace = Trace(self.loop)
        self.clock = ServerClock(self.loop, to_micros(BEGAN))
        self.log = Log()
        self.machinery = Machinery(self.loop, self.chaos, self.trace, self.clock)
        self.carriers = {name: Carrier(name, self, recognises=name == "knowing") for name in CARRIERS}
        self.receivers = {name: Receiver(name, self) for name in ("billing", *(f"sp:{one}" for one in _sps()))}
        servers = {f"{name.removeprefix('sp:').lower()}.example": one.serve for name, one in self.receivers.items()}
        servers |= {f"{name}.example": one.serve for name, one in self.carriers.items()}
        self.network = Network(self.machinery, servers)
        self.places = itertools.count(1)
        homes = itertools.cycle(self.carriers.values())
        self.handsets = {one.msisdn: Handset(one.msisdn, self, next(homes)) for one in read("demo").people}
        self.processes: list[Process] = []
        self.began = self.now
        self._tasks: set[asyncio.Task[None]] = set()
        # How many processes are kept up.
        self._wanted = 2

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something of the world go on by itself. The life is not over before it is."""
        task = self.loop.world.context.copy().run(self.loop.create_task, work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.errors.append(f"{type(error).__name__}: {error}")

    @property
    def now(self) -> datetime:
        """The time of the database's clock, UTC."""
        return from_micros(self.clock.micros())

    # ---- from the beginning to the end

    @contextmanager
    def _running(self) -> Iterator[None]:
        with self.log, simulated_machine(self.loop, self.seed):
            try:
                yield
            finally:
                for owner in (*self.processes, self.loop.world):
                    self.loop.kill(owner)
                self.loop.close()

    def live(self) -> None:
        """Live through the chaos and what comes after it. Raise AssertionError if it does not become quiet."""
        with self._running():
            self.loop.run_until_complete(self._live())

    def prepare(self) -> None:
        """Create the catalogue and customers of the demo, without chaos."""
        self.chaos.is_over = True
        with self._running():
            self.loop.run_until_complete(self._prepare())

    async def _prepare(self) -> None:
        process = Process("template", self.machinery, self.settings, self.network)
        self.processes = [process]
        await process.up
        await process.ask(_load)
        process.stop()
        await process.ended

    async def _live(self) -> None:
        self.clock.jump(self.random.uniform(120, 36 * 3600))
        # The clock may be set back soon.
        self.began = self.now - timedelta(minutes=1)
        keeping = [asyncio.create_task(self._keep_up(place)) for place in range(2)]
        writing = [asyncio.create_task(one.live()) for one in self.handsets.values()]
        others = [asyncio.create_task(bill(self)), asyncio.create_task(self._disturb())]
        await asyncio.sleep(CHAOS_SECONDS)
        self.chaos.is_over = True
        self.trace.note("world", "is calm")
        await asyncio.gather(*writing, *others)
        await self._drain()
        self._want(0)
        await asyncio.gather(*keeping)

    async def _keep_up(self, place: int) -> None:
        """Start a process, and another one when it has ended."""
        name = "AB"[place]
        for number in itertools.count(1):
            process = Process(f"{name}{number}", self.machinery, self.settings, self.network)
            self.processes[place : place + 1] = [process]
            await process.ended
            self.loop.kill(process)
            await asyncio.sleep(self.random.uniform(0.2, 3 if self.chaos.is_over else 20))
            if place >= self._wanted:
                return

    def _want(self, number: int) -> None:
        """Keep up so many processes from now on, and stop the others."""
        for process in self.processes[number : self._wanted]:
            process.stop()
        self._wanted = number

    async def _disturb(self) -> None:
        """Stop processes, and set the clock of the database's server, now and then."""
        while True:
            await asyncio.sleep(self.random.expovariate(1 / 8))
            if self.chaos.is_over:
                return
            what = self.random.random()
            if what < 0.3:
                self.random.choice(self.processes).stop()
            elif self.chaos.plan.clocks_jump:
                seconds = self.random.choice((-20.0, 30.0, 600.0, 4000.0, 30_000.0, 90_000.0))
                self.clock.jump(seconds)
                self.trace.note("world", f"sets the clock by {seconds} s", count="clock jumps")
                self.trace.counts["clocks set back"] += seconds < 0

    # ---- until nothing is left to do

    async def _drain(self) -> None:
        """Wait until all that falls due within some days is done; the clock is set from one thing to the next."""
        ends_at, idle_since = self.now + AFTER, self.loop.time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            due_at = self.now if self._tasks else self._next_due()
            if not self._tasks and due_at > ends_at:
                return
            if not self._tasks and self._wanted > 1:
                self._want(1)  # one can do the rest
            if self._tasks or due_at <= self.now:
                waited = self.loop.time() - idle_since
                assert waited < _DUE_AT_MOST, f"drained: something is due for {waited:.0f} s, and nobody does it"
                continue
            self.trace.note("world", f"lets time pass until {due_at:%m-%d %H:%M:%S}")
            self.clock.jump((due_at - self.now).total_seconds())
            idle_since = self.loop.time()

    def _next_due(self) -> datetime:
        """Return when something is due next; if no process is up, now."""
        up = next((process for process in self.processes if process.is_up), None)
        if up is None:
            return self.now
        loops = tuple(loop.work for loop in up.gateway.engine.loops if loop.work is not None)
        database = up.gateway.storage.database
        found = up.context.copy().run(database.read_now, lambda connection: outlook(connection, loops))
        return min(found.values(), default=datetime.max.replace(tzinfo=self.now.tzinfo))


def _sps() -> list[str]:
    return list(read("demo").service_providers)


async def _load(gateway: Gateway) -> None:
    """Load the demo; every SP gets its events."""
    demo, directory = read("demo"), gateway.management.directory
    await gateway.simulator.fixtures.load_catalogue(demo)
    for code, fields in demo.service_providers.items():
        url = f"https://{code.lower()}.example/"
        await directory.put_service_provider(ServiceProvider(sp_code=code, **fields, webhook_url=url), SECRET)
    await gateway.simulator.fixtures.load_people(demo.people)
