"""The scenarios, in the order in which they run. Each is a function of the lab and the empty endpoint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Result
from bench.lab import EmptyEndpoint, Lab
from bench.scenarios import (
    backlog,
    beside_kannel,
    clock,
    counted,
    day,
    growth,
    latency,
    population,
    round_trips,
    workers,
)


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
    Scenario("statistics", "Round trips on PostgreSQL, whatever it has counted", counted.counted),
    Scenario("workers", "Round trips on PostgreSQL, through three workers", workers.workers),
    Scenario("idle", "One message at a time", latency.idle),
    Scenario("open-loop", "A constant rate", latency.open_loop),
    Scenario("import", "Bulk import", growth.imports),
    Scenario("memory", "Memory", growth.memory),
    Scenario("advance", "The clock, 71 hours ahead while the network fails", clock.advance),
    Scenario("year", "The clock, a year ahead", clock.year),
)

FULL_SCENARIOS: Sequence[Scenario] = (
    Scenario("kannel", "Beside Kannel", beside_kannel.beside_kannel),
    Scenario("few-5", "Few customers with 5 services each", population.few_with_few),
    Scenario("few-50", "Few customers with 50 services each", population.few_with_many),
    Scenario("backlog", "Replies that wait", backlog.backlog),
    Scenario("volume", "Many messages", growth.volume),
    Scenario("day", "A day of the national load, compressed", day.day),
    Scenario("many-5", "Many customers with 5 services each", population.many_with_few),
    Scenario("many-50", "Many customers with 50 services each", population.many_with_many),
)
"""Of a full run, which takes hours; the last one takes most of them."""
