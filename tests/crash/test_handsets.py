"""The stream of a handset on one process shows at once what another process sent."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.crash.calls import drain, prepare, send, texts
from tests.crash.process import Process, processes_of

# A customer of the demo.
NUMBER = "13800138000"
SHOWN_WITHIN_SECONDS = 2
ANSWERED_WITHIN_SECONDS = 60
ROUNDS = 3


@dataclass
class Screen:
    """What a stream showed: the ids of the messages that the handset received."""

    web: Process
    shown: set[str] = field(default_factory=set)
    is_open: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Read the stream until the process ends."""
        url = f"{self.web.base}/simulator/handsets/{NUMBER}/events"
        try:
            with httpx.stream("GET", url, timeout=ANSWERED_WITHIN_SECONDS) as stream:
                for line in stream.iter_lines():
                    self.is_open.set()
                    found = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                    if found.get("direction") == "mt":
                        self.shown.add(found["id"])
        except httpx.TransportError:
            return


def wait_until_answered(web: Process, count: int) -> None:
    deadline = time.monotonic() + ANSWERED_WITHIN_SECONDS
    while len(texts(web, NUMBER)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stream_shows_a_reply_that_another_process_sent(unused_postgresql_url: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool, processes_of(("web", "worker"), unused_postgresql_url, tmp_path) as (web, _):
        prepare(web)
        screen = Screen(web)
        pool.submit(screen.watch)
        assert screen.is_open.wait(ANSWERED_WITHIN_SECONDS)
        for number in range(1, ROUNDS + 1):
            send(web, NUMBER, f"TS {number}")
            wait_until_answered(web, number)
            time.sleep(SHOWN_WITHIN_SECONDS)
            assert len(screen.shown) == number
        drain(web)
