"""What a program gets from its machine, in a simulated life: times and random numbers, all of them by the seed.

Each process has a steady clock and a wall clock of its own. Nobody waits, so that a time is what the loop says.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random

from tests.simulation.loop import RUNNING, SimulatedLoop

# When the loop's time is 0.
BEGAN = datetime(2026, 3, 2, 1, tzinfo=UTC)


@contextmanager
def simulated_machine(loop: SimulatedLoop, seed: int) -> Iterator[None]:
    """Answer what is asked of the modules ``time``, ``random`` and ``secrets`` within the context.

    Too many places ask, in libraries as well, for a value to be handed to each.
    """
    own = Random(f"machine {seed}")

    def steady() -> float:
        return loop.time() + RUNNING.get(loop.world).steady_ahead

    def wall() -> float:
        return BEGAN.timestamp() + loop.time() + RUNNING.get(loop.world).wall_ahead

    answers: dict[tuple[object, str], Callable[..., object]] = {
        (time, "monotonic"): steady,
        (time, "monotonic_ns"): lambda: round(steady() * 1e9),
        (time, "time"): wall,
        (time, "time_ns"): lambda: round(wall() * 1e9),
        (time, "thread_time"): lambda: 0.0,
        (secrets, "randbelow"): own.randrange,
        (secrets, "token_hex"): lambda size=16: own.randbytes(size).hex(),
        (random, "random"): own.random,
        (random, "uniform"): own.uniform,
    }
    real = {place: getattr(*place) for place in answers}
    for place, answer in answers.items():
        setattr(*place, answer)
    try:
        yield
    finally:
        for place, answer in real.items():
            setattr(*place, answer)
