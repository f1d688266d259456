"""Many waiting messages drained by three workers, of which the one that sends is killed: none is lost or out of order.

``make drain`` does it with 300,000 messages on a PostgreSQL server of its own.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from app.db.session import Database, normalise_url
from tests.crash import judging
from tests.crash.calls import TAKEN, ready
from tests.crash.carrier import Carrier, carrier
from tests.crash.judging import Outside
from tests.crash.process import Process, client, processes_of
from tests.crash.server import own_server

WORKERS = 3
# Each customer's messages are handled in their order, and are fewer than the limit of a minute.
OF_EACH = 10
_AT_ONCE, _POSTERS = 500, 2
_KILLED_AFTER = 0.3
# Without a limit of the contract the sending worker's core is the limit.
_RATE = 100_000


@dataclass
class Drained:
    """What came of it: how long it took, and what was wrong."""

    storing_seconds: float
    draining_seconds: float
    counts: Counter[str]
    wrong: Sequence[str]


def drain(messages: int, folder: Path) -> Drained:
    """Store messages while no worker runs, and let three workers drain them, of which one is killed."""
    with own_server() as server, carrier() as theirs:
        settings = theirs.settings(folder, on_unknown="resend", rate=_RATE)
        with processes_of(["web"], server.url, folder, **settings) as [web]:
            began = time.monotonic()
            outside = _store(web, messages)
            stored = time.monotonic()
            workers = folder / "workers"
            workers.mkdir()
            with processes_of(["worker"] * WORKERS, server.url, workers, **settings) as working:
                started = time.monotonic()
                killed = _kill_the_sender(working, theirs, round(messages * _KILLED_AFTER))
                outside.faults.append((killed, time.monotonic()))
                database = Database(normalise_url(server.url))
                judging.wait_until_settled(database, 60 + messages / 20)
                ended = time.monotonic()
            wrong, counts = _judge(database, outside, theirs)
            database.close()
    return Drained(stored - began, ended - started, counts, wrong)


def _bodies(messages: int) -> Iterator[list[dict[str, str]]]:
    """Yield arrays of complaints, those of a customer in one array and in their order."""
    numbers = [f"+86139{place:08}" for place in range(-(-messages // OF_EACH))]
    every = [
        {"message_id": f"{number}-{place}", "from": number, "to": "10086", "text": f"TS {place}"}
        for number in numbers
        for place in range(OF_EACH)
    ][:messages]
    for first in range(0, len(every), _AT_ONCE):
        yield every[first : first + _AT_ONCE]


def _store(web: Process, messages: int) -> Outside:
    outside = Outside()

    def post(bodies: list[dict[str, str]]) -> None:
        answer = client().post(f"{web.base}/webhooks/theirs/inbound", json=bodies)
        assert answer.status_code in TAKEN, answer.text
        outside.accepted |= {body["message_id"]: body["from"] for body in bodies}

    with ThreadPoolExecutor(_POSTERS) as pool:
        list(pool.map(post, _bodies(messages)))
    return outside


def _kill_the_sender(workers: Sequence[Process], theirs: Carrier, after: int) -> float:
    """Kill the worker that sends through the carrier, once so many messages arrived. Return when."""
    while len(theirs.arrivals) < after:
        assert all(one.running.poll() is None for one in workers), "a worker ended by itself"
        time.sleep(0.1)
    [sender] = [one for one in workers if "carrier:theirs" in ready(one)["process"]["duties"]]
    sender.kill(signal.SIGKILL)
    return time.monotonic()


def _judge(database: Database, outside: Outside, theirs: Carrier) -> tuple[list[str], Counter[str]]:
    found = judging.read(database, outside, "resend", theirs.arrivals)
    wrong = list(judging.violations(found))
    complaints = judging.per_number(database, judging.TICKETS, judging.IS_COMPLAINT)
    if complaints != Counter(outside.accepted.values()):
        wrong.append(f"{sum(complaints.values())} complaints of {len(complaints)} customers are on record")
    return wrong, judging.counts(found)


def main() -> int:
    """Drain messages and print how long it took. Return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash.backlog", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--messages", type=int, default=300_000, help="how many wait (%(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smsgw-backlog-") as folder:
        done = drain(given.messages, Path(folder))
    print("\n".join(done.wrong[:20]))
    print(f"{given.messages} messages were stored in {done.storing_seconds:.0f} s.")
    rate = given.messages / done.draining_seconds
    print(f"They were handled and their answers sent in {done.draining_seconds:.0f} s, {rate:.0f} a second.")
    print(", ".join(f"{count} {what}" for what, count in done.counts.items()) + f"; {len(done.wrong)} wrong.")
    return 1 if done.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
