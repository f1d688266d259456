"""The result of a run, as text and as JSON."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.load import Outcome
from bench.machine import Machine
from bench.metrics import Batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The speed of a server over one period, as the load generator measured it."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, outcome: Outcome) -> "Slice":
        """Return the speed of one outcome."""
        return cls(
            answers=outcome.answers,
            seconds=outcome.finished - outcome.started,
            p50_ms=outcome.p50_seconds * 1000,
            p99_ms=outcome.p99_seconds * 1000,
        )

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The speed of a server over all slices: the median p50 and the maximum p99, in milliseconds."""

    answers: int
    per_second: float
    p50_ms: float
    p99_ms: float
    slices: list[Slice]

    @classmethod
    def over(cls, slices: Sequence[Slice]) -> "Rate":
        """Combine slices."""
        answers = sum(one.answers for one in slices)
        return cls(
            answers=answers,
            per_second=answers / sum(one.seconds for one in slices),
            p50_ms=median(one.p50_ms for one in slices),
            p99_ms=max(one.p99_ms for one in slices),
            slices=list(slices),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The gateway's result for one share of the messages. `seconds` is from the first post until it was idle again."""

    replies: int
    seconds: float
    webhook: Slice
    batches: list[Batches]

    @property
    def per_second(self) -> float:
        """Round trips per second."""
        return self.replies / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResult:
    """The gateway's result for all messages."""

    database: str
    delivery_reports: bool
    text: str
    replies: int
    seconds: float
    webhook: Rate
    batches: list[Batches]

    @classmethod
    def over(cls, rounds: Sequence[Round], *, database: str, delivery_reports: bool, text: str) -> "GatewayResult":
        """Combine rounds."""
        return cls(
            database=database,
            delivery_reports=delivery_reports,
            text=text,
            replies=sum(one.replies for one in rounds),
            seconds=sum(one.seconds for one in rounds),
            webhook=Rate.over([one.webhook for one in rounds]),
            batches=Batches.together(batches for one in rounds for batches in one.batches),
        )

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
    empty: Rate
    gateway: GatewayResult | None
    ratios: list[float]
    """For each round: round trips per answer of the empty endpoint just before and after it."""

    @property
    def ratio(self) -> float | None:
        """Round trips per answer of the empty endpoint over all rounds, None if the gateway did not run."""
        return self.gateway.round_trips_per_second / self.empty.per_second if self.gateway else None


def to_json(result: Result) -> str:
    """Return all figures as a JSON document."""
    document = dataclasses.asdict(result)
    document["ratio"] = result.ratio
    if result.gateway is not None:
        document["gateway"]["round_trips_per_second"] = result.gateway.round_trips_per_second
    return json.dumps(document, indent=2) + "\n"


def to_lines(result: Result) -> list[str]:
    """Return the lines to print."""
    machine = result.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine.packages.items())
    runs = ", ".join(f"{one.per_second:,.0f}" for one in result.empty.slices)
    lines = [
        f"machine         {machine.cores} cores, {machine.system}, Python {machine.python}, {versions}",
        f"disk            {machine.fsync_ms:.2f} ms for 4 KiB and fsync",
        f"load generator  {result.bare.per_second:,.0f} requests/s on a bare socket, {result.connections} connections",
        f"empty endpoint  {result.empty.per_second:,.0f} requests/s (runs: {runs}), 202 {_latency(result.empty)}",
    ]
    if result.gateway is not None:
        lines += _gateway_lines(result.gateway)
        rounds = ", ".join(f"{ratio:.2f}" for ratio in result.ratios)
        lines.append(
            f"ratio           {result.ratio:.2f} round trips per request of the empty endpoint (rounds: {rounds})"
        )
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
