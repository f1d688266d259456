"""Latency: one message at a time on a quiet gateway, and an open loop at a constant rate.

Both measure the answer to the request (202) and the arrival of the reply on the simulated handset, which the gateway's
process notes with the monotonic clock of the machine.
"""

import random
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import sleep

from bench.errors import BenchError
from bench.figures import Figure, Result
from bench.gateway import WEBHOOK, Gateway
from bench.lab import EmptyEndpoint, EmptyShare, Lab
from bench.load.generator import evenly, quantile
from bench.load.traffic import Message, Senders, one_each

# Apart by no fixed time, so that no message keeps step with what the gateway does by itself.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 0.3
FEWEST_CONNECTIONS, MESSAGES_A_CONNECTION = 16, 8
"""Of the open loop: a connection for each 8 messages a second."""
REACHED = 0.95
"""The share of a rate that must be answered in time for the rate to be reached."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One turn of the gateway: seconds until each answer and until each reply, and what was used meanwhile."""

    answers: Sequence[float]
    replies: Sequence[float]
    per_second: float
    """Replies, from the first one to the last."""
    seconds: float
    processor_seconds: float


def idle(lab: Lab, empty: EmptyEndpoint) -> Result:
    """One message at a time."""
    draw = random.Random(10086)
    pauses = [draw.uniform(SHORTEST_PAUSE, LONGEST_PAUSE) for _ in range(lab.scale.idle_messages)]
    due = [sum(pauses[:number]) for number in range(len(pauses))]
    with lab.gateway(lab.with_customers("handset")) as gateway:
        senders = Senders(lab.customers())
        for _ in range(2):  # warm up
            _turn(lab, gateway, senders, due, connections=1)
        resting = _resting(lab, gateway)
        pairs = lab.turns(
            "one at a time",
            lambda: _turn(lab, gateway, senders, due, connections=1),
            lambda: empty.share(due=due, connections=1),
        )
    turns = [turn for _, turn in pairs]
    empty_ms = [share.microseconds / 1e3 for share, _ in pairs]
    spent = [(turn.processor_seconds - resting * turn.seconds) / len(due) * 1e3 for turn in turns]
    return Result(
        figures=[
            *_latencies("answer to the request", [turn.answers for turn in turns]),
            *_latencies("reply on the handset", [turn.replies for turn in turns]),
            *_latencies("empty endpoint, answer", [share.outcome.latencies for share, _ in pairs]),
            Figure.of("processor time a message", "ms", spent),
            Figure.of("processor time a second without messages", "ms", [resting * 1e3]),
            Figure.of("empty endpoint, processor time at this pace", "ms", empty_ms),
        ]
    )


def open_loop(lab: Lab, empty: EmptyEndpoint) -> Result:
    """A constant number of messages a second, whatever becomes of those before."""
    figures: list[Figure] = []
    notes: list[str] = []
    with lab.gateway(lab.with_customers("handset")) as gateway:
        senders = Senders(lab.customers())
        for rate in lab.scale.rates:
            due = evenly(rate, lab.scale.open_loop_seconds)
            connections = max(FEWEST_CONNECTIONS, rate // MESSAGES_A_CONNECTION)
            turn = partial(_turn, lab, gateway, senders, due, connections=connections)
            turn()  # warm up
            pairs = lab.turns(f"{rate:,} a second", turn, partial(empty.share, due=due, connections=connections))
            found, reached = _at_rate(rate, pairs)
            figures += found
            if reached < rate * REACHED:
                notes.append(f"not reached: {rate:,} a second; replies came at {reached:,.0f} a second")
    return Result(figures=figures, notes=notes)


def _at_rate(rate: int, pairs: Sequence[tuple[EmptyShare, Timed]]) -> tuple[list[Figure], float]:
    """Return the figures at one rate, and the replies a second."""
    turns = [turn for _, turn in pairs]
    at = f"at {rate:,}/s: "
    replied = Figure.of(f"{at}replies", "/s", [turn.per_second for turn in turns])
    figures = [
        replied,
        *(
            Figure.of(f"{at}{name}, p{share * 100:.0f}", "ms", [quantile(values, share) * 1e3 for values in measured])
            for name, measured in (
                ("answer to the request", [turn.answers for turn in turns]),
                ("reply on the handset", [turn.replies for turn in turns]),
                ("empty endpoint", [empty.outcome.latencies for empty, _ in pairs]),
            )
            for share in (0.5, 0.99)
        ),
        Figure.of(
            f"{at}processor time a message", "µs", [turn.processor_seconds / len(turn.answers) * 1e6 for turn in turns]
        ),
        Figure.of(f"{at}empty endpoint, processor time", "µs", [empty.microseconds for empty, _ in pairs]),
    ]
    return figures, replied.median


def _turn(lab: Lab, gateway: Gateway, senders: Senders, due: list[float], *, connections: int) -> Timed:
    """Send a message at each of the instants and wait until all is done."""
    messages = senders.take(len(due))
    meter = gateway.meter()
    plan = lab.plan(gateway.port, one_each(WEBHOOK, messages), connections=connections, due=due)
    outcome = lab.generator.run(plan)
    idle_at = gateway.drain(lab.limit_seconds)
    used = meter.stop()
    arrived = gateway.found_inside()
    times = [at for at, _ in arrived]
    return Timed(
        outcome.latencies,
        reply_times(messages, [outcome.started + instant for instant in due], arrived),
        len(arrived) / (max(times) - min(times)),
        idle_at - outcome.started,
        used.seconds["gateway"],
    )


def reply_times(messages: Sequence[Message], due: Sequence[float], arrived: Sequence[tuple[float, str]]) -> list[float]:
    """Return the seconds from each message's instant, on the monotonic clock, to its reply.

    The replies of a number come in the order of its messages. Raise BenchError unless each message has one.
    """
    by_number: defaultdict[str, deque[float]] = defaultdict(deque)
    for at, msisdn in arrived:
        by_number[msisdn.removeprefix("+86")].append(at)
    if len(arrived) != len(messages) or any(not by_number[message["from"]] for message in messages):
        raise BenchError(f"{len(messages):,} messages got {len(arrived):,} replies")
    return [by_number[message["from"]].popleft() - at for message, at in zip(messages, due, strict=True)]


def _resting(lab: Lab, gateway: Gateway) -> float:
    """Return the processor seconds that the gateway takes a second while nothing comes."""
    meter = gateway.meter()
    sleep(lab.scale.idle_seconds)
    return meter.stop().seconds["gateway"] / lab.scale.idle_seconds


def _latencies(name: str, turns: Sequence[Sequence[float]]) -> list[Figure]:
    return [
        Figure.of(f"{name}, {label}", "ms", [quantile(turn, share) * 1e3 for turn in turns])
        for label, share in (("p50", 0.5), ("p90", 0.9), ("longest", 1.0))
    ]
