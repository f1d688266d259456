"""A carrier over HTTP in a round of chaos: it calls the gateways, and is called by them."""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from app.db.session import Database
from tests.crash import judging
from tests.crash.calls import TAKEN, post
from tests.crash.carrier import Arrival, Carrier
from tests.crash.judging import Found, Outside
from tests.crash.lines.line import SETTLED_WITHIN_SECONDS, SHARE_REPORTED
from tests.crash.process import Process, client

_SHARE_TWICE = 0.2
# A carrier gives up a post after so long, and posts again.
_POST_SECONDS = 5


class HttpLine:
    """A carrier that calls the gateways, and is called by them."""

    def __init__(self, theirs: Carrier, seed: int) -> None:
        self.outside = Outside()
        self.objections: Counter[str] = Counter()
        self._theirs = theirs
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._fronts: Sequence[Process] = ()
        self._reporters = ThreadPoolExecutor(8)
        self._reports: list[Future[None]] = []

    def settings(self, folder: Path, on_unknown: str) -> Mapping[str, str]:
        return self._theirs.settings(folder, on_unknown=on_unknown)

    def begin(self, fronts: Sequence[Process]) -> None:
        self._fronts = fronts
        self._theirs.when_taken = self._report

    def write(self, number: str, message_id: str, text: str, choose: random.Random) -> None:
        body = {"message_id": message_id, "from": number, "to": "10086", "text": text}
        self._until_taken(choose, "inbound", body)
        self.outside.accepted[message_id] = number
        if choose.random() < _SHARE_TWICE:
            with suppress(httpx.TransportError):
                post(choose.choice(self._fronts), number, message_id, text, provider="theirs", within=_POST_SECONDS)

    def cut(self) -> None:
        raise NotImplementedError("there are no sessions")

    def lose_nothing_more(self) -> None:
        pass

    def calm_down(self) -> None:
        # What is sent from now on is not reported, or its reports could be on their way at the end.
        self._theirs.when_taken = lambda _arrival: None
        self._reporters.shutdown()
        for report in self._reports:
            report.result()

    def read(self, database: Database, on_unknown: str) -> Found:
        return judging.read(database, self.outside, on_unknown, self._theirs.arrivals)

    def _report(self, arrival: Arrival) -> None:
        """Report some messages as delivered: soon, before the answer or after it."""
        with self._lock:
            delay, is_reported = self._random.uniform(0, 1), self._random.random() < SHARE_REPORTED
        if is_reported:
            self._reports.append(self._reporters.submit(self._report_later, arrival.reference, delay))

    def _report_later(self, reference: str, delay: float) -> None:
        time.sleep(delay)
        body = {"message_id": f"theirs-{reference}", "reference": reference, "status": "delivered"}
        self._until_taken(random.Random(reference), "status", body)
        self.outside.delivered.add(reference)

    def _until_taken(self, choose: random.Random, webhook: str, body: dict[str, str]) -> None:
        """Post to one process after the other until one has it."""
        deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
        while True:
            url = f"{choose.choice(self._fronts).base}/webhooks/theirs/{webhook}"
            with suppress(httpx.TransportError):
                answer = client().post(url, json=body, timeout=_POST_SECONDS)
                if answer.status_code in TAKEN:
                    return
                self.outside.refusals[answer.status_code] += 1
            assert time.monotonic() < deadline, f"no process takes {body}"
            time.sleep(0.1)
