"""Measures outbound messages a second: `python -m bench.outbound`.

A carrier on this machine (`bench.sink`, its own process) accepts everything. First each HTTP transport alone posts to
it through the generic provider. Then the real delivery sends a filled outbox: it claims, signs, posts and records.
"""

import asyncio
import gc
import os
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvloop
from pydantic import SecretStr

from app.db import migrations, outbox, state
from app.db.outbox import outbound_message
from app.db.session import Database, normalise_url
from app.domain.messages import MessageClass, lane_of
from app.domain.msisdn import bucket_of
from app.providers.base import Accepted, Provider, SendResult, Submission, Surroundings
from app.providers.generic import GenericOptions, GenericProvider
from app.providers.http import make_transport
from app.services.delivery.receipts import Receipts
from app.services.delivery.sending import Delivery
from app.services.ids import IdSource
from bench.errors import BenchError
from bench.processes import PROJECT, free_port, serving

SECRET = "whsec_YmVuY2htYXJrIG9mIHRoZSB3YXkgb3V0"  # noqa: S105 (signs nothing but this benchmark)
TEXT = "尊敬的神州行客户您定制的业务有1彩铃5元/月(中国移动)直接回复编号即可取消对应业务" * 2
NAME = "sink"
TARGET = 2_500
TRANSPORTS = {"the one in use": make_transport, "httpx's own": httpx.AsyncHTTPTransport}


class _NoNetwork:
    """No simulated network: the generic provider does not use it."""

    async def take(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        raise NotImplementedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    given = _parser().parse_args(arguments)
    if given.smoke:
        given.messages = min(given.messages, 500)
    given.directory.mkdir(parents=True, exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="run-", dir=given.directory) as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            # The same settings as the gateway's.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 100)
            port = free_port()
            command = [sys.executable, "-m", "bench.sink", str(port)]
            with serving(command, port=port, ready="/", log=Path(folder) / "sink.log", env=os.environ):
                runner.run(_measure(given, Path(folder), httpx.URL(f"http://127.0.0.1:{port}/send")))
    except (BenchError, OSError) as error:
        print(f"No figure: {error}", file=sys.stderr)
        return 1
    if given.smoke:
        print("a smoke run: all works, but it is too short for its figures to say much")
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m bench.outbound", description=__doc__)
    add = parser.add_argument
    add("--messages", type=int, default=20_000, help="messages to send (default: %(default)s)")
    add("--window", type=int, default=64, help="requests in flight (default: %(default)s)")
    add("--database-url", metavar="URL", help="an empty database (default: new SQLite)")
    add("--directory", type=Path, default=PROJECT / "data" / "bench", help="a real disk (default: data/bench)")
    add("--smoke", action="store_true", help="only see that all works: 500 messages")
    return parser


async def _measure(given: Namespace, folder: Path, url: httpx.URL) -> None:
    for label, make in TRANSPORTS.items():
        async with make() as transport:
            rate, cpu = await _post(_provider(transport, url), given.window, min(given.messages, 4_000))
        print(f"transport, {label}: {rate:,.0f} requests/s, {cpu:,.0f} µs of CPU each")
    async with make_transport() as transport:
        rate, cpu = await _deliver(given, folder, _provider(transport, url))
    print(f"delivery: {rate:,.0f} messages/s, {cpu:,.0f} µs of CPU each (target {TARGET:,})")


def _provider(transport: httpx.AsyncBaseTransport, url: httpx.URL) -> Provider:
    options = GenericOptions(kind="generic", secret=SecretStr(SECRET), send_url=str(url))
    return GenericProvider(NAME, options, Surroundings(_NoNetwork(), transport))


async def _post(provider: Provider, window: int, count: int) -> tuple[float, float]:
    """Return requests a second, and CPU microseconds of this process for each, for the adapter alone."""
    submission = Submission(
        "ref", "10086977", "+8613800138000", TEXT, "ucs2", 2, "reply", "prompt", None, datetime.now(UTC)
    )

    async def several(times: int) -> None:
        for _ in range(times):
            [result] = await provider.send([submission])
            if not isinstance(result, Accepted):
                raise BenchError(f"the sink did not take a message: {result}")

    await asyncio.gather(*(several(2) for _ in range(window)))
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(several(count // window) for _ in range(window)))
    done = count // window * window
    return done / (time.perf_counter() - began), (time.process_time() - cpu) / done * 1e6


async def _deliver(given: Namespace, folder: Path, provider: Provider) -> tuple[float, float]:
    """Return messages a second, and CPU microseconds of this process for each, from an outbox to the sink."""
    database = Database(normalise_url(given.database_url or f"sqlite:///{folder / 'outbox.db'}"))
    try:
        database.write_now(migrations.upgrade)
        database.write_now(lambda connection: state.initialise_state(connection, "test", "none"))
        ids = IdSource()
        await database.write(lambda connection: outbox.enqueue(connection, _rows(ids, given.messages)))
        delivery = Delivery(database, provider, Receipts(database, ids), lambda: None, window=given.window)
        began, cpu = time.perf_counter(), time.process_time()
        while await delivery.step():
            pass
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        accepted = outbound_message.c.status == "accepted"
        found = outbound_message.select().where(accepted)
        taken = len(await database.read(lambda connection: connection.execute(found).all()))
    finally:
        database.close()
    if taken != given.messages:
        raise BenchError(f"{given.messages:,} messages waited, {taken:,} were taken")
    return taken / seconds, cpu / taken * 1e6


def _rows(ids: IdSource, count: int) -> list[dict[str, object]]:
    now = datetime.now(UTC)
    numbers = [f"+86138{number:08d}" for number in range(count // 2 + 1)]
    return [
        {
            "bucket": bucket_of(numbers[index // 2]),
            "msisdn": numbers[index // 2],
            "tenure": 1,
            "id": next(ids),
            "service_number": "10086977",
            "text": TEXT,
            "class": MessageClass.REPLY,
            "lane": lane_of(MessageClass.REPLY),
            "encoding": "ucs2",
            "segments": 2,
            "provider": NAME,
            "made_at": now,
            "valid_until": now + timedelta(hours=1),
            "status": "queued",
            "due_at": now,
            "attempts": 0,
        }
        for index in range(count)
    ]


if __name__ == "__main__":
    sys.exit(main())
