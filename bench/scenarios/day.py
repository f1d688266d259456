"""A day of the national load, compressed: the hours' rates follow a curve, scaled to what the machine reaches."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Figure, Result
from bench.gateway import WEBHOOK, Gateway
from bench.lab import EmptyEndpoint, Lab, empty_figures
from bench.load.generator import quantile
from bench.load.sending import Outcome
from bench.load.traffic import Customers, Message, Senders, one_each
from bench.scenarios.latency import MESSAGES_A_CONNECTION, reply_times
from bench.scenarios.round_trips import RoundTrips, one_a_request
from bench.usage import memory_mb

# Percent of the highest hour, from 00:00. People sleep from 1 to 6 and wake within two hours; they write most when
# business begins at 9 and 10, and when they are at home at 19 and 20; noon and the afternoon lie between. The
# percentages are an assumption.
HOURS = (18, 10, 6, 5, 5, 8, 20, 40, 65, 88, 100, 92, 80, 72, 75, 80, 82, 80, 84, 94, 100, 85, 58, 33)
# Of the national figures of a day, 1.87 million are queries and 0.50 million end a service: about every fifth message
# is a pick from the listing that came before (mission.md, scale).
TEXTS = ("0000", "0000", "0000", "0000", "1")
NATIONAL_MESSAGES = 2_370_000
MESSAGES_A_CUSTOMER = 25
FEWEST_CONNECTIONS, MOST_CONNECTIONS = 16, 256


@dataclass(frozen=True, slots=True)
class _Hour:
    """One hour of the day: what was sent when, and what it used."""

    messages: Sequence[Message]
    due: Sequence[float]
    outcome: Outcome
    processor_seconds: float


def day(lab: Lab, empty: EmptyEndpoint) -> Result:
    """A probe of the rate that the machine reaches, then 24 hours one after the other, in an open loop."""
    reached = _probe(lab)
    counts = counts_of(reached * lab.scale.peak_share, lab.scale.hour_seconds)
    customers = Customers(math.ceil(sum(counts) / MESSAGES_A_CUSTOMER), lab.scale.few_services)
    shares = [empty.share()]
    with lab.gateway(lab.empty_database("handset")) as gateway:
        lab.fill(gateway, customers)
        at_start = memory_mb(gateway.pid)
        hours, replies = _hours(lab, gateway, Senders(customers, TEXTS, scattered=True), counts)
        at_end = memory_mb(gateway.pid)
    shares.append(empty.share())
    slow, total = lab.scale.hour_seconds, sum(counts)
    return Result(
        figures=[
            Figure.of("round trips of the probe", "/s", [reached]),
            Figure.of("messages of the day", "", [total]),
            Figure.of("of the national day's messages", "%", [total / NATIONAL_MESSAGES * 100]),
            Figure.of("messages in the hours", "/s", [count / slow for count in counts]),
            *_over_the_day("answer to the request", [hour.outcome.latencies for hour in hours]),
            *_over_the_day("reply on the handset", replies),
            Figure.of("processor time a message in the hours", "µs", [_microseconds(hour) for hour in hours]),
            Figure.of("resident memory before the day", "MB", [at_start]),
            Figure.of("resident memory after the day", "MB", [at_end]),
            *empty_figures(shares),
        ],
        notes=[
            f"an hour of the day took {slow:g} s; its peak is {lab.scale.peak_share:.0%} of the probe",
            *(_row(number, hour, times, slow) for number, (hour, times) in enumerate(zip(hours, replies, strict=True))),
        ],
        taken_in="hours",
    )


def _probe(lab: Lab) -> float:
    """Return the round trips a second that single messages reach."""
    scale = lab.scale
    customers = Customers(math.ceil((scale.probe_messages + scale.warm_up) / MESSAGES_A_CUSTOMER), scale.few_services)
    with lab.gateway(lab.empty_database()) as gateway:
        lab.fill(gateway, customers)
        trips = RoundTrips(lab, gateway, one_a_request(lab), Senders(customers))
        trips.share(scale.warm_up)
        share = trips.share(scale.probe_messages)
        return share.messages / share.seconds


def counts_of(peak_per_second: float, hour_seconds: float) -> list[int]:
    """Return the number of messages of each hour."""
    return [max(1, round(peak_per_second * hour_seconds * weight / max(HOURS))) for weight in HOURS]


def _hours(
    lab: Lab, gateway: Gateway, senders: Senders, counts: Sequence[int]
) -> tuple[list[_Hour], list[list[float]]]:
    """Send the messages of each hour; return the hours, and the seconds until each reply by hour."""
    draw, hours, arrived = random.Random(10086), [], []
    with lab.display.stage("messages of the day", sum(counts)) as watch:
        for count in counts:
            before = senders.sent
            hours.append(
                _hour(lab, gateway, senders, sorted(draw.uniform(0, lab.scale.hour_seconds) for _ in range(count)))
            )
            arrived += gateway.found_inside()
            watch(before + count)
        gateway.drain(lab.limit_seconds)
        arrived += gateway.found_inside()
    messages = [message for hour in hours for message in hour.messages]
    due = [hour.outcome.started + instant for hour in hours for instant in hour.due]
    times = reply_times(messages, due, arrived)
    ends = [sum(counts[: number + 1]) for number in range(len(counts))]
    return hours, [times[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _hour(lab: Lab, gateway: Gateway, senders: Senders, due: list[float]) -> _Hour:
    messages = senders.take(len(due))
    wanted = int(len(due) / lab.scale.hour_seconds) // MESSAGES_A_CONNECTION
    connections = min(max(wanted, FEWEST_CONNECTIONS), MOST_CONNECTIONS)
    plan = lab.plan(gateway.port, one_each(WEBHOOK, messages), connections=connections, due=due)
    meter = gateway.meter()
    outcome = lab.generator.run(plan)
    return _Hour(messages, due, outcome, meter.stop().seconds["gateway"])


def _microseconds(hour: _Hour) -> float:
    return hour.processor_seconds / len(hour.messages) * 1e6


def _over_the_day(name: str, hours: Sequence[Sequence[float]]) -> list[Figure]:
    return [
        Figure.of(f"{name} in the hours, {label}", "ms", [quantile(hour, share) * 1e3 for hour in hours])
        for label, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _row(number: int, hour: _Hour, replies: Sequence[float], seconds: float) -> str:
    times = ", ".join(
        f"{name} {quantile(values, 0.5) * 1e3:,.0f} and {quantile(values, 0.99) * 1e3:,.0f}"
        for name, values in (("answer", hour.outcome.latencies), ("handset", replies))
    )
    rate = len(hour.messages) / seconds
    return f"{number:02}:00, {rate:,.0f}/s: p50 and p99 in ms: {times}; {_microseconds(hour):,.0f} µs a message"
