"""A carrier in the test's own process: what it got is known whatever happens to the gateway."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml

# How long the gateway waits for an answer, and how long a late one takes.
TIMEOUT_SECONDS, LATE_SECONDS = 4, 5


class Answer(StrEnum):
    """What the carrier does with a message that it has read: it takes it, but for the last two."""

    TAKEN = "taken"
    LATE = "late"
    DROPPED = "dropped"
    THROTTLED = "throttled"
    BROKEN = "broken"


_STATUS = {Answer.THROTTLED: httpx.codes.TOO_MANY_REQUESTS, Answer.BROKEN: httpx.codes.INTERNAL_SERVER_ERROR}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came: the gateway's reference, to whom, when in monotonic seconds, and what became of it.

    ``part``: which of its segments, from 1, if the carrier takes each by itself.
    """

    reference: str
    number: str
    at: float
    answer: Answer
    part: int = 1

    @property
    def is_taken(self) -> bool:
        """The carrier has the message, whether or not the gateway was told."""
        return self.answer not in _STATUS


class Carrier(ThreadingHTTPServer):
    """Takes messages over HTTP, and notes each arrival in the order in which they came."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, seed: int = 0, shares: Mapping[Answer, float] | None = None) -> None:
        """``shares``: which part of the messages is answered otherwise than at once and well, drawn by ``seed``."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrivals: list[Arrival] = []
        # Called for each message that was taken, before it is answered.
        self.when_taken: Callable[[Arrival], None] = lambda _arrival: None
        self._random = random.Random(seed)
        shares = shares or {}
        self._choices = [*shares, Answer.TAKEN], [*shares.values(), 1 - sum(shares.values())]
        self._lock = threading.Lock()

    def handle_error(self, *_given: object) -> None:
        """Say nothing of connections that break, as gateways are killed."""

    def arrived(self, reference: str, number: str) -> Arrival:
        """Note a message, and draw what becomes of it."""
        with self._lock:
            [answer] = self._random.choices(*self._choices)
            arrival = Arrival(reference, number, time.monotonic(), answer)
            self.arrivals.append(arrival)
            return arrival

    def settings(self, folder: Path, **options: object) -> dict[str, str]:
        """Write the settings of gateways for which this is the carrier ``theirs``; return variables that name them."""
        url = f"http://127.0.0.1:{self.server_address[1]}/send"
        theirs = {"kind": "generic", "send_url": url, "timeout": f"{TIMEOUT_SECONDS}s", **options}
        path = folder / "gateway.yaml"
        path.write_text(yaml.safe_dump({"providers": {"theirs": theirs}, "auto_create_subscribers": True}))
        return {"SMSGW_CONFIG": str(path)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else each answer waits for the acknowledgement of its head.
    wbufsize = -1

    def do_POST(self) -> None:
        assert isinstance(self.server, Carrier)
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        arrival = self.server.arrived(body["reference"], body["to"])
        if arrival.is_taken:
            self.server.when_taken(arrival)
        if arrival.answer is Answer.DROPPED:
            self.close_connection = True
            return
        if arrival.answer is Answer.LATE:
            time.sleep(LATE_SECONDS)
        content = json.dumps({"message_id": f"theirs-{arrival.reference}"}).encode()
        self.send_response(_STATUS.get(arrival.answer, httpx.codes.OK))
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Write nothing."""


@contextmanager
def carrier(seed: int = 0, shares: Mapping[Answer, float] | None = None) -> Iterator[Carrier]:
    """Run a carrier on a port of its own."""
    with Carrier(seed, shares) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
