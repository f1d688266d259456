"""Simulated time: how long it takes to move the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.errors import BenchError
from bench.figures import Figure, Result
from bench.gateway import Gateway
from bench.lab import EmptyEndpoint, Lab, empty_figures
from bench.load.traffic import Customers

WAITING = 3
STOP_ALERTS = "QXLLTX"
"""Switches data alerts off. The reply is the result of a change, so it is valid for 72 hours."""
ATTEMPTS = "smsgw_outbound_attempts_total"
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Moved:
    """One move of the clock: what it took, and how often a message was tried on the way."""

    seconds: float
    processor_seconds: float
    attempts: int


def advance(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Days ahead while the network fails and three messages wait, so that each of their retries is a step."""
    customers = Customers(WAITING, 1)

    def prepare(gateway: Gateway) -> None:
        gateway.reset()
        gateway.import_catalogue(customers)
        gateway.import_lines(customers.lines())
        gateway.drain(lab.limit_seconds)
        gateway.set_faults("error")
        tried = gateway.counted(ATTEMPTS)
        for msisdn in customers.msisdns():
            gateway.send(msisdn, STOP_ALERTS)
        gateway.drain(lab.limit_seconds)
        if gateway.counted(ATTEMPTS) - tried < WAITING:
            raise BenchError(f"{WAITING} messages should wait, but fewer were tried")

    return _moves(lab, empty, lab.scale.advance_hours, prepare)


def year(lab: Lab, empty: EmptyEndpoint) -> Result:
    """A year of a gateway that has the demo customers and hears from nobody."""
    return _moves(lab, empty, lab.scale.year_days * HOURS_A_DAY, lambda gateway: gateway.reset("demo"))


def _moves(lab: Lab, empty: EmptyEndpoint, hours: int, prepare: Callable[[Gateway], None]) -> Result:
    with lab.gateway(lab.empty_database()) as gateway:

        def move() -> Moved:
            prepare(gateway)
            tried = gateway.counted(ATTEMPTS)
            began, meter = time.monotonic(), gateway.meter()
            gateway.advance(hours=hours)
            seconds, used = time.monotonic() - began, meter.stop()
            return Moved(seconds, used.seconds["gateway"], gateway.counted(ATTEMPTS) - tried)

        pairs = lab.turns(f"{hours:,} hours", move, empty.share)
    moves = [move for _, move in pairs]
    return Result(
        figures=[
            Figure.of("seconds, by the wall", "s", [move.seconds for move in moves]),
            Figure.of("seconds, of the processor", "s", [move.processor_seconds for move in moves]),
            Figure.of("attempts to send on the way", "", [move.attempts for move in moves]),
            *empty_figures([share for share, _ in pairs]),
        ]
    )
