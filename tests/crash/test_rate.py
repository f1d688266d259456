"""The rate of a carrier is that of its contract, however many processes there are."""

import json
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml

from tests.crash.process import process_of

RATE = 50
# What a bucket of the rate may send at once, a tenth of a second's.
BURST = 5
# Requests that wait a little on the way come closer together than they were sent.
TOLERANCE = 1.3
NUMBERS = [f"+861380016{place:04}" for place in range(200)]
SENT_WITHIN_SECONDS = 120


class Carrier(ThreadingHTTPServer):
    """Accepts every message, and notes when each came, in monotonic seconds."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: dict[str, list[float]] = {}
        self.lock = threading.Lock()

    @property
    def times(self) -> list[float]:
        """When the messages came, in order."""
        with self.lock:
            return sorted(moment for moments in self.came.values() for moment in moments)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Carrier)
        self.rfile.read(int(self.headers["content-length"]))
        reference = str(self.headers["webhook-id"])
        with self.server.lock:
            self.server.came.setdefault(reference, []).append(time.monotonic())
        body = json.dumps({"message_id": f"theirs-{reference}"}).encode()
        self.send_response(httpx.codes.OK)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Write nothing."""


@contextmanager
def carrier() -> Iterator[Carrier]:
    with Carrier() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def most_in_a_second(times: list[float]) -> int:
    """Return the most that came within any second."""
    return max(bisect_left(times, moment + 1) - place for place, moment in enumerate(times))


def test_three_processes_together_send_no_more_than_the_rate(unused_postgresql_url: str, tmp_path: Path) -> None:
    with carrier() as server, ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        url = f"http://127.0.0.1:{server.server_address[1]}/send"
        settings = tmp_path / "gateway.yaml"
        settings.write_text(
            yaml.safe_dump({"providers": {"theirs": {"kind": "generic", "send_url": url, "rate": RATE}}})
        )
        starting = [
            pool.submit(
                stack.enter_context,
                process_of("serve", unused_postgresql_url, tmp_path / f"{place}.log", SMSGW_CONFIG=str(settings)),
            )
            for place in range(3)
        ]
        gateways = [one.result() for one in starting]

        def post(place: int) -> int:
            bodies = [
                {"message_id": f"m-{number}", "from": number, "to": "10086", "text": "0000"}
                for number in NUMBERS[place :: len(gateways)]
            ]
            url = f"{gateways[place].base}/webhooks/theirs/inbound"
            return httpx.post(url, json=bodies, timeout=SENT_WITHIN_SECONDS).status_code

        assert set(pool.map(post, range(len(gateways)))) == {httpx.codes.OK}
        deadline = time.monotonic() + SENT_WITHIN_SECONDS
        while len(server.came) < len(NUMBERS):
            assert time.monotonic() < deadline, f"{len(server.came)} were sent"
            time.sleep(0.1)

        times = server.times
        assert len(times) == len(NUMBERS), "none was sent twice"
        assert most_in_a_second(times) <= (RATE + BURST) * TOLERANCE
        assert times[-1] - times[0] >= (len(NUMBERS) - BURST) / RATE / TOLERANCE
