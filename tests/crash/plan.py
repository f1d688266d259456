"""What happens in a round of chaos, drawn from its seed: which processes run, and which faults come when."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# How long customers write, about, and within which of it faults begin.
LOAD_SECONDS = 14.0
# Longer than the leases of duties and shares, and than those of messages.
ASLEEP_SECONDS, ASLEEP_LONG_SECONDS = 13.0, 63.0
_SHARE_LONG = 0.25
_LEAST_FAULTS, _MOST_FAULTS = 3, 6
SERVER, CARRIER = -1, -2
CARRIERS = ("http", "smpp", "cmpp2", "cmpp3")
OVER_SESSIONS = frozenset({"smpp", "cmpp2", "cmpp3"})
# Half of the rounds are over sessions, whose carrier breaks them now and then, too.
_CARRIER_WEIGHTS, _MOST_CUTS = (4, 2, 1, 1), 3
_PROCESSES = (["web", "worker", "worker"], ["serve", "serve", "serve"])


class Fault(StrEnum):
    """What is done to a process of the gateway, to the server, or by the carrier."""

    KILL = "kill -9"
    SLEEP = "SIGSTOP"
    KILL_SERVER = "kill -9 of PostgreSQL"
    END_SERVER = "immediate stop of PostgreSQL"
    HANG_UP = "connections ended"
    CUT = "sessions cut"


@dataclass(frozen=True, slots=True)
class Step:
    """A fault: when it begins and how long it lasts, in seconds, and the place of the process, SERVER or CARRIER."""

    at: float
    fault: Fault
    target: int
    lasts: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A round: ``on_unknown`` is the setting of that name, ``steps`` are in the order of time."""

    seed: int
    database: str
    roles: Sequence[str]
    on_unknown: str
    carrier: str
    steps: Sequence[Step]


def draw(seed: int, database: str, carrier: str | None = None) -> Plan:
    """Return the plan of a seed, always the same, for ``sqlite`` or ``postgresql``.

    ``carrier``: what it speaks, one of CARRIERS; None: as drawn.
    """
    choose = random.Random(f"{seed}:{database}")
    roles: Sequence[str] = ["serve"] if database == "sqlite" else choose.choice(_PROCESSES)
    count = choose.randint(_LEAST_FAULTS, _MOST_FAULTS)
    # At least one process is killed.
    faults = [Fault.KILL, *(_draw_fault(choose, database) for _ in range(count - 1))]
    steps = [_step(choose, fault, len(roles)) for fault in faults]
    on_unknown = choose.choice(["wait", "resend"])
    [drawn] = choose.choices(CARRIERS, _CARRIER_WEIGHTS)
    if (carrier or drawn) in OVER_SESSIONS:
        cuts = choose.randint(1, _MOST_CUTS)
        steps += [Step(choose.uniform(0.5, LOAD_SECONDS), Fault.CUT, CARRIER, 0) for _ in range(cuts)]
    return Plan(seed, database, roles, on_unknown, carrier or drawn, sorted(steps, key=lambda step: step.at))


def _draw_fault(choose: random.Random, database: str) -> Fault:
    if database == "sqlite":
        return choose.choices([Fault.KILL, Fault.SLEEP], [4, 1])[0]
    faults = [Fault.KILL, Fault.SLEEP, Fault.KILL_SERVER, Fault.END_SERVER, Fault.HANG_UP]
    return choose.choices(faults, [4, 2, 1, 1, 1])[0]


def _step(choose: random.Random, fault: Fault, processes: int) -> Step:
    at, target = choose.uniform(0.5, LOAD_SECONDS), choose.randrange(processes)
    match fault:
        case Fault.SLEEP:
            return Step(at, fault, target, ASLEEP_LONG_SECONDS if choose.random() < _SHARE_LONG else ASLEEP_SECONDS)
        case Fault.KILL:
            return Step(at, fault, target, choose.uniform(0, 4))
        case _:
            return Step(at, fault, SERVER, choose.uniform(0, 4))
