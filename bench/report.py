"""The result of a run: as lines to read and as JSON."""

import dataclasses
import json
from dataclasses import dataclass

from bench.load import Outcome
from bench.machine import Machine
from bench.metrics import Batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast a server answered, seen by the load generator. Latencies in milliseconds."""

    answers: int
    per_second: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, outcome: Outcome) -> "Rate":
        """Sum an outcome up."""
        return cls(
            answers=outcome.answers,
            per_second=outcome.per_second,
            p50_ms=outcome.p50_seconds * 1000,
            p99_ms=outcome.p99_seconds * 1000,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResult:
    """What the gateway did. `seconds` runs from the first post until the gateway was idle again."""

    database: str
    delivery_reports: bool
    text: str
    messages: int
    replies: int
    seconds: float
    webhook: Rate
    batches: list[Batches]

    @property
    def round_trips_per_second(self) -> float:
        """Replies taken by the provider per second."""
        return self.replies / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All figures of a run."""

    machine: Machine
    connections: int
    bare: Rate
    empty: list[Rate]
    """The empty endpoint before the gateway ran, and after."""
    gateway: GatewayResult | None

    @property
    def empty_per_second(self) -> float:
        """Answers of the empty endpoint per second, the mean of its runs."""
        return sum(rate.per_second for rate in self.empty) / len(self.empty)

    @property
    def ratio(self) -> float | None:
        """Round trips per answer of the empty endpoint, None if the gateway did not run."""
        return self.gateway.round_trips_per_second / self.empty_per_second if self.gateway else None


def to_json(result: Result) -> str:
    """Return all figures as a JSON document."""
    document = dataclasses.asdict(result)
    document["empty_per_second"] = result.empty_per_second
    document["ratio"] = result.ratio
    if result.gateway is not None:
        document["gateway"]["round_trips_per_second"] = result.gateway.round_trips_per_second
    return json.dumps(document, indent=2) + "\n"


def to_lines(result: Result) -> list[str]:
    """Return the lines to print."""
    machine = result.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine.packages.items())
    runs = " and ".join(f"{rate.per_second:,.0f}" for rate in result.empty)
    lines = [
        f"machine         {machine.cores} cores, {machine.system}, Python {machine.python}, {versions}",
        f"disk            {machine.fsync_ms:.2f} ms for 4 KiB and fsync",
        f"load generator  {result.bare.per_second:,.0f} requests/s on a bare socket, {result.connections} connections",
        f"empty endpoint  {result.empty_per_second:,.0f} requests/s (runs: {runs}), 202 {_latency(result.empty[-1])}",
    ]
    if result.gateway is not None:
        lines += _gateway_lines(result.gateway)
        lines.append(f"ratio           {result.ratio:.2f} round trips per request of the empty endpoint")
    return lines


def _gateway_lines(gateway: GatewayResult) -> list[str]:
    reports = "with" if gateway.delivery_reports else "without"
    course = f"{gateway.replies:,} in {gateway.seconds:.2f} s, {gateway.database}, {reports} delivery reports"
    return [
        f"gateway         {gateway.round_trips_per_second:,.0f} round trips/s ({course})",
        f"webhook         {gateway.webhook.per_second:,.0f} accepted/s, 202 {_latency(gateway.webhook)}",
        *(f"batches         {_batches(batches)}" for batches in gateway.batches),
    ]


def _latency(rate: Rate) -> str:
    return f"after p50 {rate.p50_ms:.1f} ms, p99 {rate.p99_ms:.1f} ms"


def _batches(batches: Batches) -> str:
    labels = ",".join(f"{name}={value}" for name, value in batches.labels.items())
    return f"{batches.name}{{{labels}}}: {batches.count:,}, mean {batches.mean:.4g}"
