"""After kill -9 in a burst of messages, every message that got a 202 is answered as in an undisturbed run."""

import json
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.crash.calls import CUSTOMER, TEST, drain, prepare, put, subscribe, texts
from tests.crash.process import READY_SECONDS, Process, client, gateway_process

NUMBERS = [f"+86139{index:08}" for index in range(1, 101)]
# What every customer sends, in this order: twenty texts, whose answers depend on those before them.
DIALOGUE = [
    ("10086", "0000"),
    ("10086977", "1"),
    ("10086977", "1"),
    ("10086977", "9"),
    ("10086977", "全部"),
    ("10086977", "否"),
    ("10086", "你好"),
    ("10086", "QXSJB"),
    ("10086", "0000"),
    ("10086977", "查1"),
    ("10086", "QXNOSUCH"),
    ("10086977", "hehe"),
    ("10086", "HELP"),
    ("10086", "QXTQ"),
    ("10086", "QXTQ"),
    ("10086977", "1"),
    ("10086", "０"),
    ("10086", "0000"),
    ("10086", "QXCL"),
    ("10086", "谢谢"),
]
CUT_AFTER = 700
CLIENTS = 25


def _set_up(gateway: Process) -> None:
    """Load the demo's catalogue, create customers with three services each, and freeze the clock."""
    prepare(gateway)
    client().post(f"{gateway.base}/simulator/clock/advance", json={"seconds": 0}).raise_for_status()

    def create(number: str) -> None:
        put(gateway, number, CUSTOMER)
        subscribe(gateway, number, "CL", "SJB", "TQ")

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(create, NUMBERS))


@dataclass
class Burst:
    """Sends the dialogues of all customers; ``accepted`` is how many texts of each were accepted."""

    accepted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, base: str, number: str, on_count: Callable[[int], None] = lambda _count: None) -> None:
        """Send the rest of a customer's texts in order, until the gateway is gone."""
        with httpx.Client(base_url=base, timeout=10) as client:
            for index, (to, text) in enumerate(DIALOGUE[self.accepted[number] :], self.accepted[number]):
                body = {"message_id": f"{number}-{index}", "from": number, "to": to, "text": text}
                try:
                    answer = client.post("/webhooks/simulator/inbound", json=body)
                except httpx.TransportError:
                    return
                assert answer.status_code in (200, 202), answer.text
                with self.lock:
                    self.accepted[number] = index + 1
                    self.count += 1
                    on_count(self.count)


def _play(base: str, burst: Burst, on_count: Callable[[int], None] = lambda _count: None) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda number: burst.send(base, number, on_count), NUMBERS))


def _results(gateway: Process) -> dict[str, object]:
    """Return by number the texts received, the subscriptions, and whether the evidence verifies, as JSON."""
    drain(gateway)
    found: dict[str, object] = {}
    for number in NUMBERS:
        api = f"{gateway.base}/api/v1/subscribers/{number}"
        states = client().get(f"{api}/subscriptions", headers=TEST).json()["subscriptions"]
        verified = client().get(f"{api}/evidence/verify", headers=TEST).json()
        held = sorted((item["service_code"], item["state"]) for item in states)
        found[number] = json.dumps([texts(gateway, number), held, verified["ok"]], ensure_ascii=False)
    return found


def test_after_kill_9_in_a_burst_every_accepted_message_is_answered_as_if_nothing_had_happened(tmp_path: Path) -> None:
    with gateway_process(tmp_path / "undisturbed.db") as undisturbed:
        _set_up(undisturbed)
        whole = Burst()
        _play(undisturbed.base, whole)
        assert whole.count == len(NUMBERS) * len(DIALOGUE) == 2000
        expected = _results(undisturbed)
        assert undisturbed.kill(signal.SIGTERM) == 0

    burst = Burst()
    with gateway_process(tmp_path / "killed.db") as killed:
        _set_up(killed)

        def cut(count: int) -> None:
            if count == CUT_AFTER:
                os.kill(killed.running.pid, signal.SIGKILL)

        _play(killed.base, burst, cut)
        assert killed.running.wait(timeout=READY_SECONDS) == -signal.SIGKILL
    assert CUT_AFTER <= burst.count < whole.count

    with gateway_process(tmp_path / "killed.db") as again:
        # The provider repeats messages without a 202; those that were stored all the same are recognised as repeats.
        _play(again.base, burst)
        assert burst.count == whole.count
        assert _results(again) == expected
        assert again.kill(signal.SIGTERM) == 0
