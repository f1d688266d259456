"""The gateway under test: started in a process of its own, filled, drained, asked."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.errors import BenchError
from bench.load.traffic import Customers, Line, as_jsonl
from bench.processes import READY_SECONDS, free_port, serving
from bench.usage import Meter, processor_seconds

TOKEN = "demo"  # noqa: S105  the public token of the test environment
WEBHOOK = "/webhooks/generic/inbound"
TAKEN = "smsgw_outbound_accepted_total"
"""The metric that counts messages which a provider took."""
LINES_A_REQUEST = 1_000
"""As `smsgw import` sends them."""
DRAIN_SECONDS = 10
ANSWER_SECONDS = 600.0
DUMP_SECONDS = 10.0
PAUSE_SECONDS = 0.005
BEAT_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a gateway is run."""

    folder: Path
    database_url: str
    inside: str | None = None
    """What measures in its process: `stages` or `handset` (`bench.inside`)."""
    settings: str = ""
    """The content of its settings file, in YAML."""
    other_clocks: Mapping[str, Callable[[], float]] | None = None
    """Processor seconds of what works for it, such as the database's server, by name."""
    workers: int = 0
    """Processes that handle messages beside one that answers requests; 0: one process is both."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that handles messages, and the loopback port of its metrics."""

    pid: int
    port: int


class Gateway:
    """A running gateway, on a loopback port: one process, or one that answers requests and its workers."""

    def __init__(self, pid: int, port: int, client: httpx.Client, setup: Setup, workers: Sequence[Worker] = ()) -> None:
        self.pid = pid
        self.port = port
        self.workers = workers
        self._client = client
        self._setup = setup

    def meter(self) -> Meter:
        """Begin to measure what it uses; its own time is named `gateway`, or `web` and `workers`."""
        clocks = {"web" if self.workers else "gateway": lambda: processor_seconds(self.pid)}
        pids = [worker.pid for worker in self.workers]
        if pids:
            clocks["workers"] = lambda: sum(map(processor_seconds, pids))
        return Meter({**clocks, **(self._setup.other_clocks or {})}, [self.pid, *pids])

    def await_workers(self) -> None:
        """Wait until each worker counts all of them, and so has its own share. Raise BenchError if that takes long."""
        give_up = time.monotonic() + READY_SECONDS
        for worker in self.workers:
            while self.call("GET", f"http://127.0.0.1:{worker.port}/readyz")["process"]["workers"] != len(self.workers):
                if time.monotonic() > give_up:
                    raise BenchError(f"the workers did not find each other in {READY_SECONDS:g} s")
                time.sleep(BEAT_SECONDS)

    # ---- customers

    def import_catalogue(self, customers: Customers) -> None:
        """Import the SP and its services."""
        self.import_lines(customers.catalogue())

    def import_lines(self, lines: Iterable[Line], watch: Callable[[int], None] = lambda _lines: None) -> None:
        """Import lines in requests of 1,000. Raise BenchError if one of them is refused."""
        done, left = 0, iter(lines)
        while some := list(islice(left, LINES_A_REQUEST)):
            body = as_jsonl(some)
            headers = {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {TOKEN}"}
            answer = self.call("POST", "/api/v1/imports", content=body, headers=headers)
            if answer["failed"]:
                raise BenchError(f"the import refused {answer['failed']} lines, such as {answer['errors'][0]}")
            done += len(some)
            watch(done)

    # ---- the simulator

    def set_reports(self, *, wanted: bool) -> None:
        """Choose whether the simulated network sends delivery reports."""
        self.call("PUT", "/simulator/delivery", json={"report": "delivered" if wanted else "none"})

    def set_faults(self, mode: str) -> None:
        """Choose how the simulated network answers sends."""
        self.call("PUT", "/simulator/faults", json={"mode": mode})

    def reset(self, fixture: str | None = None) -> None:
        """Delete all data, and load a fixture, if one is named."""
        self.call("POST", "/simulator/reset", json={"fixture": fixture})

    def freeze_clock(self) -> None:
        """Stop the clock at its time."""
        self.advance(hours=0)

    def advance(self, *, hours: float, limit_seconds: float = ANSWER_SECONDS) -> None:
        """Move the clock, and do everything that falls due on the way."""
        self.call("POST", "/simulator/clock/advance", json={"seconds": hours * 3600}, timeout=limit_seconds)

    def send(self, msisdn: str, text: str) -> None:
        """Send a message from a simulated handset."""
        self.call("POST", f"/simulator/handsets/{msisdn}/messages", json={"to": "10086", "text": text})

    def drain(self, limit_seconds: float) -> float:
        """Wait until nothing is left to process or send; return that time (monotonic clock, seconds).

        Raises BenchError if it takes longer than `limit_seconds`.
        """
        give_up = time.monotonic() + limit_seconds
        while time.monotonic() < give_up:
            answer = self.call("POST", "/simulator/drain", json={"timeout_seconds": DRAIN_SECONDS})
            now = time.monotonic()
            if answer["idle"] is True:
                return now
        raise BenchError(f"the gateway was not idle {limit_seconds:g} s after the last message")

    # ---- what it says

    @property
    def database_mb(self) -> float:
        """The size of its SQLite database in MB (10⁶ bytes), with what is not yet moved into the main file."""
        return sum(file.stat().st_size for file in self._setup.folder.glob("gateway.db*")) / 1e6

    def last_text(self, msisdn: str) -> str:
        """Return the last text that a simulated handset got."""
        messages = self.call("GET", f"/simulator/handsets/{msisdn}/messages")["messages"]
        texts: list[str] = [message["text"] for message in messages if message["direction"] == "mt"]
        return texts[-1]

    def counted(self, metric: str, **labels: str) -> int:
        """Return the sum of a metric over all processes and its labels, those with `labels` alone."""
        addresses = ["/metrics", *(f"http://127.0.0.1:{worker.port}/metrics" for worker in self.workers)]
        return sum(self._counted_at(address, metric, labels) for address in addresses)

    def _counted_at(self, address: str, metric: str, labels: Mapping[str, str]) -> int:
        text: str = self._answer("GET", address).text
        samples = (one for family in text_string_to_metric_families(text) for one in family.samples)
        return round(sum(one.value for one in samples if one.name == metric and labels.items() <= one.labels.items()))

    @property
    def waiting(self) -> int:
        """The number of messages that wait to be sent."""
        return self.counted("smsgw_backlog", queue="unsent")

    def found_inside(self) -> Any:  # noqa: ANN401  JSON
        """Return what `bench.inside` found since this was called before."""
        file = inside_file(self._setup.folder)
        os.kill(self.pid, signal.SIGUSR1)
        give_up = time.monotonic() + DUMP_SECONDS
        while not file.exists():
            if time.monotonic() > give_up:
                raise BenchError("the gateway's process did not say what it measured")
            time.sleep(PAUSE_SECONDS)
        found = json.loads(file.read_text())
        file.unlink()
        return found

    def call(self, method: str, path: str, **given: Any) -> Any:  # noqa: ANN401  passed on; JSON
        """Return the JSON that a call answers. Raise BenchError if it fails."""
        return self._answer(method, path, **given).json()

    def _answer(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401  passed on
        try:
            answer = self._client.request(method, path, follow_redirects=True, **given)
        except httpx.TransportError as error:
            raise BenchError(f"{method} {path} got no answer: {error!r}") from error
        if not answer.is_success:
            raise BenchError(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer


def inside_file(folder: Path) -> Path:
    """Return the file in which `bench.inside` says what it found."""
    return folder / "inside.json"


@contextmanager
def running_gateway(setup: Setup) -> Iterator[Gateway]:
    """Run a gateway while the block runs. It brings the schema up to date itself, as it does in tests."""
    log, port = setup.folder / "gateway.log", free_port()
    # In a folder of its own and with nothing inherited, so that no settings of this checkout or shell have a say.
    env = {name: value for name, value in os.environ.items() if not name.startswith("SMSGW_")}
    env |= {"SMSGW_ENV": "test", "SMSGW_DATABASE_URL": setup.database_url}
    if setup.settings:
        file = setup.folder / "gateway.yaml"
        file.write_text(setup.settings)
        env["SMSGW_CONFIG"] = str(file)
    program = ["app"]
    if setup.inside:
        program = ["bench.inside.launcher", setup.inside, str(inside_file(setup.folder))]
    role = "web" if setup.workers else "serve"
    command = [sys.executable, "-m", *program, role, "--port", str(port)]
    with (
        serving(command, port=port, ready="/readyz", log=log, env=env, folder=setup.folder) as pid,
        ExitStack() as stack,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=ANSWER_SECONDS) as client,
    ):
        workers = [stack.enter_context(_worker(setup, number, env)) for number in range(setup.workers)]
        gateway = Gateway(pid, port, client, setup, workers)
        gateway.await_workers()
        yield gateway


@contextmanager
def _worker(setup: Setup, number: int, env: Mapping[str, str]) -> Iterator[Worker]:
    port, log = free_port(), setup.folder / f"worker-{number}.log"
    command = [sys.executable, "-m", "app", "worker", "--port", str(port)]
    with serving(command, port=port, ready="/readyz", log=log, env=env, folder=setup.folder) as pid:
        yield Worker(pid, port)
