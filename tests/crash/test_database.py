"""A gateway whose PostgreSQL server hangs, or dies and comes back: no message is lost or answered twice."""

import threading
import time
from pathlib import Path

import httpx

from tests.crash.calls import TAKEN, drain, post, prepare, texts
from tests.crash.process import Process, client, process_of
from tests.crash.server import own_server

NUMBERS = [f"+861380015{place:04}" for place in range(20)]
# The promise is a few seconds; a machine that is busy with other tests is given more.
ANSWERED_WITHIN_SECONDS = 30
RECOVERED_WITHIN_SECONDS = 90


def test_a_server_that_hangs_makes_nobody_wait(tmp_path: Path) -> None:
    with own_server() as server, process_of("serve", server.url, tmp_path / "gateway.log") as gateway:
        prepare(gateway, NUMBERS)
        assert post(gateway, NUMBERS[0], "before", "0000") == httpx.codes.ACCEPTED
        drain(gateway)
        with server.stopped():
            began = time.monotonic()
            assert post(gateway, NUMBERS[0], "hanging", "0000") == httpx.codes.SERVICE_UNAVAILABLE
            assert gateway.status == httpx.codes.SERVICE_UNAVAILABLE
            assert client().get(f"{gateway.base}/livez", timeout=5).status_code == httpx.codes.OK
            assert time.monotonic() - began < ANSWERED_WITHIN_SECONDS
        gateway.wait_until_ready()
        # The carrier posts again what was not accepted; it may have been stored after all.
        assert post(gateway, NUMBERS[0], "hanging", "0000") in TAKEN
        drain(gateway)
        assert len(texts(gateway, NUMBERS[0])) == 2


def test_a_server_that_dies_under_load_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    refused = 0

    def handset(gateway: Process, number: str) -> None:
        nonlocal refused
        for place in range(6):
            deadline = time.monotonic() + RECOVERED_WITHIN_SECONDS
            while (status := post(gateway, number, f"{number}-{place}", "0000")) == httpx.codes.SERVICE_UNAVAILABLE:
                refused += 1
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert status in TAKEN
            time.sleep(0.3)

    with own_server() as server, process_of("serve", server.url, tmp_path / "gateway.log") as gateway:
        prepare(gateway, NUMBERS)
        handsets = [threading.Thread(target=handset, args=(gateway, number)) for number in NUMBERS]
        for one in handsets:
            one.start()
        time.sleep(0.5)
        server.end()
        time.sleep(2)
        server.start()
        for one in handsets:
            one.join()
        gateway.wait_until_ready()
        drain(gateway)

        assert refused, "nothing was posted while the server was away"
        assert {len(texts(gateway, number)) for number in NUMBERS} == {6}
