"""The rate of a carrier is that of its contract, however many processes there are."""

import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.crash.carrier import carrier
from tests.crash.process import client, processes_of

RATE = 50
# What a bucket of the rate may send at once, a tenth of a second's.
BURST = 5
# Requests that wait a little on the way come closer together than they were sent.
TOLERANCE = 1.3
NUMBERS = [f"+861380016{place:04}" for place in range(200)]
SENT_WITHIN_SECONDS = 120


def most_in_a_second(times: list[float]) -> int:
    """Return the most that came within any second."""
    return max(bisect_left(times, moment + 1) - place for place, moment in enumerate(times))


def test_three_processes_together_send_no_more_than_the_rate(unused_postgresql_url: str, tmp_path: Path) -> None:
    with carrier() as server, ThreadPoolExecutor(3) as pool, ExitStack() as stack:
        settings = server.settings(tmp_path, rate=RATE)
        gateways = stack.enter_context(processes_of(["serve"] * 3, unused_postgresql_url, tmp_path, **settings))

        def post(place: int) -> int:
            bodies = [
                {"message_id": f"m-{number}", "from": number, "to": "10086", "text": "0000"}
                for number in NUMBERS[place :: len(gateways)]
            ]
            url = f"{gateways[place].base}/webhooks/theirs/inbound"
            return client().post(url, json=bodies, timeout=SENT_WITHIN_SECONDS).status_code

        assert set(pool.map(post, range(len(gateways)))) == {httpx.codes.OK}
        deadline = time.monotonic() + SENT_WITHIN_SECONDS
        while len(server.arrivals) < len(NUMBERS):
            assert time.monotonic() < deadline, f"{len(server.arrivals)} were sent"
            time.sleep(0.1)

        times = [one.at for one in server.arrivals]
        assert len(times) == len(NUMBERS), "none was sent twice"
        assert most_in_a_second(times) <= (RATE + BURST) * TOLERANCE
        assert times[-1] - times[0] >= (len(NUMBERS) - BURST) / RATE / TOLERANCE
