"""What goes wrong in a simulated life: which faults, how often and when, all of it drawn from the seed.

Each seed has faults of its own: some lives have only crashes, others everything at once. So rare combinations come up,
and no fault hides another in all of them.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from random import Random
from typing import TypeVar

from app.domain.values import value

F = TypeVar("F")


class Step(Enum):
    """What becomes of a step of a process: a transaction, or other work in a thread."""

    DONE = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()
    # The commit fails; or it is done, and the answer is lost.
    NOT_COMMITTED = auto()
    ANSWER_LOST = auto()
    PAUSE = auto()


class Wire(Enum):
    """What becomes of a request to a carrier, or to a receiver of events."""

    ANSWERED = auto()
    SLOW = auto()
    # Refused before anything was sent.
    NO_CONNECTION = auto()
    # The request arrived: its answer never comes, the connection breaks, or the answer is garbage.
    NO_ANSWER = auto()
    BROKEN = auto()
    GARBAGE = auto()
    # The connection breaks before the request arrived, which the sender cannot tell from the above.
    LOST = auto()
    BUSY = auto()
    THROTTLED = auto()
    REFUSED = auto()


_STEPS: Mapping[Step, float] = {
    Step.CRASH_BEFORE: 0.004,
    Step.CRASH_AFTER: 0.006,
    Step.NOT_COMMITTED: 0.02,
    Step.ANSWER_LOST: 0.012,
    Step.PAUSE: 0.003,
}
_WIRES: Mapping[Wire, float] = {
    Wire.SLOW: 0.08,
    Wire.NO_CONNECTION: 0.06,
    Wire.NO_ANSWER: 0.06,
    Wire.BROKEN: 0.06,
    Wire.GARBAGE: 0.03,
    Wire.LOST: 0.05,
    Wire.BUSY: 0.06,
    Wire.THROTTLED: 0.03,
    Wire.REFUSED: 0.03,
}


@value
class Plan:
    """How many of the steps and requests of this life meet each fault, as shares, and whether clocks jump.

    ``out``: the carrier that takes messages and never says so; None: none does.
    """

    steps: Mapping[Step, float]
    wires: Mapping[Wire, float]
    is_repeated: float
    is_lost: float
    clocks_jump: bool
    out: str | None

    @classmethod
    def drawn(cls, random: Random, carriers: Sequence[str]) -> "Plan":
        """Return a plan in which about a third of the faults are left out."""

        def some(rates: Mapping[F, float]) -> Mapping[F, float]:
            return {fault: rate * random.choice((0, 0.5, 1, 2)) for fault, rate in rates.items()}

        repeated, lost = random.choice((0, 0.1, 0.4)), random.choice((0, 0.1, 0.3))
        out = random.choice((*carriers, None, None, None, None))
        return cls(some(_STEPS), some(_WIRES), repeated, lost, clocks_jump=random.random() < 0.7, out=out)


class Chaos:
    """Draws faults until it is over."""

    def __init__(self, random: Random, carriers: Sequence[str]) -> None:
        self.random = random
        self.plan = Plan.drawn(random, carriers)
        self.is_over = False

    def step(self) -> Step:
        """Return what becomes of a step."""
        return self._drawn(self.plan.steps, Step.DONE)

    def wire(self, host: str) -> Wire:
        """Return what becomes of a request to a host."""
        if host == self.plan.out and not self.is_over:
            return Wire.BROKEN
        return self._drawn(self.plan.wires, Wire.ANSWERED)

    def _drawn(self, rates: Mapping[F, float], otherwise: F) -> F:
        if self.is_over:
            return otherwise
        drawn = self.random.random()
        for fault, rate in rates.items():
            drawn -= rate
            if drawn < 0:
                return fault
        return otherwise

    def chance(self, share: float) -> bool:
        """Return True for a share of the calls, and False when the chaos is over."""
        return not self.is_over and self.random.random() < share

    def soon(self) -> float:
        """Return a number of seconds that something takes: mostly some milliseconds, now and then seconds."""
        if self.is_over or self.random.random() < 0.8:
            return self.random.uniform(0.005, 0.2)
        return self.random.uniform(0.2, 15)
