"""The gateway process under test: start, fill, drain, read metrics."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench import traffic
from bench.errors import BenchError
from bench.metrics import Snapshot
from bench.processes import free_port, run_to_end, serving

WEBHOOK = "/webhooks/generic/inbound"
MIGRATE_SECONDS = 120.0
DRAIN_SECONDS = 10
ANSWER_SECONDS = 60.0


class Gateway:
    """A running gateway, on a loopback port."""

    def __init__(self, port: int, client: httpx.Client) -> None:
        self.port = port
        self._client = client

    def make_catalogue(self) -> None:
        """Create the SP and its services."""
        for path, body in traffic.catalogue():
            self._call("PUT", path, body, token=traffic.TOKEN)

    def set_reports(self, *, wanted: bool) -> None:
        """Choose whether the simulated network sends delivery reports."""
        self._call("PUT", "/simulator/delivery", {"report": "delivered" if wanted else "none"})

    def drain(self, limit_seconds: float) -> float:
        """Wait until nothing is left to process or send; return that time (monotonic clock, seconds).

        Raises BenchError if it takes longer than `limit_seconds`.
        """
        give_up = time.monotonic() + limit_seconds
        while time.monotonic() < give_up:
            answer = self._call("POST", "/simulator/drain", {"timeout_seconds": DRAIN_SECONDS})
            now = time.monotonic()
            if answer.json().get("idle") is True:
                return now
        raise BenchError(f"the gateway was not idle {limit_seconds:g} s after the last message")

    def metrics(self) -> Snapshot:
        """Read all metrics as they are now."""
        return Snapshot.parse(self._call("GET", "/metrics").text)

    def _call(self, method: str, path: str, body: object = None, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = self._client.request(method, path, json=body, headers=headers, follow_redirects=True)
        except httpx.TransportError as error:
            raise BenchError(f"{method} {path} got no answer: {error!r}") from error
        if not answer.is_success:
            raise BenchError(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer


@contextmanager
def running_gateway(database_url: str, log: Path) -> Iterator[Gateway]:
    """Bring the schema up to date and run a gateway while the block runs."""
    env = {**os.environ, "SMSGW_ENV": "test", "SMSGW_DATABASE_URL": database_url}
    run_to_end(_app("migrate"), log=log, env=env, seconds=MIGRATE_SECONDS)
    port = free_port()
    with (
        serving(_app("serve", "--port", str(port)), port=port, ready="/readyz", log=log, env=env),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=ANSWER_SECONDS) as client,
    ):
        yield Gateway(port, client)


def _app(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "app", *arguments]
