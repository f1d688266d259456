"""Measures one bind of a session carrier, over each protocol: ``python -m bench.outbound``.

The carrier is a process of its own on loopback that answers at once, the window is 100, the database an SQLite file. It
shows messages a second, and the gateway's processor time for each (carriers.md 4.11, 10.12):

- adapter and session alone, without a database;
- through the outbox: messages that wait in the database, until the carrier has accepted all and this is recorded;
- in: messages of the carrier, until they are stored and answered; they come from abroad and get no reply;
- in, and replies: the same from customers, while the gateway handles the messages and sends its replies over the bind.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import uvloop
from sqlalchemy import Table, func, select, update

from app.composition import build_gateway
from app.db import migrations
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.session import Database, normalise_url
from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.observability import configure_logging
from app.options import ProviderOptions
from app.providers import make_provider, provider_kinds
from app.providers.base import Accepted, EndlessLease, Provider, Submission, Surroundings
from app.services.gateway import Gateway
from app.services.intake import Source
from app.settings import Environment, Settings, SettingsFile
from bench.processes import PROJECT, end, free_port

PROVIDER = "carrier"
WINDOW = 100
TEXT = "Reply 1 to stop it."
MESSAGES, SMOKE_MESSAGES = 20_000, 500
LEAST = {"adapter and session alone": 5_000, "through the outbox": 2_500, "in": 2_000, "in, and replies": 0}
"""Messages a second that are promised, on a machine with nothing else to do."""
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Kind:
    """A kind of carrier: the settings of its provider, and the module and first arguments of its program."""

    name: str
    options: Mapping[str, object]
    program: Sequence[str]


_CMPP = {"kind": "cmpp", "sp_id": "901234", "service_id": "HELP"}
KINDS = (
    Kind("SMPP", {"kind": "smpp", "system_id": "bench"}, ["bench.servers.smsc"]),
    Kind("CMPP 2.0", {**_CMPP, "version": "2.0"}, ["bench.servers.ismg", "2.0"]),
    Kind("CMPP 3.0", {**_CMPP, "version": "3.0"}, ["bench.servers.ismg", "3.0"]),
)


@contextmanager
def carrier(kind: Kind, port: int, messages: int = 0, prefix: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """Run the carrier while the block runs; it sends so many messages from numbers that begin with a prefix."""
    command = [sys.executable, "-m", *kind.program, str(port), str(messages), prefix]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT)
    try:
        line(process)
        yield process
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()


def line(process: "subprocess.Popen[bytes]") -> str:
    """Return the next line that the carrier prints."""
    return process.stdout.readline().decode() if process.stdout is not None else ""


class Measured:
    """Messages a second, and microseconds of processor time for each."""

    def __init__(self, count: int, seconds: float, processor_seconds: float) -> None:
        self.rate = count / seconds
        self.microseconds = processor_seconds / count * 1e6


# ---- adapter and session alone


class Nothing:
    """An inbox of which nothing comes back."""

    async def messages(self, found: Sequence[InboundMessage]) -> Sequence[InboundResult]:
        """Store nothing."""
        return [InboundResult("", new=True) for _ in found]

    async def reports(self, found: Sequence[DeliveryReport]) -> Sequence[bool]:
        """Store nothing."""
        return [True for _ in found]

    def confirm(self, slot: int, epoch: int, sequence: int) -> None:
        """Nothing is stored, so nothing is confirmed."""


def options(kind: Kind, port: int) -> ProviderOptions:
    """Return the settings of the provider."""
    given = {**kind.options, "address": f"127.0.0.1:{port}", "secret": "secret", "window": WINDOW}
    return provider_kinds()[str(given["kind"])].model_validate(given)


async def send_alone(kind: Kind, port: int, count: int) -> Measured:
    """Send messages over one bind, as many at a time as the window has places."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(500))
    provider = make_provider(PROVIDER, options(kind, port), Surroundings(transport))
    running = asyncio.create_task(provider.run(0, Nothing(), EndlessLease()))
    await ready(provider)
    valid_until = datetime.now(UTC) + timedelta(minutes=10)
    items = iter(
        [
            Submission(
                str(10**18 + number), "10086977", f"+861380{number:07}", TEXT, "gsm7", 1, "reply",
                "prompt", None, valid_until,
            )
            for number in range(count)
        ]
    )  # fmt: skip

    async def send() -> int:
        return sum([isinstance((await provider.send([item]))[0], Accepted) for item in items])

    began, used = time.perf_counter(), time.process_time()
    accepted = sum(await asyncio.gather(*(send() for _ in range(WINDOW))))
    measured = Measured(count, time.perf_counter() - began, time.process_time() - used)
    running.cancel()
    await asyncio.wait([running])
    if accepted != count:
        raise RuntimeError(f"{accepted} of {count} messages were accepted")
    return measured


async def ready(provider: Provider) -> None:
    """Wait until the provider's bind is up."""
    while not provider.is_ready:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(_PAUSE_SECONDS)


# ---- with a gateway


@asynccontextmanager
async def gateway_on(kind: Kind, folder: str, port: int) -> AsyncIterator[Gateway]:
    """Run a gateway on an empty database, whose default provider is the carrier on a port."""
    url = f"sqlite:///{folder}/gateway-{port}.db"
    database = Database(normalise_url(url))
    database.write_now(migrations.upgrade)
    database.close()
    given = options(kind, port)
    file = SettingsFile(default_provider=PROVIDER, providers={PROVIDER: given}, auto_create_subscribers=True)
    built = build_gateway(Settings(_env_file=None, env=Environment.TEST, database_url=url, file=file))
    async with built.running():
        yield built


async def waiting(gateway: Gateway) -> int:
    """Return how many messages the carrier has not accepted yet."""
    return await rows(gateway, outbox)


async def rows(gateway: Gateway, table: Table) -> int:
    """Return how many rows a table has."""
    count = select(func.count()).select_from(table)
    return int(await gateway.storage.database.read(lambda connection: connection.execute(count).scalar_one()))


async def send_from_outbox(kind: Kind, folder: str, port: int, count: int) -> Measured:
    """Let replies wait while the carrier is away, then hand them over."""
    async with gateway_on(kind, folder, port) as gateway:
        messages = [InboundMessage(f"{n}", f"861380{n:07}", "10086", "查") for n in range(count)]
        for first in range(0, count, 500):
            await gateway.turning.intake.store(Source(PROVIDER), messages[first : first + 500])
        while await waiting(gateway) < count:  # noqa: ASYNC110  the database tells nobody
            await asyncio.sleep(_PAUSE_SECONDS)
        short = update(outbound_message).values(text=TEXT, encoding="gsm7", segments=1)
        await gateway.storage.database.write(lambda connection: connection.execute(short))
        with carrier(kind, port):
            await ready(gateway.carriers.providers[PROVIDER])
            began, used = time.perf_counter(), time.process_time()
            while await waiting(gateway):  # noqa: ASYNC110  the database tells nobody
                await asyncio.sleep(_PAUSE_SECONDS)
            return Measured(count, time.perf_counter() - began, time.process_time() - used)


async def receive(kind: Kind, folder: str, port: int, count: int, prefix: str) -> Measured:
    """Let the carrier send messages, until it has all answers."""
    with carrier(kind, port, count, prefix) as process:
        async with gateway_on(kind, folder, port) as gateway:
            await ready(gateway.carriers.providers[PROVIDER])
            used = time.process_time()
            seconds = float(await asyncio.to_thread(line, process))
            measured = Measured(count, seconds, time.process_time() - used)
            stored = await rows(gateway, inbound_message)
            if stored != count:
                raise RuntimeError(f"{stored} of {count} messages were stored")
            return measured


# ---- the command line


def measure(kind: Kind, count: int) -> dict[str, Measured]:
    """Return the measurements by name."""
    found: dict[str, Measured] = {}
    with (
        tempfile.TemporaryDirectory(prefix="smsgw-outbound-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        port = free_port()
        with carrier(kind, port):
            found["adapter and session alone"] = runner.run(send_alone(kind, port, count))
        found["through the outbox"] = runner.run(send_from_outbox(kind, folder, free_port(), count))
        found["in"] = runner.run(receive(kind, folder, free_port(), count, "8529"))
        found["in, and replies"] = runner.run(receive(kind, folder, free_port(), count, "861380"))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement and return the exit status."""
    parser = ArgumentParser(prog="python -m bench.outbound", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--smoke", action="store_true", help="only see that all works")
    parser.add_argument("--messages", type=int, default=MESSAGES, help=f"of each measurement (default: {MESSAGES:,})")
    parser.add_argument("--only", choices=[kind.name for kind in KINDS], help="measure one of them")
    given = parser.parse_args(arguments)
    configure_logging("ERROR")
    chosen = [kind for kind in KINDS if given.only in (None, kind.name)]
    for kind in chosen:
        print(kind.name)
        for name, measured in measure(kind, SMOKE_MESSAGES if given.smoke else given.messages).items():
            promise = f" (promised: {LEAST[name]:,})" if LEAST[name] else ""
            print(
                f"  {name:28}{measured.rate:8,.0f} a second{promise}; "
                f"{measured.microseconds:6,.0f} µs of processor time each, "
                f"{1e6 / measured.microseconds:7,.0f} in a second of it"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
