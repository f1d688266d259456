"""The scenarios, in the order in which they run. Each is a function of the lab and the empty endpoint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Result
from bench.lab import EmptyEndpoint, Lab
from bench.scenarios import clock, growth, latency, round_trips


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named scenario."""

    name: str
    title: str
    run: Callable[[Lab, EmptyEndpoint], Result]


SCENARIOS: Sequence[Scenario] = (
    Scenario("single", "Round trips, one message a request", round_trips.single),
    Scenario("array", "Round trips, arrays of 100", round_trips.array),
    Scenario("out", "Round trips out through HTTP", round_trips.out),
    Scenario("postgresql", "Round trips on PostgreSQL", round_trips.postgresql),
    Scenario("idle", "One message at a time", latency.idle),
    Scenario("open-loop", "A constant rate", latency.open_loop),
    Scenario("import", "Bulk import", growth.imports),
    Scenario("memory", "Memory", growth.memory),
    Scenario("advance", "The clock, 71 hours ahead while the network fails", clock.advance),
    Scenario("year", "The clock, a year ahead", clock.year),
)
