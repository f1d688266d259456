"""Four workers, two binds: one is killed, one sleeps past its lease, one is asked to end (carriers.md 10.9)."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg

from tests.crash.process import READY_SECONDS, Process, environment_of
from tests.crash.wire import Carrier

TAKEN_OVER_SECONDS = 40
ASLEEP_SECONDS = 60
CLOSED_SECONDS = 1
_SETTINGS = """
default_provider: wire
providers:
  wire:
    kind: wire
    port: {port}
    binds: 2
"""


@contextmanager
def carrier() -> Iterator[Carrier]:
    with Carrier() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def gateway(database_url: str, folder: Path, name: str) -> Iterator[Process]:
    """Start a gateway that knows the carrier, and wait until it answers."""
    settings = {"SMSGW_CONFIG": str(folder / "gateway.yaml")}
    log_file = folder / f"{name}.log"
    started = Process("serve", environment_of(database_url, settings), log_file, module="tests.crash.wire")
    started.start()
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _is_alive(started):
            assert started.running.poll() is None, log_file.read_text()
            assert time.monotonic() < deadline, "the gateway did not start"
            time.sleep(0.1)
        yield started
    finally:
        started.end()


def _is_alive(process: Process) -> bool:
    try:
        return httpx.get(f"{process.base}/livez", timeout=1).is_success
    except httpx.TransportError:
        return False


def wait_for(server: Carrier, condition: Callable[[], bool], seconds: float) -> None:
    with server.changed:
        assert server.changed.wait_for(condition, seconds), [vars(one) for one in server.sessions]


def ask(processes: list[Process], group: int, count: int) -> None:
    """Have a group of customers ask for something, by way of the processes that are awake."""
    for place in range(count):
        number = f"138{group:04}{place:04}"
        body = {"message_id": number, "from": number, "to": "10086", "text": "帮助"}
        process = processes[place % len(processes)]
        answer = httpx.post(f"{process.base}/webhooks/generic/inbound", json=body, timeout=30)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text


def test_two_sessions_whatever_happens_to_their_holders(unused_postgresql_url: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(carrier())
        (tmp_path / "gateway.yaml").write_text(_SETTINGS.format(port=server.server_address[1]), encoding="utf-8")
        gateways = [
            stack.enter_context(gateway(unused_postgresql_url, tmp_path, f"gateway-{place}")) for place in range(4)
        ]
        by_pid = {one.running.pid: one for one in gateways}
        wait_for(server, lambda: len(server.open) == 2, TAKEN_OVER_SECONDS)
        ask(gateways, 0, 20)

        killed = by_pid.pop(server.open[0].by)
        killed.kill(signal.SIGKILL)
        died_at = time.monotonic()
        ask([*by_pid.values()], 1, 20)
        wait_for(server, lambda: len(server.open) == 2, TAKEN_OVER_SECONDS)
        assert time.monotonic() - died_at < TAKEN_OVER_SECONDS
        assert killed.running.pid not in {one.by for one in server.open}

        asleep = server.open[0].by
        old = [one for one in server.open if one.by == asleep]
        os.kill(asleep, signal.SIGSTOP)
        stopped_at = time.monotonic()
        ask([one for pid, one in by_pid.items() if pid != asleep], 2, 20)
        wait_for(server, lambda: sum(one.by != asleep for one in server.open) == 2, TAKEN_OVER_SECONDS)
        time.sleep(max(0.0, ASLEEP_SECONDS - (time.monotonic() - stopped_at)))
        os.kill(asleep, signal.SIGCONT)
        woken_at = time.monotonic()
        wait_for(server, lambda: all(one.ended_at < woken_at + CLOSED_SECONDS for one in old), 10)
        assert [line for one in old for line in one.lines if line[0] > woken_at] == []

        leaving = by_pid.pop(next(one.by for one in server.open if one.by != asleep))
        left = [one for one in server.open if one.by == leaving.running.pid]
        assert leaving.kill(signal.SIGTERM) == 0
        assert [one.lines[-1][1] for one in left] == ["goodbye"] * len(left)
        wait_for(server, lambda: len(server.open) == 2, TAKEN_OVER_SECONDS)

        others = [one for one in server.sessions if one not in old]
        assert max(sum(o.began_at <= one.began_at < o.ended_at for o in others) for one in others) == 2
        ask([*by_pid.values()], 3, 20)
        assert _settled(unused_postgresql_url) == 80
        assert Counter(server.references).most_common(1)[0][1] == 1


def _settled(database_url: str) -> int:
    """Wait until nothing is on its way, and return the number of messages to customers."""
    deadline = time.monotonic() + READY_SECONDS
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute("SELECT count(*) FROM inbound_message WHERE status = 'pending'").fetchone() != (
            0,
        ) or (connection.execute("SELECT count(*) FROM outbox").fetchone() != (0,)):
            assert time.monotonic() < deadline, "messages are still on their way"
            time.sleep(0.2)
        found = connection.execute("SELECT count(*) FROM outbound_message").fetchone()
    assert found is not None
    return int(found[0])
