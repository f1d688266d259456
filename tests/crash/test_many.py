"""Three gateways on one database, of which one is killed and one sleeps past its leases: everything happens once."""

import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg

from tests.crash.calls import TAKEN, drain, post, prepare, thread
from tests.crash.process import Process, processes_of

NUMBERS = [f"+861380014{place:04}" for place in range(20)]
MESSAGES = 10
SHARE_POSTED_TO_ALL = 0.2
KILLED_AFTER, STOPPED_AFTER = 50, 90
# Longer than the leases of duties and shares, and than a process is thought to live that is not heard of.
ASLEEP_SECONDS = 13
# A carrier gives up a post after so long, and posts again.
POST_SECONDS = 3
ACCEPTED_WITHIN_SECONDS = 120


class Load:
    """Customers who complain, each text after the one before, by way of all gateways."""

    def __init__(self, gateways: Sequence[Process]) -> None:
        self._gateways = gateways
        self._lock = threading.Lock()
        self._count = 0

    def send_all(self) -> None:
        """Post all texts of all customers."""
        with ThreadPoolExecutor(len(NUMBERS)) as customers:
            list(customers.map(self._send, range(len(NUMBERS))))

    def _send(self, customer: int) -> None:
        choose = random.Random(customer)
        with ThreadPoolExecutor(len(self._gateways)) as pool:
            for place in range(MESSAGES):
                first = self._gateways[(customer + place) % len(self._gateways)]
                at_once = self._gateways if choose.random() < SHARE_POSTED_TO_ALL else [first]
                given = [NUMBERS[customer]] * len(at_once), [place] * len(at_once)
                if not any(pool.map(_post, at_once, *given)):
                    self._post_again(NUMBERS[customer], place)
                self._disturb()

    def _post_again(self, number: str, place: int) -> None:
        deadline = time.monotonic() + ACCEPTED_WITHIN_SECONDS
        while not any(_post(gateway, number, place) for gateway in self._gateways):
            assert time.monotonic() < deadline, "no gateway accepts the message"
            time.sleep(0.1)

    def _disturb(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == KILLED_AFTER:
                self._gateways[1].kill(signal.SIGKILL)
            if self._count == STOPPED_AFTER:
                asleep = self._gateways[2].running.pid
                os.kill(asleep, signal.SIGSTOP)
                threading.Timer(ASLEEP_SECONDS, os.kill, (asleep, signal.SIGCONT)).start()


def _post(gateway: Process, number: str, place: int) -> bool:
    """Return True if the gateway has the message now."""
    try:
        status = post(gateway, number, f"{number}-{place}", f"TS {place}", within=POST_SECONDS)
    except httpx.TransportError:
        return False
    assert status in (*TAKEN, httpx.codes.SERVICE_UNAVAILABLE)
    return status in TAKEN


def test_messages_have_one_effect_and_one_answer_in_order_whoever_is_killed_or_sleeps(
    unused_postgresql_url: str, tmp_path: Path
) -> None:
    with processes_of(["serve"] * 3, unused_postgresql_url, tmp_path) as gateways:
        living = gateways[0]
        prepare(living, NUMBERS)

        began = time.monotonic()
        Load(gateways).send_all()
        time.sleep(max(0.0, began + ASLEEP_SECONDS + 1 - time.monotonic()))
        drain(living)

        for number in NUMBERS:
            found = thread(living, number)
            sent = [one for one in found if one["direction"] == "mo"]
            answers = [one["in_reply_to"] for one in found if one["direction"] == "mt"]
            assert [one["text"] for one in sent] == [f"TS {place}" for place in range(MESSAGES)]
            assert answers == [one["id"] for one in sent], "each has one answer, in the order of storing"
        # What the process that slept has under way ends with it.
        gateways[2].kill(signal.SIGTERM)
        with psycopg.connect(unused_postgresql_url) as connection:
            handled = connection.execute("SELECT status, count(*) FROM inbound_message GROUP BY status").fetchall()
            [[tickets]] = connection.execute("SELECT count(*) FROM ticket WHERE msisdn = ANY(%s)", [NUMBERS]).fetchall()
            [[under_way]] = connection.execute("SELECT count(*) FROM outbox").fetchall()
        assert handled == [("handled", len(NUMBERS) * MESSAGES)]
        assert tickets == len(NUMBERS) * MESSAGES
        assert under_way == 0, "nothing is leased, and nothing waits"
